"""The official calendar of working days in China, in which weekends and weekdays are exchanged (调休).

The figures are data: ``data/workdays.json``, one entry a year, each saying whether the yearly
notice of the State Council has fixed it. A year without its notice holds the statutory days
alone, and ``is_official`` says so.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

from matcher.domain.errors import CalendarRangeError, Text

__all__ = ["is_official", "is_workday"]

_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class _Year:
    is_official: bool
    days_off: frozenset[date]
    make_up_workdays: frozenset[date]


def is_workday(day: date) -> bool:
    """Return whether people work on this day in China.

    Raises
    ------
    CalendarRangeError
        If the calendar does not cover the year of the day.
    """
    year = _year_of(day)
    if day.weekday() < _SATURDAY:
        return day not in year.days_off
    return day in year.make_up_workdays


def is_official(day: date) -> bool:
    """Return whether the arrangement of this day's year has been announced.

    Raises
    ------
    CalendarRangeError
        If the calendar does not cover the year of the day.
    """
    return _year_of(day).is_official


def _year_of(day: date) -> _Year:
    years = _years()
    if day.year in years:
        return years[day.year]
    raise CalendarRangeError(
        Text(
            en=(
                "The calendar of working days covers the years {first} to {last}; {day} lies outside."
                " Shorten the horizon, or state the availability of that day without workdays or holidays."
            ),
            zh=(
                "工作日历覆盖 {first} 至 {last} 年，{day} 不在其中。"
                "请缩短时间范围，或在该日的可服务时间中不使用工作日、休息日条件。"
            ),
            values={"first": min(years), "last": max(years), "day": day.isoformat()},
        )
    )


@cache
def _years() -> dict[int, _Year]:
    text = resources.files("matcher.domain").joinpath("data", "workdays.json").read_text("utf-8")
    return {
        int(year): _Year(
            is_official=entry["official"],
            days_off=frozenset(map(date.fromisoformat, entry["days_off"])),
            make_up_workdays=frozenset(map(date.fromisoformat, entry["make_up_workdays"])),
        )
        for year, entry in json.loads(text)["years"].items()
    }
