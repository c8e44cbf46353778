"""How minutes are counted, and what a chain shows."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from make import NOW
from matcher.domain import records
from matcher.domain.records import FIRST


def chain(count: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    previous = FIRST
    for position in range(1, count + 1):
        content = {"position": position, "kind": "service", "record_id": f"r{position}", "minutes": 60 + position}
        previous = records.digest(previous, content)
        entries.append({**content, "previous_hash": entries[-1]["hash"] if entries else FIRST, "hash": previous})
    return entries


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (59, 0), (60, 1), (3599, 59), (3600, 60), (-5, 0)])
def test_a_minute_counts_once_it_is_over(seconds: int, minutes: int) -> None:
    assert records.minutes_between(NOW, NOW + timedelta(seconds=seconds)) == minutes


@pytest.mark.parametrize(
    ("minutes", "hours"), [(0, "0.00"), (1, "0.02"), (30, "0.50"), (45, "0.75"), (61, "1.02"), (600, "10.00")]
)
def test_hours_have_two_decimals(minutes: int, hours: str) -> None:
    assert records.hours(minutes) == hours


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_chain_as_it_was_written_holds(count: int) -> None:
    assert records.check(chain(count)) is None


@given(st.integers(0, 4), st.sampled_from(["kind", "minutes", "record_id", "hash", "previous_hash", "position"]))
def test_a_change_of_any_field_of_any_entry_shows(place: int, name: str) -> None:
    entries = chain(5)
    entries[place][name] = 999 if isinstance(entries[place][name], int) else "0"
    found = records.check(entries)
    assert found is not None
    assert found.position in (place + 1, place + 2)


@given(st.permutations(range(5)))
def test_another_order_shows(order: list[int]) -> None:
    entries = chain(5)
    holds = records.check([entries[place] for place in order]) is None
    assert holds == (order == sorted(order))


@given(st.integers(0, 3))
def test_an_entry_left_out_shows_unless_it_is_the_last(place: int) -> None:
    entries = chain(5)
    del entries[place]
    found = records.check(entries)
    assert found is not None
    assert found.position == place + 1


def test_an_added_field_shows() -> None:
    entries = chain(2)
    entries[1]["note"] = "and more"
    assert records.check(entries) is not None
