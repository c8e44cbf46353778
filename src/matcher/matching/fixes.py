"""The nearest fix: the smallest single change that would let one more volunteer serve a request.

Only people who serve nobody in the plan are considered, so the change alone is enough: nothing has to be
moved for it. Where nobody is one change away, the fix is one more volunteer.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from matcher.domain.plans import NearestFix
from matcher.domain.reasons import Fix
from matcher.matching.arrays import NEVER
from matcher.matching.distance import arc_m
from matcher.matching.kernels import refusals, timing
from matcher.matching.kernels.refusals import Everybody
from matcher.matching.problem import Compiled

__all__ = ["Fixer"]

MOST_TRIED = 12
A_LITTLE_FARTHER_KM = 2.0
PAPERS = {
    refusals.SKILL_MISSING: Fix.ADD_SKILL,
    refusals.LEVEL_TOO_LOW: Fix.RAISE_LEVEL,
    refusals.CERTIFICATE_EXPIRED: Fix.RENEW_CERTIFICATE,
    refusals.UNTRAINED: Fix.GIVE_TRAINING,
    refusals.UNINSURED: Fix.GIVE_INSURANCE,
}


class Fixer:
    """Finds fixes for the open rows of one plan."""

    def __init__(self, compiled: Compiled, everybody: Everybody, serving: Mapping[int, list[int]]) -> None:
        self.compiled = compiled
        self.everybody = everybody
        self.is_idle = np.ones(compiled.instance.volunteer_count, np.bool_)
        self.is_idle[[v for v, served in serving.items() if served]] = False

    def nearest(self, i: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest fix for row ``i``, given everybody's refusal.

        In this order: a radius a little wider, one more hour of somebody near, one paper for somebody near, a much
        wider radius, a new volunteer. None where no window is left: then no volunteer helps.
        """
        instance = self.compiled.instance
        r = int(instance.rows.request[i])
        if instance.requests.timed[r] and not self._has_window(r):
            return None
        farther = self._widen(i, r, codes)
        if farther is not None and _widening_km(farther) <= A_LITTLE_FARTHER_KM:
            return farther
        return self._hour(i, r, codes) or self._paper(i, r, codes) or farther or self._newcomer(i, r)

    def _has_window(self, r: int) -> bool:
        requests = self.compiled.instance.requests
        return bool(refusals.first_request_start(requests, r, int(requests.duration[r])) != NEVER)

    def _distance(self, r: int, who: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return metres to each of ``who``; 0 where a place is unknown."""
        instance = self.compiled.instance
        known = instance.volunteers.placed[who] & instance.requests.placed[r]
        return np.where(known, arc_m(instance.volunteers.xyz[who], instance.requests.xyz[r]), 0)

    def _can_come(self, i: int, r: int, v: int) -> bool:
        """Tell whether a volunteer has room and a start for a request, whatever the distance."""
        instance = self.compiled.instance
        requests, volunteers = instance.requests, instance.volunteers
        duration = int(requests.duration[r])
        if volunteers.max_assignments[v] < 1 or duration > volunteers.max_minutes[v]:
            return False
        if not requests.timed[r]:
            return True
        first = timing.start_of_pair(requests, instance.rows, volunteers, instance.days, i, v, duration)
        return bool(first != NEVER)

    def _widen(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the least widening of a radius that brings an idle and otherwise fit volunteer."""
        volunteers = self.compiled.instance.volunteers
        who = np.flatnonzero((codes == refusals.TOO_FAR) & self.is_idle)
        if self.everybody.has_pairs or not len(who):
            return None
        distance = self._distance(r, who)
        beyond = distance - volunteers.radius_m[who]
        for t in np.lexsort((who, beyond))[:MOST_TRIED]:
            v = int(who[t])
            if self._can_come(i, r, v):
                reach = int(volunteers.radius_m[v])
                return NearestFix(
                    Fix.WIDEN_DISTANCE,
                    self.compiled.problem.volunteers[v].id,
                    from_km=reach / 1000,
                    to_km=int(distance[t]) / 1000,
                )
        return None

    def _nearest_of(self, r: int, who: NDArray[np.int64], fits: Callable[[int], bool]) -> int | None:
        """Return the nearest of ``who`` inside their radius that ``fits``."""
        distance = self._distance(r, who)
        near = np.flatnonzero(distance <= self.compiled.instance.volunteers.radius_m[who])
        for t in near[np.lexsort((who[near], distance[near]))][:MOST_TRIED]:
            if fits(int(who[t])):
                return int(who[t])
        return None

    def _hour(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest idle volunteer who lacks nothing but time in the request's window."""
        who = np.flatnonzero((codes == refusals.NOT_AVAILABLE) & self.is_idle)
        instance = self.compiled.instance
        requests, rows, volunteers, days = instance.requests, instance.rows, instance.volunteers, instance.days
        duration = int(requests.duration[r])
        start = int(refusals.first_request_start(requests, r, duration))

        def fits(v: int) -> bool:
            # Nothing else may stand in the way of the hour: no promise, no full day, no paper that ends before.
            if self.compiled.problem.volunteers[v].busy:
                return False
            return bool(timing.hour_has_room(rows, volunteers, days, i, v, start, duration))

        v = self._nearest_of(r, who, fits)
        if v is None:
            return None
        timeline = self.compiled.timeline
        return NearestFix(
            Fix.ADD_AVAILABILITY,
            self.compiled.problem.volunteers[v].id,
            start=timeline.instant(start),
            end=timeline.instant(start + duration),
        )

    def _paper(self, i: int, r: int, codes: NDArray[np.uint8]) -> NearestFix | None:
        """Return the nearest idle volunteer who lacks one skill, level, certificate, training or insurance."""
        instance = self.compiled.instance
        for code, fix in reversed(PAPERS.items()):
            who = np.flatnonzero((codes == code) & self.is_idle)
            lacking = instance.rows.required[i] & ~instance.volunteers.has[who]
            who = who[np.bitwise_count(lacking).sum(axis=1) == 1]
            v = self._nearest_of(r, who, lambda v: self._can_come(i, r, v))
            if v is not None:
                bits = [int(word) for word in instance.rows.required[i] & ~instance.volunteers.has[v]]
                bit = next(64 * w + word.bit_length() - 1 for w, word in enumerate(bits) if word)
                capability = self.compiled.capabilities.of_bit[bit]
                return NearestFix(
                    fix,
                    self.compiled.problem.volunteers[v].id,
                    skill=capability.code or None,
                    level=capability.level or None,
                )
        return None

    def _newcomer(self, i: int, r: int) -> NearestFix:
        """Return what one more volunteer would have to bring: the scarcest skill, and the first window."""
        requests = self.compiled.instance.requests
        need = self.compiled.scarcest_need(i)
        start = end = None
        if requests.timed[r]:
            duration = int(requests.duration[r])
            first = int(refusals.first_request_start(requests, r, duration))
            start, end = self.compiled.timeline.instant(first), self.compiled.timeline.instant(first + duration)
        return NearestFix(
            Fix.ADD_VOLUNTEER,
            skill=None if need is None else need.code,
            level=None if need is None else need.level,
            start=start,
            end=end,
        )


def _widening_km(fix: NearestFix) -> float:
    return (fix.to_km or 0.0) - (fix.from_km or 0.0)
