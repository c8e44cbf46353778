"""Intervals of time and weekly availability in local wall time.

Wall time becomes an instant as in RFC 5545: a time that the clock shows twice means the first
one; a time that it skips is read with the offset from before the gap, so that 02:30 becomes
03:30 where the clock jumps from 02:00 to 03:00.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from matcher.domain import workdays

__all__ = ["Availability", "DayKind", "Expander", "Interval", "Weekly", "expand", "local_day_starts"]

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE_US: Final = _MINUTE // _MICROSECOND

_Moment = TypeVar("_Moment", int, datetime)


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

    def holds_on(self, day: date) -> bool:
        """Return whether a rule of this kind holds on a day; every day that is not worked is a holiday.

        Raises
        ------
        CalendarRangeError
            If working days count and the calendar does not cover the day.
        """
        return self is DayKind.ALL or workdays.is_workday(day) is (self is DayKind.WORKDAYS)


@dataclass(frozen=True, slots=True)
class Weekly:
    """A rule that repeats each week: ``days`` (0 = Monday), local wall time ``[start, end)``.

    An ``end`` that is not after ``start`` lies on the next day; ``end`` 00:00 is midnight.
    Weekday and ``day_kind`` are those of the day on which the rule starts.
    """

    days: frozenset[int]
    start: time
    end: time
    day_kind: DayKind = DayKind.ALL

    @property
    def is_overnight(self) -> bool:
        """Whether the end lies on the day after the start."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True)
class Availability:
    """Weekly rules, plus extra intervals, minus the intervals of ``except_``.

    ``time_zone`` None means the zone of the problem.
    """

    weekly: tuple[Weekly, ...] = ()
    extra: tuple[Interval, ...] = ()
    except_: tuple[Interval, ...] = ()
    time_zone: ZoneInfo | None = None


