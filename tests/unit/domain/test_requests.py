"""How far a request is follows from how its offers stand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.requests import FINAL, RequestStatus, Tally, status_after


def tally(**parts: Any) -> Tally:
    given: dict[str, Any] = {
        "places": [2],
        "taken": [0],
        "served": [0],
        "offered": 0,
        "promised": 0,
        "present": 0,
        "min_headcount": 2,
        "by_role": False,
    }
    return Tally(**(given | parts))


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({}, "open"),
        ({"offered": 1}, "planned"),
        ({"taken": [1], "promised": 1}, "open"),
        ({"taken": [1], "promised": 1, "offered": 1}, "planned"),
        ({"taken": [2], "promised": 2}, "filled"),
        ({"taken": [2], "promised": 1, "present": 1}, "in-progress"),
        ({"taken": [2], "promised": 1, "served": [1]}, "in-progress"),
        ({"taken": [2], "served": [2]}, "completed"),
        ({"taken": [1], "served": [1], "min_headcount": 1}, "completed"),
        ({"taken": [1], "served": [1], "min_headcount": 1, "offered": 1}, "completed"),
        ({"taken": [1], "served": [1]}, "open"),
        ({"taken": [1], "served": [1], "offered": 1}, "planned"),
    ],
    ids=str,
)
def test_the_status_follows_from_the_offers(parts: dict[str, Any], status: str) -> None:
    assert status_after(RequestStatus.PLANNED, tally(**parts)) == status


@pytest.mark.parametrize(
    ("served", "least", "is_enough"), [([1, 1], 1, True), ([2, 0], 1, True), ([1, 0], 1, False), ([2, 0], 2, False)]
)
def test_a_request_by_role_needs_whole_roles(served: list[int], least: int, is_enough: bool) -> None:  # noqa: FBT001 - by name
    assert tally(places=[2, 1], taken=served, served=served, min_headcount=least, by_role=True).is_enough == is_enough


@given(st.sampled_from(FINAL), st.integers(0, 2), st.integers(0, 2))
def test_what_is_closed_stays_closed(status: RequestStatus, offered: int, served: int) -> None:
    assert status_after(status, tally(offered=offered, served=[served], taken=[served])) is status
