"""The official calendar of working days."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from matcher.domain import workdays
from matcher.domain.errors import CalendarRangeError

MAKE_UP_WORKDAYS_OF_2026 = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]
# 365 or 366 days less the days off of each year's notice.
WORKDAYS_BY_YEAR = {2019: 250, 2020: 249, 2021: 250, 2022: 249, 2023: 249, 2024: 251, 2025: 248, 2026: 248}


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("day", MAKE_UP_WORKDAYS_OF_2026)
def test_people_work_on_the_weekend_days_that_2026_makes_up(day: str) -> None:
    assert date.fromisoformat(day).weekday() >= 5
    assert workdays.is_workday(date.fromisoformat(day))


def test_no_other_weekend_day_of_2026_is_worked() -> None:
    worked = [day.isoformat() for day in days_of(2026) if day.weekday() >= 5 and workdays.is_workday(day)]
    assert worked == MAKE_UP_WORKDAYS_OF_2026


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
        # Prolonged because of the epidemic, by a later notice than the year's own.
        ("2020-01-24", "2020-02-02"),
    ],
)
def test_every_day_of_an_announced_holiday_is_off(first: str, last: str) -> None:
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        assert not workdays.is_workday(day), day
        day += timedelta(days=1)


def test_ordinary_weekdays_and_weekends_keep_their_nature() -> None:
    monday = date(2026, 11, 23)
    assert [workdays.is_workday(monday + timedelta(days=n)) for n in range(7)] == [True] * 5 + [False] * 2


@pytest.mark.parametrize(("year", "count"), WORKDAYS_BY_YEAR.items())
def test_each_announced_year_has_its_known_number_of_working_days(year: int, count: int) -> None:
    assert sum(map(workdays.is_workday, days_of(year))) == count


@pytest.mark.parametrize(
    "day",
    ["2027-01-01", "2027-02-05", "2027-02-08", "2028-01-25", "2028-10-03", "2029-02-13", "2029-10-02", "2030-06-05"],
)
def test_the_statutory_days_of_years_to_come_are_off(day: str) -> None:
    assert not workdays.is_workday(date.fromisoformat(day))


def test_the_calendar_is_official_up_to_the_last_year_announced() -> None:
    assert [year for year in range(2019, 2031) if workdays.is_official(date(year, 7, 1))] == list(range(2019, 2027))


@pytest.mark.parametrize("ask", [workdays.is_workday, workdays.is_official])
@pytest.mark.parametrize("day", [date(2018, 12, 31), date(2031, 1, 1)])
def test_a_day_outside_the_calendar_is_refused_in_both_languages(ask: Callable[[date], bool], day: date) -> None:
    with pytest.raises(CalendarRangeError) as refusal:
        ask(day)
    for language in ("en", "zh-CN"):
        sentence = refusal.value.detail.in_language(language)
        assert "2019" in sentence
        assert "2030" in sentence
        assert day.isoformat() in sentence
