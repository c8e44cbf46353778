"""The nearest fix: the smallest single change that would let one more volunteer serve a request.

The plan stays as it is: the volunteer has room and time beside what they do in it, ways included, so the
change alone is enough. Where nobody is one change away, the fix is one more volunteer.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.domain.geo import great_circle_m
from matcher.domain.plans import NearestFix
from matcher.domain.reasons import Fix
from matcher.matching.arrays import NEVER, UNLIMITED
from matcher.matching.distance import arc_m, travel_min
from matcher.matching.kernels import refusals, timing
from matcher.matching.kernels.refusals import Everybody
from matcher.matching.pins import Pinned
from matcher.matching.problem import Compiled

__all__ = ["Fixer", "Task"]

MOST_TRIED = 12
A_LITTLE_FARTHER_KM = 2.0
PAPERS = {
    refusals.LEVEL_TOO_LOW: Fix.RAISE_LEVEL,
    refusals.CERTIFICATE_EXPIRED: Fix.RENEW_CERTIFICATE,
    refusals.UNTRAINED: Fix.GIVE_TRAINING,
    refusals.UNINSURED: Fix.GIVE_INSURANCE,
}


class Task(NamedTuple):
    """What a volunteer does in the plan beside pinned assignments; -1 without time."""

    start: int
    end: int
    request: int


class Fixer:
    """Finds fixes for the open rows of one plan.

    ``diary`` holds the tasks of each volunteer, ``begins`` the start of each request that somebody serves already.
    """

    def __init__(
        self,
        compiled: Compiled,
        everybody: Everybody,
        diary: Mapping[int, Sequence[Task]],
        begins: Mapping[int, int],
    ) -> None:
        self.compiled = compiled
        self.everybody = everybody
        self.diary = diary
        self.begins = begins
        self.pins: defaultdict[int, list[Pinned]] = defaultdict(list)
        for pin in compiled.pinned:
            self.pins[pin.volunteer].append(pin)

    def nearest(self, i: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest fix for row ``i``, given everybody's refusal.

        In this order: a radius a little wider, one more hour of somebody near, one more assignment for somebody
        near, one paper for somebody near, a much wider radius, a new volunteer. None where no window is left: then
        no volunteer helps.
        """
        instance = self.compiled.instance
        r = int(instance.rows.request[i])
        duration = int(instance.requests.duration[r])
        if instance.requests.timed[r] and refusals.first_request_start(instance.requests, r, duration) == NEVER:
            return None
        farther = self._widen(i, r, codes)
        if farther is not None and _widening_km(farther) <= A_LITTLE_FARTHER_KM:
            return farther
        return (
            self._hour(i, r, codes)
            or self._capacity(i, r, codes)
            or self._paper(i, r, codes)
            or farther
            or self._newcomer(i, r)
        )

    def _duration(self, r: int, v: int) -> int:
        """Return how long a volunteer takes for a request."""
        if self.everybody.has_pairs:
            return int(self.everybody.pair_duration[self._pair(r, np.array([v]))[0]])
        return int(self.compiled.instance.requests.duration[r])

    def _start(self, r: int, v: int | None = None) -> int:
        """Return the common start of a request that somebody serves, or the first start that its windows allow."""
        requests = self.compiled.instance.requests
        duration = int(requests.duration[r]) if v is None else self._duration(r, v)
        return self.begins.get(r, int(refusals.first_request_start(requests, r, duration)))

    def _distance(self, r: int, who: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return metres to each of ``who``; 0 where a place is unknown."""
        instance = self.compiled.instance
        known = instance.volunteers.placed[who] & instance.requests.placed[r]
        metres = np.where(known, arc_m(instance.volunteers.xyz[who], instance.requests.xyz[r]), 0)
        if not self.everybody.has_pairs:
            return metres
        given = self.everybody.pair_distance_m[self._pair(r, who)]
        return np.where(given >= 0, given, metres)

    def _is_near(self, r: int, who: NDArray[np.int64], distance_m: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell who of ``who`` would travel that far."""
        volunteers = self.compiled.instance.volunteers
        is_short = self._travel(r, who, distance_m) <= volunteers.max_travel_min[who]
        return np.asarray((distance_m <= volunteers.max_distance_m[who]) & is_short)

    def _travel(self, r: int, who: NDArray[np.int64], distance_m: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the minutes that each of ``who`` travels."""
        travel = travel_min(distance_m, self.compiled.instance.volunteers.speed[who])
        if not self.everybody.has_pairs:
            return travel
        given = self.everybody.pair_travel_min[self._pair(r, who)]
        return np.asarray(np.where(given >= 0, given, travel), np.int64)

    def _pair(self, r: int, who: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of given pairs; all of ``who`` are paired with the request."""
        keys = r * self.compiled.instance.volunteer_count + who
        return np.asarray(np.searchsorted(self.everybody.paired, keys), np.int64)

    def _has_room(self, i: int, v: int) -> bool:
        """Tell whether the limits of a volunteer leave room beside the plan."""
        instance, tasks = self.compiled.instance, self.diary.get(v, ())
        own = self._duration(int(instance.rows.request[i]), v)
        minutes = sum(task.end - task.start for task in tasks) + own
        volunteers = instance.volunteers
        if len(tasks) >= volunteers.max_assignments[v] or minutes > volunteers.max_minutes[v]:
            return False
        # With a limit per day it would depend on the day: whoever does something already is left out.
        return not tasks or self._has_no_day_limit(v)

    def _can_come(self, i: int, r: int, v: int, *, with_papers: bool = True) -> bool:
        """Tell whether a volunteer has room and a start for a request beside the plan, whatever the distance."""
        return self._has_room(i, v) and self._has_time(i, r, v, with_papers=with_papers)

    def _has_time(self, i: int, r: int, v: int, *, with_papers: bool = True) -> bool:
        """Tell whether a volunteer has a start for a request beside the plan, whatever their limits."""
        instance = self.compiled.instance
        if not instance.requests.timed[r]:
            return True
        duration = self._duration(r, v)
        wanted = self.begins.get(r)
        after = 0 if wanted is None else wanted
        while True:
            start = timing.start_of_pair(
                instance.requests,
                instance.rows,
                instance.volunteers,
                instance.days,
                i,
                v,
                duration,
                after,
                with_papers=with_papers,
            )
            if start == NEVER or (wanted is not None and start != wanted):
                return False
            clash = self._clash(r, v, int(start))
            if clash is None:
                return True
            after = clash
            if wanted is not None:
                return False

    def _clash(self, r: int, v: int, start: int) -> int | None:
        """Return when the task that stands in the way of a start is over, way included; None if none does."""
        end = start + self._duration(r, v)
        for task in self.diary.get(v, ()):
            if task.start < 0:
                continue
            way = self._way(v, task.request, r)
            if start < task.end + way and task.start < end + way:
                return task.end + way
        return None

    def _way(self, v: int, a: int, b: int) -> int:
        """Return the minutes between two requests."""
        instance = self.compiled.instance
        if not (instance.requests.placed[a] and instance.requests.placed[b]):
            return 0
        metres = arc_m(instance.requests.xyz[a], instance.requests.xyz[b])
        return int(travel_min(metres, instance.volunteers.speed[v]))

    def _widen(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the least widening of a radius that brings a volunteer who lacks nothing else."""
        volunteers = self.compiled.instance.volunteers
        who = np.flatnonzero(codes == refusals.TOO_FAR)
        distance = self._distance(r, who)
        travel = self._travel(r, who, distance)
        beyond = np.maximum(distance - volunteers.max_distance_m[who], (travel - volunteers.max_travel_min[who]) * 100)
        for t in np.lexsort((who, beyond))[:MOST_TRIED]:
            v = int(who[t])
            if self._can_come(i, r, v):
                metres, minutes = int(volunteers.max_distance_m[v]), int(volunteers.max_travel_min[v])
                is_far, is_long = distance[t] > metres, travel[t] > minutes
                return NearestFix(
                    Fix.WIDEN_DISTANCE,
                    self.compiled.problem.volunteers[v].id,
                    from_km=metres / 1000 if is_far else None,
                    to_km=int(distance[t]) / 1000 if is_far else None,
                    from_min=minutes if is_long else None,
                    to_min=int(travel[t]) if is_long else None,
                )
        return None

    def _nearest_of(self, r: int, who: NDArray[np.int64], fits: Callable[[int], bool]) -> int | None:
        """Return the nearest of ``who`` inside their radius that ``fits``."""
        distance = self._distance(r, who)
        near = np.flatnonzero(self._is_near(r, who, distance))
        for t in near[np.lexsort((who[near], distance[near]))][:MOST_TRIED]:
            if fits(int(who[t])):
                return int(who[t])
        return None

    def _hour(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest volunteer who lacks nothing but time in the request's window."""
        who = np.flatnonzero(codes == refusals.NOT_AVAILABLE)
        instance = self.compiled.instance
        rows, volunteers, days = instance.rows, instance.volunteers, instance.days

        def fits(v: int) -> bool:
            # Nothing else may stand in the way of the hour: no promise, no full day, no paper that ends before.
            start = self._start(r, v)
            if start == NEVER or self._has_promise(r, v, start):
                return False
            if not self._has_room(i, v) or self._clash(r, v, start) is not None:
                return False
            return bool(timing.hour_has_room(rows, volunteers, days, i, v, start, self._duration(r, v)))

        v = self._nearest_of(r, who, fits)
        if v is None:
            return None
        timeline = self.compiled.timeline
        return NearestFix(
            Fix.ADD_AVAILABILITY,
            self.compiled.problem.volunteers[v].id,
            start=timeline.instant(self._start(r, v)),
            end=timeline.instant(self._start(r, v) + self._duration(r, v)),
        )

    def _has_promise(self, r: int, v: int, start: int) -> bool:
        """Tell whether a busy time or a pinned assignment stands in the way of a start, ways included."""
        problem, timeline = self.compiled.problem, self.compiled.timeline
        promises = [(busy.start, busy.end, busy.point) for busy in problem.volunteers[v].busy]
        promises += [
            (pin.start, pin.end, problem.requests[pin.request].point)
            for pin in self.pins.get(v, ())
            if pin.start is not None and pin.end is not None
        ]
        place, end = problem.requests[r].point, start + self._duration(r, v)
        speed = int(self.compiled.instance.volunteers.speed[v])
        for begins, ends, point in promises:
            metres = 0 if place is None or point is None else great_circle_m(place, point)
            way = int(travel_min(np.int64(metres), speed))
            if start < timeline.minute_up(ends) + way and timeline.minute_down(begins) < end + way:
                return True
        return False

    def _capacity(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest volunteer who lacks nothing but capacity, and has the time beside the plan."""
        who = np.flatnonzero((codes == refusals.CAPACITY_REACHED) | (codes == refusals.ELIGIBLE))
        v = self._nearest_of(
            r, who, lambda v: not self._has_room(i, v) and self._has_no_day_limit(v) and self._has_time(i, r, v)
        )
        return None if v is None else NearestFix(Fix.RAISE_CAPACITY, self.compiled.problem.volunteers[v].id)

    def _has_no_day_limit(self, v: int) -> bool:
        volunteers = self.compiled.instance.volunteers
        return min(int(volunteers.day_assignments[v]), int(volunteers.day_minutes[v])) >= UNLIMITED

    def _paper(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest volunteer who lacks one level, certificate, training or insurance.

        Nobody is told to learn a trade for one request: a skill that is missing altogether takes a new volunteer.
        """
        instance = self.compiled.instance
        for code, fix in reversed(PAPERS.items()):
            who = np.flatnonzero(codes == code)
            lacking = instance.rows.required[i] & ~instance.volunteers.has[who]
            who = who[np.bitwise_count(lacking).sum(axis=1) <= 1]
            v = self._nearest_of(
                r, who, lambda v: len(self._missing(i, r, v)) == 1 and self._can_come(i, r, v, with_papers=False)
            )
            if v is not None:
                capability = self.compiled.capabilities.of_bit[self._missing(i, r, v)[0]]
                return NearestFix(
                    fix,
                    self.compiled.problem.volunteers[v].id,
                    skill=capability.code or None,
                    level=capability.level or None,
                )
        return None

    def _missing(self, i: int, r: int, v: int) -> list[int]:
        """Return the required bits that a volunteer lacks, or that end before the service would."""
        instance = self.compiled.instance
        volunteers = instance.volunteers
        lacking = [int(word) for word in instance.rows.required[i] & ~volunteers.has[v]]
        mask = sum(word << (64 * w) for w, word in enumerate(lacking))
        required = sum(int(word) << (64 * w) for w, word in enumerate(instance.rows.required[i]))
        if instance.requests.timed[r]:
            ends = self._start(r, v) + self._duration(r, v)
            for x in range(volunteers.expiry_ptr[v], volunteers.expiry_ptr[v + 1]):
                if volunteers.expiry_at[x] < ends:
                    mask |= required & 1 << int(volunteers.expiry_bit[x])
        missing = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
        # A level that is too low on a paper that ends too early would be two changes.
        papers = {self.compiled.capabilities.of_bit[bit].code for bit in missing}
        ends_at = self._start(r, v) + self._duration(r, v) if instance.requests.timed[r] else 1
        for skill in self.compiled.problem.volunteers[v].skills:
            too_low = skill.code in papers and skill.valid_until is not None
            if too_low and skill.valid_until and self.compiled.timeline.minute_after_day(skill.valid_until) < ends_at:
                missing += [bit for bit in missing if self.compiled.capabilities.of_bit[bit].level > skill.level]
        return missing

    def _newcomer(self, i: int, r: int) -> NearestFix:
        """Return what one more volunteer would have to bring: the scarcest skill, and the first window."""
        requests = self.compiled.instance.requests
        need = self.compiled.scarcest_need(i)
        start = end = None
        if requests.timed[r]:
            duration = int(requests.duration[r])
            first = self._start(r)
            start, end = self.compiled.timeline.instant(first), self.compiled.timeline.instant(first + duration)
        return NearestFix(
            Fix.ADD_VOLUNTEER,
            skill=None if need is None else need.code,
            level=None if need is None else need.level,
            start=start,
            end=end,
        )


def _widening_km(fix: NearestFix) -> float:
    """Return how much farther somebody would travel; a minute on the way counts as 100 m."""
    return max((fix.to_km or 0.0) - (fix.from_km or 0.0), ((fix.to_min or 0) - (fix.from_min or 0)) / 10)
