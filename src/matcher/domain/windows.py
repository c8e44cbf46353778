"""Intervals of time and weekly availability in local wall time."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

__all__ = ["Availability", "DayKind", "Interval", "Weekly"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time ``[start, end)`` between two aware instants."""

    start: datetime
    end: datetime


class DayKind(StrEnum):
    """On which days a weekly rule holds, by the official calendar of working days."""

    ALL = "all"
    WORKDAYS = "workdays"
    HOLIDAYS = "holidays"


@dataclass(frozen=True, slots=True)
class Weekly:
    """A rule that repeats each week: ``days`` (0 = Monday), local wall time ``[start, end)``.

    An ``end`` that is not after ``start`` lies on the next day; ``end`` 00:00 is midnight.
    """

    days: frozenset[int]
    start: time
    end: time
    day_kind: DayKind = DayKind.ALL


@dataclass(frozen=True, slots=True)
class Availability:
    """Weekly rules, plus extra intervals, minus the intervals of ``except_``.

    ``time_zone`` None means the zone of the problem.
    """

    weekly: tuple[Weekly, ...] = ()
    extra: tuple[Interval, ...] = ()
    except_: tuple[Interval, ...] = ()
    time_zone: ZoneInfo | None = None
