"""What is installed is what was tested: every package pinned with hashes, wherever a machine gets its packages."""

import re
import tomllib

import pytest
from tree import ROOT

# The service, and the service with its tests.
LOCKS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-test.lock")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

either = pytest.mark.parametrize("lock", LOCKS.values(), ids=list(LOCKS))


def canonical(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, f"no name in {requirement}"
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def entries(lock: str) -> list[str]:
    """Return the lock's entries, each with its continuation lines joined and comments left out."""
    lines = (line for line in lock.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return "\n".join(lines).replace("\\\n", " ").splitlines()


@either
def test_every_package_is_pinned_to_one_version_with_hashes(lock: str) -> None:
    loose = [line for line in entries(lock) if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]
    assert loose == []


@either
def test_no_package_is_pinned_twice(lock: str) -> None:
    names = [canonical(line) for line in entries(lock)]
    assert len(names) == len(set(names))


@either
def test_the_lock_names_no_host_and_no_option(lock: str) -> None:
    assert "://" not in lock
    assert [line for line in lock.splitlines() if line.startswith("-")] == []


def test_every_dependency_of_the_project_is_in_its_lock() -> None:
    service = [*PROJECT["dependencies"], *EXTRAS["build"]]
    for name, wanted in {
        "requirements.lock": service,
        "requirements-test.lock": [*service, *EXTRAS["test"]],
    }.items():
        assert {canonical(each) for each in wanted} <= {canonical(line) for line in entries(LOCKS[name])}


def test_the_service_runs_on_the_packages_that_its_tests_ran_on() -> None:
    assert set(entries(LOCKS["requirements.lock"])) <= set(entries(LOCKS["requirements-test.lock"]))


def test_the_service_comes_without_what_only_tests_need() -> None:
    names = {canonical(line) for line in entries(LOCKS["requirements.lock"])}
    assert names.isdisjoint(canonical(each) for each in EXTRAS["test"])
