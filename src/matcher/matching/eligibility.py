"""One row and a few volunteers: who could fill it now, when and at what cost, and why the others cannot.

The same constraints and costs as in a whole problem, without its machinery: hundreds of pairs take
less time here than a solver takes to begin.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.domain.plans import ReasonCount
from matcher.domain.reasons import Reason
from matcher.matching import explain
from matcher.matching.arrays import NEVER
from matcher.matching.candidates_numpy import Ints, costs, distances, first_starts
from matcher.matching.kernels import refusals, timing
from matcher.matching.kernels.refusals import Everybody
from matcher.matching.plain import plain
from matcher.matching.problem import Compiled

__all__ = ["Judgement", "judge", "next_starts"]

_REASONS: Final = tuple(Reason)
_refuse = plain(refusals.refuse)
_start_of_pair = plain(timing.start_of_pair)
_first_request_start = plain(refusals.first_request_start)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of each volunteer in one row.

    ``code`` is by volunteer: the position in ``Reason`` of the first constraint that fails,
    ``refusals.ELIGIBLE`` or ``refusals.PRESENT``. The other arrays hold the eligible ones by cost, then number:
    their numbers, costs, first starts (minutes, -1 without time) and distances (-1 where unknown).
    """

    compiled: Compiled
    row: int
    code: NDArray[np.uint8]
    volunteer: Ints
    cost: Ints
    start: Ints
    distance_m: Ints

    def reason(self, volunteer: int) -> Reason | None:
        """Return at which constraint a volunteer fails first; None if at none, or if they serve here already."""
        code = int(self.code[volunteer])
        return None if code >= refusals.ELIGIBLE else _REASONS[code]

    def reasons(self) -> Iterator[ReasonCount]:
        """Yield how many fail first at each constraint, in the order of the constraints."""
        counts = np.bincount(self.code, minlength=refusals.CODES)
        for position in range(refusals.ELIGIBLE):
            if counts[position]:
                count = ReasonCount(_REASONS[position], int(counts[position]))
                yield explain.named_skill(self.compiled, self.row, count)


def judge(compiled: Compiled, rows: Iterable[int]) -> Iterator[Judgement]:
    """Hold every volunteer of a problem against each of some rows, places left or not.

    Raises
    ------
    ValueError
        If the problem has given pairs: those have rules of their own.
    """
    if compiled.instance.pairs is not None:
        raise ValueError("given pairs are not judged one by one")
    serving: defaultdict[int, list[int]] = defaultdict(list)
    for pin in compiled.pinned:
        serving[pin.volunteer].append(pin.request)
    everybody = explain.gather(compiled, serving)
    return (_judge(compiled, everybody, row) for row in rows)


def _judge(compiled: Compiled, everybody: Everybody, row: int) -> Judgement:
    instance = compiled.instance
    r = int(instance.rows.request[row])
    code = np.empty(instance.volunteer_count, np.uint8)
    _refuse(everybody, row, code)
    if instance.requests.timed[r] and _no_start(compiled, r):
        code[code != refusals.PRESENT] = _REASONS.index(Reason.NO_WINDOW)
    volunteer: Ints = np.flatnonzero(code == refusals.ELIGIBLE)
    rows = np.full(len(volunteer), row)
    distance_m = distances(instance, instance.rows.request[rows], volunteer)
    start = first_starts(instance, rows, volunteer)
    cost = costs(instance, rows, volunteer, distance_m, start)
    order = np.lexsort((volunteer, cost))
    return Judgement(compiled, row, code, volunteer[order], cost[order], start[order], distance_m[order])


def _no_start(compiled: Compiled, r: int) -> bool:
    requests = compiled.instance.requests
    return bool(_first_request_start(requests, r, int(requests.duration[r])) == NEVER)


def next_starts(compiled: Compiled, row: int, volunteer: int, *, most: int) -> list[datetime]:
    """Return starts at which a volunteer can fill a row, each after the end of the one before; none without time."""
    instance = compiled.instance
    r = int(instance.rows.request[row])
    duration = int(instance.requests.duration[r])
    starts: list[datetime] = []
    after = 0
    while instance.requests.timed[r] and len(starts) < most:
        start = int(
            _start_of_pair(
                *(instance.requests, instance.rows, instance.volunteers, instance.days),
                *(row, volunteer, duration, after),
                with_papers=True,
            )
        )
        if start == NEVER:
            break
        starts.append(compiled.timeline.instant(start))
        after = start + duration
    return starts
