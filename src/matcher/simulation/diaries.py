"""Everybody's diary while somebody matches by hand: one entry at a time, every rule kept.

Plain Python on lists: it shares nothing with the solver that it is the yardstick of.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from matcher.domain.geo import EARTH_RADIUS_M
from matcher.matching.arrays import NEVER, Edges, Instance

__all__ = ["Diaries"]

Place = tuple[float, float, float]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A time that is taken, with its place where it is known."""

    start: int
    end: int
    place: Place | None


class Diaries:
    """What each volunteer has promised so far, and whether more would fit.

    Rows, volunteers and minutes are those of the instance (see `matcher.matching.arrays`); a start
    of -1 means that the request has no time.
    """

    def __init__(self, instance: Instance, edges: Edges) -> None:
        self._instance = instance
        self._request = instance.rows.request.tolist()
        requests, volunteers = instance.requests, instance.volunteers
        self._wanted = _spans(requests.window_ptr, requests.window_start, requests.window_end)
        self._free = _spans(volunteers.window_ptr, volunteers.window_start, volunteers.window_end)
        self._place = _places(requests.xyz, requests.placed)
        self._away = _away(instance)
        self._services: list[list[_Entry]] = [[] for _ in self._free]
        self._own_minutes: dict[tuple[int, int], int] = {}
        if len(edges.minutes):
            pairs = zip(edges.row.tolist(), edges.volunteer.tolist(), strict=True)
            self._own_minutes = dict(zip(pairs, edges.minutes.tolist(), strict=True))

    def places(self, row: int) -> int:
        """Return how many people the row asks for."""
        return int(self._instance.rows.places[row])

    def is_enough(self, r: int, roles: Sequence[int]) -> bool:
        """Return whether people in these roles are enough for the request to count as served."""
        requests = self._instance.requests
        if not requests.by_role[r]:
            return len(roles) >= int(requests.minimum[r])
        whole = sum(count == self.places(int(requests.row_ptr[r]) + role) for role, count in Counter(roles).items())
        return whole >= int(requests.minimum[r])

    def add(self, v: int, row: int, start: int) -> None:
        """Write a service into the diary."""
        place = self._place[self._request[row]]
        self._services[v].append(_Entry(start, start + self._duration(v, row), place))

    def first_start(self, v: int, row: int) -> int | None:
        """Return the first start at which the volunteer is free, if there is one."""
        return next((start for start in self._openings(v, row) if self.has_room(v, row, start)), None)

    def has_room(self, v: int, row: int, start: int) -> bool:
        """Return whether the volunteer can serve the row from ``start`` on."""
        minutes = self._duration(v, row)
        return self._is_within_limits(v, minutes) and (
            start < 0
            or (
                self._is_within_hours(v, row, start, start + minutes)
                and self._is_within_day(v, start, minutes)
                and self._is_elsewhere_in_time(v, row, start, start + minutes)
            )
        )

    def _duration(self, v: int, row: int) -> int:
        return self._own_minutes.get((row, v), int(self._instance.requests.duration[self._request[row]]))

    def _openings(self, v: int, row: int) -> list[int]:
        """Return, in order, every start at which something begins to be possible."""
        r = self._request[row]
        if not self._instance.requests.timed[r]:
            return [-1]
        starts = {max(free, wanted) for free, _ in self._free[v] for wanted, _ in self._wanted[r]}
        starts.update(entry.end + self._way(v, entry.place, self._place[r]) for entry in self._entries(v))
        starts.update(self._instance.days.start.tolist(), [int(self._instance.requests.fixed[r])])
        return sorted(start for start in starts if start >= 0)

    def _entries(self, v: int) -> Iterator[_Entry]:
        yield from self._away[v]
        yield from (service for service in self._services[v] if service.start >= 0)

    def _is_within_limits(self, v: int, minutes: int) -> bool:
        volunteers, services = self._instance.volunteers, self._services[v]
        planned = sum(service.end - service.start for service in services)
        return bool(len(services) < volunteers.max_assignments[v] and planned + minutes <= volunteers.max_minutes[v])

    def _is_within_hours(self, v: int, row: int, start: int, end: int) -> bool:
        """Return whether windows, hours, certificates and colleagues who are bound allow start and end."""
        r = self._request[row]
        return (
            self._instance.requests.fixed[r] in (NEVER, start)
            and any(first <= start and end <= last for first, last in self._wanted[r])
            and any(first <= start and end <= last for first, last in self._free[v])
            and end <= self._last_end(v, row)
        )

    def _last_end(self, v: int, row: int) -> int:
        """Return the minute by which the service must end so that every certificate it needs still counts."""
        volunteers, required = self._instance.volunteers, self._instance.rows.required[row]
        entries = range(volunteers.expiry_ptr[v], volunteers.expiry_ptr[v + 1])
        needed = (
            x
            for x in entries
            if int(required[volunteers.expiry_bit[x] // 64]) >> int(volunteers.expiry_bit[x] % 64) & 1
        )
        return min((int(volunteers.expiry_at[x]) for x in needed), default=NEVER)

    def _is_within_day(self, v: int, start: int, minutes: int) -> bool:
        volunteers, days = self._instance.volunteers, self._instance.days.start.tolist()
        day = bisect_right(days, start)
        same = [
            service.end - service.start
            for service in self._services[v]
            if service.start >= 0 and bisect_right(days, service.start) == day
        ]
        same += [
            int(volunteers.used_minutes[used])
            for used in range(volunteers.used_ptr[v], volunteers.used_ptr[v + 1])
            if volunteers.used_day[used] == day - 1
        ]
        return bool(len(same) < volunteers.day_assignments[v] and sum(same) + minutes <= volunteers.day_minutes[v])

    def _is_elsewhere_in_time(self, v: int, row: int, start: int, end: int) -> bool:
        """Return whether nothing else is on, the ways from and to it included."""
        place = self._place[self._request[row]]
        for entry in self._entries(v):
            way = self._way(v, entry.place, place)
            if start < entry.end + way and entry.start < end + way:
                return False
        return True

    def _way(self, v: int, one: Place | None, other: Place | None) -> int:
        """Return the minutes between two places, 0 where one of them is not known."""
        if one is None or other is None:
            return 0
        chord = math.dist(one, other)
        metres = round(2 * EARTH_RADIUS_M * math.asin(min(1.0, chord / (2 * EARTH_RADIUS_M))))
        return -(-metres * 60 // int(self._instance.volunteers.speed[v]))


def _spans(ptr: NDArray[Any], start: NDArray[Any], end: NDArray[Any]) -> list[list[Span]]:
    spans = list(zip(start.tolist(), end.tolist(), strict=True))
    return [spans[first:last] for first, last in pairwise(ptr.tolist())]


def _places(xyz: NDArray[Any], placed: NDArray[Any]) -> list[Place | None]:
    return [tuple(point) if is_placed else None for point, is_placed in zip(xyz.tolist(), placed.tolist(), strict=True)]


def _away(instance: Instance) -> list[list[_Entry]]:
    """Return the busy times that have a place; the free hours leave them out, but not the ways to them."""
    volunteers = instance.volunteers
    places = map(tuple, volunteers.busy_xyz.tolist())
    entries = list(map(_Entry, volunteers.busy_start.tolist(), volunteers.busy_end.tolist(), places))
    bounds = volunteers.busy_ptr.tolist()
    return [entries[first:last] for first, last in pairwise(bounds)]
