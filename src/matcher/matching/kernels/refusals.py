"""At which constraint does each volunteer fail first? One row against everybody, in the order of ``Reason``."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.arrays import NEVER, Days, Requests, Rows, Volunteers
from matcher.matching.kernels.compilation import in_place, step
from matcher.matching.kernels.joins import contains
from matcher.matching.kernels.timing import arc_m, earliest_start, first_start, last_end

__all__ = ["CODES", "Everybody", "refuse"]

# The numbers are positions in ``Reason``.
PAUSED, NOT_PAIRED, EXCLUDED, MINOR, GENDER = 1, 2, 3, 4, 5
SKILL_MISSING, LEVEL_TOO_LOW, CERTIFICATE_EXPIRED, UNTRAINED, UNINSURED = 6, 7, 8, 9, 10
TOO_FAR, NOT_AVAILABLE, CAPACITY_REACHED, BUSY, ELIGIBLE, PRESENT = 11, 12, 13, 14, 16, 17
CODES = 18


class Everybody(NamedTuple):
    """What the refusal of a pair depends on."""

    requests: Requests
    rows: Rows
    volunteers: Volunteers
    idle: Volunteers
    days: Days
    barred: NDArray[np.uint8]  # PAUSED or MINOR for those who serve nobody, 0 otherwise
    excluded: NDArray[np.int64]  # keys
    present: NDArray[np.int64]  # keys of the pairs in the plan
    paired: NDArray[np.int64]  # sorted keys of the given pairs
    pair_distance_m: NDArray[np.int64]
    pair_travel_min: NDArray[np.int64]
    pair_duration: NDArray[np.int64]
    has_pairs: bool
    ever: NDArray[np.uint64]  # (volunteers, words) capabilities, expired ones among them
    codes: NDArray[np.uint64]  # (volunteers, words) skills at any level
    needed_codes: NDArray[np.uint64]  # (rows, words)
    skill_mask: NDArray[np.uint64]
    minor_mask: NDArray[np.uint64]
    gender_mask: NDArray[np.uint64]
    training_mask: NDArray[np.uint64]
    insurance_mask: NDArray[np.uint64]


@step
def lacks(required, i, has, v, mask):
    """Tell whether ``v`` lacks a bit of ``mask`` that row ``i`` requires."""
    for word in range(required.shape[1]):
        if required[i, word] & ~has[v, word] & mask[word]:
            return True
    return False


@step
def papers_end(volunteers, v, required, mask):
    """Return when the first of the required bits of ``mask`` ends."""
    limit = np.int64(NEVER)
    for x in range(volunteers.expiry_ptr[v], volunteers.expiry_ptr[v + 1]):
        bit = volunteers.expiry_bit[x]
        word = bit // 64
        if (required[word] & mask[word]) >> np.uint64(bit % 64) & np.uint64(1):
            limit = min(limit, np.int64(volunteers.expiry_at[x]))
    return limit


@step
def pair_number(everybody, key):
    """Return the position of a given pair, -1 if it was not given."""
    low = 0
    high = len(everybody.paired)
    while low < high:
        middle = (low + high) // 2
        if everybody.paired[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(everybody.paired) and everybody.paired[low] == key else -1


@in_place
def first_request_start(requests, r, duration):
    """Return the first start that the windows, and a pinned start, allow; NEVER if there is none."""
    best = np.int64(NEVER)
    for a in range(requests.window_ptr[r], requests.window_ptr[r + 1]):
        low = np.int64(requests.window_start[a])
        high = np.int64(requests.window_end[a]) - duration
        if requests.fixed[r] != NEVER:
            low = max(low, np.int64(requests.fixed[r]))
            high = min(high, np.int64(requests.fixed[r]))
        if low <= high:
            best = min(best, low)
    return best


@step
def refusal(everybody, i, v):
    """Return the number of the first constraint at which a pair fails, ELIGIBLE or PRESENT."""
    requests = everybody.requests
    rows = everybody.rows
    volunteers = everybody.volunteers
    r = rows.request[i]
    key = np.int64(r) * len(volunteers.placed) + v
    if contains(everybody.present, key):
        return PRESENT
    if everybody.barred[v] == PAUSED:
        return PAUSED
    duration = np.int64(requests.duration[r])
    distance = np.int64(-1)
    travel = np.int64(-1)
    if everybody.has_pairs:
        pair = pair_number(everybody, key)
        if pair < 0:
            return NOT_PAIRED
        distance = everybody.pair_distance_m[pair]
        travel = everybody.pair_travel_min[pair]
        duration = everybody.pair_duration[pair]
    if requests.restricted[r] and contains(everybody.excluded, key):
        return EXCLUDED
    if everybody.barred[v] == MINOR or lacks(rows.required, i, volunteers.has, v, everybody.minor_mask):
        return MINOR
    if lacks(rows.required, i, volunteers.has, v, everybody.gender_mask):
        return GENDER
    for word in range(everybody.needed_codes.shape[1]):
        if everybody.needed_codes[i, word] & ~everybody.codes[v, word]:
            return SKILL_MISSING
    if lacks(rows.required, i, everybody.ever, v, everybody.skill_mask):
        return LEVEL_TOO_LOW
    soonest_end = np.int64(0)
    if requests.timed[r]:
        start = first_request_start(requests, r, duration)
        soonest_end = start + duration if start != NEVER else np.int64(0)
    if lacks(rows.required, i, volunteers.has, v, everybody.skill_mask) or (
        papers_end(volunteers, v, rows.required[i], everybody.skill_mask) < soonest_end
    ):
        return CERTIFICATE_EXPIRED
    if lacks(rows.required, i, volunteers.has, v, everybody.training_mask):
        return UNTRAINED
    if lacks(rows.required, i, volunteers.has, v, everybody.insurance_mask) or (
        papers_end(volunteers, v, rows.required[i], everybody.insurance_mask) < soonest_end
    ):
        return UNINSURED
    if distance < 0 and requests.placed[r] and volunteers.placed[v]:
        distance = arc_m(requests.xyz[r], volunteers.xyz[v])
    if travel < 0 and distance >= 0:
        travel = (distance * 60 + volunteers.speed[v] - 1) // volunteers.speed[v]
    if distance > volunteers.max_distance_m[v] or travel > volunteers.max_travel_min[v]:
        return TOO_FAR
    limit = np.int64(last_end(volunteers, v, rows.required[i]))
    timed = requests.timed[r]
    if timed and earliest_start(requests, everybody.idle, r, v, duration, 0, limit) == NEVER:
        return NOT_AVAILABLE
    if volunteers.max_assignments[v] < 1 or duration > volunteers.max_minutes[v]:
        return CAPACITY_REACHED
    if timed and first_start(requests, everybody.idle, everybody.days, r, v, duration, 0, limit) == NEVER:
        return CAPACITY_REACHED
    if timed and first_start(requests, volunteers, everybody.days, r, v, duration, 0, limit) == NEVER:
        return BUSY
    return ELIGIBLE


@in_place
def refuse(everybody, i, code):
    """Write the refusal of every volunteer for row ``i`` into ``code``, shape (volunteers,)."""
    for v in range(len(code)):
        code[v] = refusal(everybody, i, v)
