"""Everybody's diary while somebody matches by hand: one entry at a time, every rule kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from matcher.matching.arrays import NEVER, Edges, Instance
from matcher.matching.kernels import timing

__all__ = ["Diaries"]


@dataclass(frozen=True, slots=True)
class _Task:
    request: int
    start: int
    end: int


class Diaries:
    """What each volunteer has promised so far, and whether more would fit.

    Rows, volunteers and minutes are those of the instance (see `matcher.matching.arrays`); a start
    of -1 means that the request has no time.
    """

    def __init__(self, instance: Instance, edges: Edges) -> None:
        self._instance = instance
        self._request = instance.rows.request.tolist()
        self._tasks: list[list[_Task]] = [[] for _ in range(instance.volunteer_count)]
        self._own_minutes: dict[tuple[int, int], int] = {}
        if len(edges.minutes):
            pairs = zip(edges.row.tolist(), edges.volunteer.tolist(), strict=True)
            self._own_minutes = dict(zip(pairs, edges.minutes.tolist(), strict=True))

    def places(self, row: int) -> int:
        """Return how many people the row asks for."""
        return int(self._instance.rows.count[row])

    def is_enough(self, r: int, roles: Sequence[int]) -> bool:
        """Return whether people in these roles are enough for the request to count as served."""
        requests = self._instance.requests
        if not requests.by_role[r]:
            return len(roles) >= int(requests.minimum[r])
        whole = sum(count == self.places(int(requests.row_ptr[r]) + role) for role, count in Counter(roles).items())
        return whole >= int(requests.minimum[r])

    def add(self, v: int, row: int, start: int) -> None:
        """Write a service into the diary."""
        self._tasks[v].append(_Task(self._request[row], start, start + self._duration(v, row)))

    def first_start(self, v: int, row: int) -> int | None:
        """Return the first start at which the volunteer is free, if there is one."""
        if not self._instance.requests.timed[self._request[row]]:
            return -1 if self.has_room(v, row, -1) else None
        openings = [0, *(task.end + self._way(v, task, row) for task in self._tasks[v] if task.start >= 0)]
        starts = sorted({self._earliest(v, row, after) for after in openings})
        return next((start for start in starts if start != NEVER and self.has_room(v, row, start)), None)

    def has_room(self, v: int, row: int, start: int) -> bool:
        """Return whether the volunteer can serve the row from ``start`` on."""
        minutes = self._duration(v, row)
        if not self._is_within_limits(v, minutes):
            return False
        if start < 0:
            return True
        return (
            self._is_within_day(v, start, minutes)
            and self._is_free(v, row, start, start + minutes)
            and self._earliest(v, row, start) == start
        )

    def _duration(self, v: int, row: int) -> int:
        return self._own_minutes.get((row, v), int(self._instance.requests.duration[self._request[row]]))

    def _earliest(self, v: int, row: int, after: int) -> int:
        """Return the first start from ``after`` on that windows, hours and certificates allow, or NEVER."""
        requests, volunteers = self._instance.requests, self._instance.volunteers
        limit = timing.last_end(volunteers, v, self._instance.rows.required[row])
        r = self._request[row]
        return int(timing.earliest_start(requests, volunteers, r, v, self._duration(v, row), after, limit))

    def _is_within_limits(self, v: int, minutes: int) -> bool:
        volunteers, tasks = self._instance.volunteers, self._tasks[v]
        planned = sum(task.end - task.start for task in tasks)
        return bool(len(tasks) < volunteers.max_assignments[v] and planned + minutes <= volunteers.max_minutes[v])

    def _is_within_day(self, v: int, start: int, minutes: int) -> bool:
        days = self._instance.days
        day = timing.day_of(days, start)
        same = [
            task.end - task.start
            for task in self._tasks[v]
            if task.start >= 0 and timing.day_of(days, task.start) == day
        ]
        return bool(timing.day_has_room(self._instance.volunteers, v, day, minutes, len(same), sum(same)))

    def _is_free(self, v: int, row: int, start: int, end: int) -> bool:
        for task in self._tasks[v]:
            way = self._way(v, task, row)
            if task.start >= 0 and start < task.end + way and task.start < end + way:
                return False
        return True

    def _way(self, v: int, task: _Task, row: int) -> int:
        requests, r = self._instance.requests, self._request[row]
        if not (requests.placed[task.request] and requests.placed[r]):
            return 0
        speed = self._instance.volunteers.speed[v]
        return int(timing.travel_min(requests.xyz[task.request], requests.xyz[r], speed))
