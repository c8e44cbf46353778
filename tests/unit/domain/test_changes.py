"""What may change of a request once somebody has promised to come."""

from datetime import timedelta

import pytest

from make import clock, interval
from matcher.domain import changes
from matcher.domain.changes import PlacesTakenError, PromisedTimeError
from matcher.domain.windows import Interval

PROMISED = [(clock("10:00"), clock("11:00"))]


@pytest.mark.parametrize("places", [[1, 2], [1, 5], [3, 2, 1]])
def test_places_that_are_taken_are_kept(places: list[int]) -> None:
    changes.check_places([0, 2], places)


@pytest.mark.parametrize("places", [[1, 1], [3], []])
def test_places_that_are_taken_are_not_cut(places: list[int]) -> None:
    with pytest.raises(PlacesTakenError) as refused:
        changes.check_places([0, 2], places)
    assert refused.value.detail.values["role"] == 1


def test_a_request_without_windows_has_room_for_every_promise() -> None:
    changes.check_times(PROMISED, None, 60)


def test_a_promise_may_fill_its_window() -> None:
    changes.check_times(PROMISED, [interval("08:00", "09:00"), interval("10:00", "11:00")], 60)


@pytest.mark.parametrize(
    "window", [interval("10:01", "12:00"), interval("09:00", "10:59"), interval("10:00", "11:00", days=1)]
)
def test_a_promise_is_not_left_out(window: Interval) -> None:
    with pytest.raises(PromisedTimeError):
        changes.check_times(PROMISED, [window], 60)


def test_two_windows_that_touch_are_not_one() -> None:
    with pytest.raises(PromisedTimeError):
        changes.check_times(PROMISED, [interval("09:00", "10:30"), interval("10:30", "12:00")], 60)


@pytest.mark.parametrize("minutes", [59, 61])
def test_a_promise_is_not_made_longer_or_shorter(minutes: int) -> None:
    with pytest.raises(PromisedTimeError):
        changes.check_times(PROMISED, [interval("08:00", "18:00")], minutes)


def test_a_promise_in_another_zone_is_the_same_time() -> None:
    start = clock("10:00").astimezone(tz=None)
    assert changes.fits(start, start + timedelta(hours=1), [interval("10:00", "11:00")], 60)
