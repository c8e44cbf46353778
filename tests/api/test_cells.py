"""What stands in one cell of a table."""

from typing import Any

import pytest

from matcher.api import cells
from matcher.api.cells import CellError, Parse

NINE, TEN = "2026-11-24T09:00:00+08:00", "2026-11-24T10:00:00+08:00"


@pytest.mark.parametrize(
    ("parse", "cell", "value"),
    [
        (cells.whole, "60", 60),
        (cells.whole, "-5", -5),
        (cells.number, "31.2304", 31.2304),
        (cells.number, "-3", -3.0),
        (cells.yes_no, "yes", True),
        (cells.yes_no, "FALSE", False),
        (cells.yes_no, "是", True),
        (cells.names, "v7 | v12", ["v7", "v12"]),
        (cells.needs, "nursing:2|first-aid", [{"code": "nursing", "level": 2}, {"code": "first-aid"}]),
        (
            cells.skills,
            "nursing:3@2027-06-30|driving@2030-01-01|cooking",
            [
                {"code": "nursing", "level": 3, "valid_until": "2027-06-30"},
                {"code": "driving", "valid_until": "2030-01-01"},
                {"code": "cooking"},
            ],
        ),
        (cells.intervals, f"{NINE}/{TEN} | {TEN}/{NINE}", [{"start": NINE, "end": TEN}, {"start": TEN, "end": NINE}]),
        (
            cells.weekly,
            "mon,tue 09:00-18:00 workdays|sat 10:00-12:00",
            [
                {"days": ["mon", "tue"], "start": "09:00", "end": "18:00", "calendar": "workdays"},
                {"days": ["sat"], "start": "10:00", "end": "12:00"},
            ],
        ),
        (cells.weekly, "Mon-Wed,wed 09:00-24:00", [{"days": ["mon", "tue", "wed"], "start": "09:00", "end": "24:00"}]),
        (cells.weekly, "sat-mon 22:00-02:00", [{"days": ["sat", "sun", "mon"], "start": "22:00", "end": "02:00"}]),
    ],
)
def test_a_cell_becomes_its_value(parse: Parse, cell: str, value: Any) -> None:
    assert parse(cell) == value


@pytest.mark.parametrize(
    ("parse", "cell", "expected"),
    [
        (cells.whole, "1.5", "a whole number"),
        (cells.whole, "sixty", "a whole number"),
        (cells.whole, "٦", "a whole number"),
        (cells.whole, "9" * 5000, "a whole number"),
        (cells.number, "31,2", "a decimal number"),
        (cells.number, "nan", "a decimal number"),
        (cells.number, "1e999", "a decimal number"),
        (cells.yes_no, "maybe", "yes or no"),
        (cells.names, "v7||v12", "one of them is empty"),
        (cells.names, "v7|", "one of them is empty"),
        (cells.needs, "nursing:", "a level behind a colon"),
        (cells.needs, ":2", "a level behind a colon"),
        (cells.needs, "nursing:high", "a level behind a colon"),
        (cells.skills, "nursing:x@2027-06-30", "a level behind a colon"),
        (cells.intervals, NINE, "start/end"),
        (cells.intervals, f"{NINE}/", "start/end"),
        (cells.weekly, "mon 9-18", "days, hours"),
        (cells.weekly, "09:00-18:00", "days, hours"),
        (cells.weekly, "mo 09:00-18:00", "days out of mon"),
        (cells.weekly, "mon- 09:00-18:00", "days out of mon"),
    ],
)
def test_another_cell_is_refused_with_what_was_expected(parse: Parse, cell: str, expected: str) -> None:
    with pytest.raises(CellError, match=f"Expected.*{expected}"):
        parse(cell)
