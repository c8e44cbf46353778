"""Every file of the package says its subject in its first line, and does not try to be two files."""

import ast
from pathlib import Path

import pytest
from tree import name, sources

FORBIDDEN_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
LONGEST = 500


@pytest.mark.parametrize("path", sources(), ids=name)
def test_a_module_says_its_subject_in_one_sentence(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence, _, rest = docstring.partition("\n")
    assert sentence, "the module needs a docstring"
    assert sentence.endswith((".", "!", "?")), f"the first line is no sentence: {sentence}"
    assert not rest.strip() or rest.startswith("\n"), "a blank line follows the first"


def test_no_module_is_named_after_nothing() -> None:
    assert [name(path) for path in sources() if path.stem in FORBIDDEN_NAMES] == []


def test_no_module_outgrows_one_subject() -> None:
    assert [name(path) for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST] == []
