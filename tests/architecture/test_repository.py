"""Nothing in the repository depends on the machine on which it was written."""

import re
import subprocess

from tree import ROOT, name, written

MACHINE_PATH = re.compile(r"(?<![\w./{}])/(work|root|home)/[\w.]")
REGISTRY_HOST = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)")


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name(path)}:{number}: {line.strip()[:100]}"
        for path in written()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_one_machine() -> None:
    assert found(MACHINE_PATH) == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert found(REGISTRY_HOST) == []


def test_every_make_target_is_explained_by_help() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    explained = re.findall(r"^ {2}make ([\w-]+) +\S", shown, re.MULTILINE)
    assert sorted(explained) == sorted(phony.group(1).split())


def test_every_make_command_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in documents if path.exists())
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
