"""Every reason and fix has its words, in the code and in the glossary."""

from pathlib import Path

import pytest

from matcher.domain.reasons import LABELS, Fix, Reason

GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


def rows_under(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the glossary, without its two head lines."""
    section = GLOSSARY.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_the_glossary_lists_the_reasons_in_their_order_with_their_sentences() -> None:
    assert rows_under("Reasons") == [[f"`{reason}`", *LABELS[reason]] for reason in Reason]


def test_the_glossary_lists_every_fix() -> None:
    assert [row[0] for row in rows_under("Fixes")] == [f"`{fix}`" for fix in Fix]


@pytest.mark.parametrize("heading", ["The problem", "The plan", "After the plan", "Reasons", "Fixes"])
def test_every_entry_of_the_glossary_is_explained_in_both_languages(heading: str) -> None:
    rows = rows_under(heading)
    assert rows
    for row in rows:
        assert all(row), row
        assert any("\u4e00" <= letter <= "\u9fff" for letter in "".join(row)), row
