"""Why a request stays open: everybody counted at the first constraint that fails, and the nearest fix."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from matcher.domain.plans import ReasonCount, Unassigned
from matcher.domain.reasons import Reason
from matcher.matching.arrays import NEVER, Edges
from matcher.matching.capabilities import WORD, Kind, is_minor, words_of
from matcher.matching.fixes import Fixer, Task
from matcher.matching.kernels import pruning, refusals
from matcher.matching.kernels.refusals import Everybody
from matcher.matching.problem import Compiled

__all__ = ["gather", "named_skill", "unassigned"]

REASONS = tuple(Reason)
SKILL_REASONS = {Reason.SKILL_MISSING, Reason.LEVEL_TOO_LOW, Reason.CERTIFICATE_EXPIRED}


def unassigned(
    compiled: Compiled,
    edges: Edges,
    filled: NDArray[np.int32],
    diary: Mapping[int, list[Task]],
    *,
    explain: bool,
) -> tuple[Unassigned, ...]:
    """Return every request with open places, with reasons unless they are not wanted.

    Parameters
    ----------
    edges
        All eligible pairs, not pruned.
    filled
        Places of each row that the plan fills beside pins.
    diary
        What each volunteer does in the plan beside pinned assignments.
    """
    instance = compiled.instance
    open_places = instance.rows.places - filled
    serving = _serving(compiled, diary)
    everybody = gather(compiled, serving) if explain and open_places.any() else None
    fixer = None if everybody is None else Fixer(compiled, everybody, diary, _begins(compiled, diary))
    found = []
    for r, request in enumerate(compiled.problem.requests):
        first, last = int(instance.requests.row_ptr[r]), int(instance.requests.row_ptr[r + 1])
        missing = int(open_places[first:last].sum())
        if missing == 0:
            continue
        if everybody is None or fixer is None:
            found.append(Unassigned(request.id, missing))
            continue
        reasons: list[ReasonCount] = []
        fix = None
        for i in range(first, last):
            if open_places[i] > 0:
                codes = np.empty(instance.volunteer_count, np.uint8)
                refusals.refuse(everybody, i, codes)
                role = i - first if request.by_role else None
                reasons += _reasons(compiled, edges, serving, i, role, codes)
                fix = fix or fixer.nearest(i, codes)
        found.append(Unassigned(request.id, missing, tuple(reasons), fix))
    return tuple(found)


def _serving(compiled: Compiled, diary: Mapping[int, list[Task]]) -> dict[int, list[int]]:
    """Return the requests that each volunteer serves, pinned ones among them."""
    serving: defaultdict[int, list[int]] = defaultdict(list)
    for pin in compiled.pinned:
        serving[pin.volunteer].append(pin.request)
    for v, tasks in diary.items():
        serving[v] += [task.request for task in tasks]
    return dict(serving)


def _begins(compiled: Compiled, diary: Mapping[int, list[Task]]) -> dict[int, int]:
    """Return the start of each timed request that somebody serves."""
    begins = {task.request: task.start for tasks in diary.values() for task in tasks if task.start >= 0}
    for pin in compiled.pinned:
        if pin.start is not None:
            begins[pin.request] = compiled.timeline.minute_down(pin.start)
    return begins


def _reasons(
    compiled: Compiled,
    edges: Edges,
    serving: Mapping[int, list[int]],
    i: int,
    role: int | None,
    codes: NDArray[np.uint8],
) -> list[ReasonCount]:
    """Return the counts of one row, the commonest reason first."""
    instance = compiled.instance
    r = int(instance.rows.request[i])
    absent = int((codes != refusals.PRESENT).sum())
    duration = int(instance.requests.duration[r])
    no_start = refusals.first_request_start(instance.requests, r, duration) == NEVER
    if instance.requests.timed[r] and no_start:
        return [ReasonCount(Reason.NO_WINDOW, absent, role)] if absent else []
    counts = np.bincount(codes, minlength=refusals.CODES)
    reasons = [
        named_skill(compiled, i, ReasonCount(REASONS[code], int(counts[code]), role))
        for code in range(refusals.ELIGIBLE)
        if counts[code]
    ]
    eligible = np.flatnonzero(codes == refusals.ELIGIBLE)
    if len(eligible):
        reasons.append(_eligible(compiled, edges, serving, i, role, eligible))
    return sorted(reasons, key=lambda reason: -reason.volunteers)


def _eligible(
    compiled: Compiled,
    edges: Edges,
    serving: Mapping[int, list[int]],
    i: int,
    role: int | None,
    eligible: NDArray[np.int64],
) -> ReasonCount:
    """Return why those who could serve do not: too few together, or others need them more."""
    instance = compiled.instance
    requests, rows = instance.requests, instance.rows
    r = int(rows.request[i])
    together = pruning.most_together(requests, rows, instance.volunteers, instance.days, edges, i)
    needed = rows.places[i] if requests.by_role[r] else requests.minimum[r]
    if together < needed:
        return ReasonCount(Reason.TEAM_INCOMPLETE, len(eligible), role)
    winners = [int(requests.urgency[won]) for v in eligible for won in serving.get(int(v), ())]
    return ReasonCount(
        Reason.OUTBID,
        len(eligible),
        role,
        winner_urgency_min=min(winners, default=None),
        winner_urgency_max=max(winners, default=None),
    )


def named_skill(compiled: Compiled, i: int, reason: ReasonCount) -> ReasonCount:
    """Add the skill that fewest volunteers hold at its level to a reason about skills."""
    if reason.code not in SKILL_REASONS:
        return reason
    need = compiled.scarcest_need(i)
    return (
        reason
        if need is None
        else ReasonCount(reason.code, reason.volunteers, reason.role, skill=need.code, level=need.level)
    )


def gather(compiled: Compiled, serving: Mapping[int, list[int]]) -> Everybody:
    """Gather what refusals depend on."""
    instance, problem = compiled.instance, compiled.problem
    volunteers, requests = problem.volunteers, problem.requests
    year = problem.now.astimezone(problem.time_zone).year
    barred = [
        refusals.PAUSED if v.paused else refusals.MINOR if is_minor(v, year) and not v.guardian_consent else 0
        for v in volunteers
    ]
    count = max(1, len(volunteers))
    names = sorted({need.code for request in requests for role in request.roles for need in role.skills})
    bit_of = {name: bit for bit, name in enumerate(names)}
    words = max(1, -(-len(names) // WORD))
    held_codes = [_bits(bit_of, (skill.code for skill in v.skills)) for v in volunteers]
    needed_codes = [
        _bits(bit_of, (need.code for need in role.skills)) for request in requests for role in request.roles
    ]
    present = np.unique(np.array([r * count + v for v, served in serving.items() for r in served], np.int64))
    pairs = _pair_columns(compiled, count)
    ever = [now | expired for now, expired in zip(compiled.held.now, compiled.held.expired, strict=True)]
    return Everybody(
        requests=instance.requests,
        rows=instance.rows,
        volunteers=instance.volunteers,
        idle=compiled.idle,
        days=instance.days,
        barred=np.array(barred, np.uint8),
        excluded=instance.excluded,
        present=present,
        paired=pairs[0],
        pair_distance_m=pairs[1],
        pair_travel_min=pairs[2],
        pair_duration=pairs[3],
        has_pairs=instance.pairs is not None,
        ever=words_of(ever, compiled.capabilities.words),
        codes=words_of(held_codes, words),
        needed_codes=words_of(needed_codes, words),
        skill_mask=instance.skill_mask,
        minor_mask=compiled.capabilities.mask_of(Kind.ADULT),
        gender_mask=compiled.capabilities.mask_of(Kind.GENDER),
        training_mask=compiled.capabilities.mask_of(Kind.TRAINING),
        insurance_mask=compiled.capabilities.mask_of(Kind.INSURANCE),
    )


def _bits(bit_of: Mapping[str, int], names: Iterable[str]) -> int:
    mask = 0
    for name in names:
        mask |= 1 << bit_of[name] if name in bit_of else 0
    return mask


def _pair_columns(compiled: Compiled, count: int) -> tuple[NDArray[np.int64], ...]:
    """Return keys, distances, travel minutes and durations of the given pairs, sorted by key."""
    pairs, requests = compiled.instance.pairs, compiled.instance.requests
    if pairs is None:
        return tuple(np.zeros(0, np.int64) for _ in range(4))
    key = pairs.request.astype(np.int64) * count + pairs.volunteer
    order = np.argsort(key)
    duration = np.where(pairs.duration >= 0, pairs.duration, requests.duration[pairs.request])
    return tuple(column.astype(np.int64)[order] for column in (key, pairs.distance_m, pairs.travel_min, duration))