def expand(availability: Availability | None, start: datetime, end: datetime, zone: ZoneInfo) -> list[Interval]:
    """Return when someone is available within ``[start, end)``.

    Parameters
    ----------
    availability
        None means all the time.
    start, end
        Aware instants: the horizon.
    zone
        The zone of the weekly rules where the availability names none.

    Returns
    -------
    list[Interval]
        In UTC, sorted, neither touching nor overlapping.

    Raises
    ------
    CalendarRangeError
        If a rule asks for the working days of a year that the calendar does not cover.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if availability is None:
        return [Interval(start, end)] if start < end else []
    rules = _weekly_spans(availability.weekly, start, end, availability.time_zone or zone)
    offered = _union([*rules, *_clipped(availability.extra, start, end)])
    taken = _union(_clipped(availability.except_, start, end))
    return [Interval(*span) for span in _difference(offered, taken)]


def local_day_starts(start: datetime, end: datetime, zone: ZoneInfo) -> list[int]:
    """Return where the local days begin that have a share in ``[start, end)``.

    Returns
    -------
    list[int]
        Minutes since ``start``, ascending, rounded up; the first is at most 0. Each day ends where
        the next one begins.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    # From the day before, since a clock may jump over midnight.
    dates = _dates(start.astimezone(zone).date() - _DAY, end.astimezone(zone).date())
    midnights = {_instant(day, time(), zone) for day in dates}
    begun = max(midnight for midnight in midnights if midnight <= start)
    later = (midnight for midnight in midnights if start < midnight < end)
    return [-((start - midnight) // _MINUTE) for midnight in (begun, *sorted(later))]


class Expander:
    """Expand the availabilities of many volunteers over one horizon, in whole minutes.

    The answers are those of the function ``expand``, but each wall time and each weekly rule is
    worked out only once.

    Parameters
    ----------
    start, end
        Aware instants: the horizon.
    zone
        The zone of the weekly rules where an availability names none.
    """

    def __init__(self, start: datetime, end: datetime, zone: ZoneInfo) -> None:
        self._start = start.astimezone(UTC)
        self._end = end.astimezone(UTC)
        self._zone = zone
        self._rules_by_zone: dict[ZoneInfo, _Rules] = {}

    def expand(self, availability: Availability | None) -> list[tuple[int, int]]:
        """Return when someone is available, in minutes since the start of the horizon.

        Parameters
        ----------
        availability
            None means all the time.

        Returns
        -------
        list[tuple[int, int]]
            ``(start, end)``, sorted, not overlapping. Starts are rounded up and ends down: a minute
            counts only if it is free throughout.

        Raises
        ------
        CalendarRangeError
            If a rule asks for the working days of a year that the calendar does not cover.
        """
        if availability is None:
            return _whole_minutes(_union([(0, (self._end - self._start) // _MICROSECOND)]))
        rules = self._rules(availability.time_zone or self._zone)
        spans: list[tuple[int, int]] = []
        for rule in availability.weekly:
            spans += rules.spans(rule)
        if availability.extra:
            spans += self._microseconds(availability.extra)
        offered = _union(spans)
        if availability.except_:
            offered = _difference(offered, _union(self._microseconds(availability.except_)))
        return _whole_minutes(offered)

    def _rules(self, zone: ZoneInfo) -> "_Rules":
        if zone not in self._rules_by_zone:
            self._rules_by_zone[zone] = _Rules(self._start, self._end, zone)
        return self._rules_by_zone[zone]

    def _microseconds(self, intervals: Iterable[Interval]) -> list[tuple[int, int]]:
        return [
            ((start - self._start) // _MICROSECOND, (end - self._start) // _MICROSECOND)
            for start, end in _clipped(intervals, self._start, self._end)
        ]


class _Rules:
    """The weekly rules of one zone over one horizon, in microseconds since its start."""

    _key = staticmethod(attrgetter("days", "start", "end", "day_kind"))

    def __init__(self, start: datetime, end: datetime, zone: ZoneInfo) -> None:
        self._start = start
        self._length_us = (end - start) // _MICROSECOND
        self._zone = zone
        self._dates = _rule_dates(start, end, zone)
        self._spans_by_rule: dict[object, list[tuple[int, int]]] = {}
        self._offsets_by_wall: dict[time, list[int]] = {}
        self._positions_by_days: dict[frozenset[int], list[int]] = {}

    def spans(self, rule: Weekly) -> list[tuple[int, int]]:
        # Hashing the fields is twice as fast as hashing the rule.
        key = self._key(rule)
        spans = self._spans_by_rule.get(key)
        if spans is None:
            spans = self._spans_by_rule[key] = list(self._expand(rule))
        return spans

    def _expand(self, rule: Weekly) -> Iterator[tuple[int, int]]:
        starts = self._offsets(rule.start)
        ends = self._offsets(rule.end)
        days_to_end = int(rule.is_overnight)
        for position in self._positions(rule.days):
            start, end = max(starts[position], 0), min(ends[position + days_to_end], self._length_us)
            if start < end and rule.day_kind.holds_on(self._dates[position]):
                yield start, end

    def _positions(self, days: frozenset[int]) -> list[int]:
        """Return where the weekdays stand among the dates; the last date is there only to end a night."""
        if days not in self._positions_by_days:
            self._positions_by_days[days] = [n for n, day in enumerate(self._dates[:-1]) if day.weekday() in days]
        return self._positions_by_days[days]

    def _offsets(self, wall: time) -> list[int]:
        """Return when the clock shows a time, on each of the dates."""
        if wall not in self._offsets_by_wall:
            instants = [_instant(day, wall, self._zone) for day in self._dates]
            self._offsets_by_wall[wall] = [(instant - self._start) // _MICROSECOND for instant in instants]
        return self._offsets_by_wall[wall]


def _weekly_spans(
    rules: Iterable[Weekly], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    dates = _rule_dates(start, end, zone)
    for rule in rules:
        for day in dates:
            if day.weekday() not in rule.days:
                continue
            first = max(start, _instant(day, rule.start, zone))
            last = min(end, _instant(day + _DAY if rule.is_overnight else day, rule.end, zone))
            # The calendar is asked only for days that matter, so that its end is met as late as possible.
            if first < last and rule.day_kind.holds_on(day):
                yield first, last


def _rule_dates(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    """Return every local day on which a rule can start that reaches into ``[start, end)``, and one more."""
    return _dates(start.astimezone(zone).date() - 2 * _DAY, end.astimezone(zone).date() + _DAY)


def _dates(first: date, last: date) -> list[date]:
    return [first + n * _DAY for n in range((last - first).days + 1)]


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall.replace(fold=0), zone).astimezone(UTC)


def _clipped(intervals: Iterable[Interval], start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    # In UTC, since two times of one zone compare by the clock on the wall, which shows some hours twice.
    return ((max(start, i.start.astimezone(UTC)), min(end, i.end.astimezone(UTC))) for i in intervals)


def _union(spans: Iterable[tuple[_Moment, _Moment]]) -> list[tuple[_Moment, _Moment]]:
    """Return the sorted, disjoint spans that cover the same; empty ones are left out."""
    merged: list[tuple[_Moment, _Moment]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = merged[-1][0], end
        elif start < end:
            merged.append((start, end))
    return merged


def _difference(
    spans: Iterable[tuple[_Moment, _Moment]], gaps: Sequence[tuple[_Moment, _Moment]]
) -> list[tuple[_Moment, _Moment]]:
    """Return what the gaps leave of the spans; both are sorted and disjoint."""
    left: list[tuple[_Moment, _Moment]] = []
    for start, end in spans:
        free_from = start
        for gap_start, gap_end in gaps:
            if free_from < gap_end and gap_start < end:
                if free_from < gap_start:
                    left.append((free_from, gap_start))
                free_from = gap_end
        if free_from < end:
            left.append((free_from, end))
    return left


def _whole_minutes(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    rounded = [(-(-start // _MINUTE_US), end // _MINUTE_US) for start, end in spans]
    return [span for span in rounded if span[0] < span[1]]
