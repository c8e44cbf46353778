"""Better hours for a request: starts at which most of those who would do have time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matcher.domain.reasons import Reason
from matcher.matching.eligibility import Judgement
from matcher.matching.kernels import refusals

__all__ = ["best_starts", "would_do"]

_REASONS: Final = tuple(Reason)
_ONLY_TIME: Final = [
    *(_REASONS.index(reason) for reason in (Reason.NOT_AVAILABLE, Reason.CAPACITY_REACHED, Reason.BUSY)),
    refusals.ELIGIBLE,
]

_STEP: Final = timedelta(minutes=30)
_FROM_HOUR, _TO_HOUR = 7, 22


def would_do(judgement: Judgement) -> NDArray[np.int64]:
    """Return the numbers of the volunteers whom nothing but time keeps away, if anything."""
    return np.flatnonzero(np.isin(judgement.code, _ONLY_TIME))


def best_starts(judgement: Judgement, people: NDArray[np.int64], *, until: datetime, most: int) -> Sequence[datetime]:
    """Return starts at which most of some volunteers are free for as long as the request takes.

    They lie on half hours of the day between 7:00 and 22:00 in the zone of the problem, and services that begin at
    them do not overlap. Ways and limits are not looked at: judge a request that begins then.

    Parameters
    ----------
    people
        Numbers of volunteers, shape (n,).
    until
        When the last service has to end.
    """
    compiled = judgement.compiled
    instance, volunteers = compiled.instance, compiled.instance.volunteers
    duration = int(instance.requests.duration[instance.rows.request[judgement.row]])
    starts = _starts(compiled.timeline.epoch.astimezone(compiled.timeline.zone), duration, until)
    if not starts or not len(people):
        return []
    minute = np.array([compiled.timeline.minute_up(start) for start in starts])
    count = np.diff(volunteers.window_ptr)[people]
    span = np.repeat(volunteers.window_ptr[people] - (np.cumsum(count) - count), count) + np.arange(count.sum())
    covers = volunteers.window_start[span][:, None] <= minute
    covers &= minute + duration <= volunteers.window_end[span][:, None]
    # The free spans of one volunteer are disjoint: nobody is counted twice.
    free = covers.sum(axis=0)
    chosen: list[int] = []
    for at in np.lexsort((minute, -free)).tolist():
        if len(chosen) == most or not free[at]:
            break
        if all(abs(int(minute[at] - minute[other])) >= duration for other in chosen):
            chosen.append(at)
    return [starts[at] for at in chosen]


def _starts(now: datetime, duration_min: int, until: datetime) -> list[datetime]:
    """Return every half hour of the hours of service from ``now`` on."""
    length = timedelta(minutes=duration_min)
    start = now.replace(hour=_FROM_HOUR, minute=0, second=0, microsecond=0)
    found = []
    while start + length <= until:
        closing = start.replace(hour=_TO_HOUR, minute=0)
        if start >= now and start + length <= closing:
            found.append(start)
        start += _STEP
        if start >= closing:
            start = (closing + timedelta(days=1)).replace(hour=_FROM_HOUR)
    return found
