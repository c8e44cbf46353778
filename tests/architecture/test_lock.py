"""What is installed is what was tested: every package pinned with hashes, wherever a machine gets its packages."""

import re
import tomllib

from tree import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def canonical(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, f"no name in {requirement}"
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def entries() -> list[str]:
    """Return the lock's entries, each with its continuation lines joined and comments left out."""
    lines = (line for line in LOCK.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def test_every_package_is_pinned_to_one_version_with_hashes() -> None:
    loose = [line for line in entries() if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]
    assert loose == []


def test_no_package_is_pinned_twice() -> None:
    names = [canonical(line) for line in entries()]
    assert len(names) == len(set(names))


def test_the_lock_names_no_host_and_no_option() -> None:
    assert "://" not in LOCK
    assert [line for line in LOCK.splitlines() if line.startswith("-")] == []


def test_every_dependency_of_the_project_is_in_the_lock() -> None:
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    assert {canonical(each) for each in wanted} <= {canonical(line) for line in entries()}
