"""Better hours for a request: starts at which most of those who would do can come."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.domain.reasons import Reason
from matcher.matching.arrays import NEVER, Instance
from matcher.matching.candidates_numpy import Ints, distances
from matcher.matching.eligibility import Judgement
from matcher.matching.kernels import refusals, timing
from matcher.matching.plain import plain

__all__ = ["Hours", "best_hours", "would_do"]

_REASONS: Final = tuple(Reason)
_ONLY_TIME: Final = [
    *(_REASONS.index(reason) for reason in (Reason.NOT_AVAILABLE, Reason.CAPACITY_REACHED, Reason.BUSY)),
    refusals.ELIGIBLE,
]
_STEP_MIN: Final = 30
_FROM_MIN, _TO_MIN = 7 * 60, 22 * 60

_start_of_pair = plain(timing.start_of_pair)


@dataclass(frozen=True, slots=True)
class Hours:
    """A start, how many could come then, and how far the nearest of them is; None if no distance is known."""

    start: datetime
    volunteers: int
    nearest_m: int | None


def would_do(judgement: Judgement) -> Ints:
    """Return the numbers of the volunteers whom nothing but time keeps away, if anything."""
    return np.flatnonzero(np.isin(judgement.code, _ONLY_TIME))


def best_hours(judgement: Judgement, *, most: int) -> Iterator[Hours]:
    """Yield starts at which most could come if the request began then, the most first, then the earliest.

    They lie on half hours of the day from 7:00 on, inside the horizon of the problem, so that the service ends by
    22:00, and services that begin at them do not overlap. Where most are free is found at once for all starts; who
    can come, ways and limits included, is found for those that are chosen.
    """
    compiled, people = judgement.compiled, would_do(judgement)
    instance = compiled.instance
    r = int(instance.rows.request[judgement.row])
    duration = int(instance.requests.duration[r])
    minute = _starts(instance, duration)
    free = _free(instance, people, minute, duration)
    chosen: list[int] = []
    for at in np.lexsort((minute, -free)).tolist():
        if len(chosen) == most or not free[at]:
            break
        if all(abs(int(minute[at]) - other) >= duration for other in chosen):
            chosen.append(int(minute[at]))
    found = [(start, _who_can_come(instance, judgement.row, people, start, duration)) for start in chosen]
    for start, who in sorted(found, key=lambda entry: (-len(entry[1]), entry[0])):
        if len(who):
            metres = distances(instance, np.full(len(who), r), who)
            known = metres[metres >= 0]
            yield Hours(compiled.timeline.instant(start), len(who), int(known.min()) if len(known) else None)


def _starts(instance: Instance, duration_min: int) -> Ints:
    """Return every half hour of the hours of service, in minutes."""
    within_day = np.arange(_FROM_MIN, _TO_MIN - duration_min + 1, _STEP_MIN)
    minute = (instance.days.start[:, None] + within_day).ravel()
    return minute[minute >= 0]


def _free(instance: Instance, people: Ints, minute: Ints, duration_min: int) -> NDArray[np.int64]:
    """Return how many of the people are free at each start for as long as the service takes."""
    volunteers = instance.volunteers
    count = np.diff(volunteers.window_ptr)[people]
    span = np.repeat(volunteers.window_ptr[people] - (np.cumsum(count) - count), count) + np.arange(count.sum())
    covers = volunteers.window_start[span][:, None] <= minute
    covers &= minute + duration_min <= volunteers.window_end[span][:, None]
    # The free spans of one volunteer are disjoint: nobody is counted twice.
    return np.asarray(covers.sum(axis=0), np.int64)


def _who_can_come(instance: Instance, row: int, people: Ints, start: int, duration_min: int) -> Ints:
    """Return those who could fill a row if its request had one window, in which it begins at ``start``."""
    r = int(instance.rows.request[row])
    count = instance.request_count
    only = instance.requests._replace(
        window_ptr=np.where(np.arange(count + 1) > r, 1, 0).astype(np.int32),
        window_start=np.array([start], np.int32),
        window_end=np.array([start + duration_min], np.int32),
        fixed=np.full(count, NEVER, np.int32),
    )
    then = replace(instance, requests=only)
    can = [
        v
        for v in people.tolist()
        if duration_min <= then.volunteers.max_minutes[v]
        and then.volunteers.max_assignments[v] >= 1
        and _start_of_pair(
            *(then.requests, then.rows, then.volunteers, then.days), *(row, v, duration_min, 0), with_papers=True
        )
        == start
    ]
    return np.array(can, np.int64)
