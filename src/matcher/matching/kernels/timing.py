"""When can this volunteer start this request: windows, free time, travel, certificates, days."""

import math

import numpy as np

from matcher.matching.arrays import NEVER, UNLIMITED
from matcher.matching.kernels.compilation import in_place, step

__all__ = [
    "arc_m",
    "day_has_room",
    "day_of",
    "delay_points",
    "earliest_start",
    "first_start",
    "hour_has_room",
    "last_end",
    "start_of_pair",
    "travel_min",
]

DIAMETER_M = 2 * 6_371_008.8
FULL_DELAY_MIN = 1440


@step
def arc_m(a, b):
    """Return the great-circle distance in whole metres between two points of ``sphere_xyz``."""
    dx = a[0] - b[0]
    dy = a[1] - b[1]
    dz = a[2] - b[2]
    chord = math.sqrt(dx * dx + dy * dy + dz * dz)
    return np.int64(np.rint(DIAMETER_M * math.asin(min(1.0, chord / DIAMETER_M))))


@step
def travel_min(a, b, speed):
    """Return the whole minutes that a way takes at ``speed`` metres an hour, rounded up."""
    return (arc_m(a, b) * 60 + speed - 1) // speed


@step
def delay_points(start, earliest, weight):
    """Return the cost of starting ``start - earliest`` minutes late: ``weight`` for a day or more."""
    return weight * min(max(start - earliest, 0), FULL_DELAY_MIN) // FULL_DELAY_MIN


@step
def day_of(days, minute):
    """Return the local day of a minute (the last midnight that is not after it)."""
    low = 0
    high = len(days.start)
    while high - low > 1:
        middle = (low + high) // 2
        if days.start[middle] <= minute:
            low = middle
        else:
            high = middle
    return low


@step
def day_has_room(volunteers, v, day, duration, count, minutes):
    """Tell whether ``v`` may serve ``duration`` more on ``day``, given ``count`` and ``minutes`` planned there."""
    for u in range(volunteers.used_ptr[v], volunteers.used_ptr[v + 1]):
        if volunteers.used_day[u] == day:
            count += 1
            minutes += volunteers.used_minutes[u]
    return count + 1 <= volunteers.day_assignments[v] and minutes + duration <= volunteers.day_minutes[v]


@step
def last_end(volunteers, v, required):
    """Return the minute by which a service must end so that every certificate it needs still counts."""
    limit = NEVER
    for x in range(volunteers.expiry_ptr[v], volunteers.expiry_ptr[v + 1]):
        bit = volunteers.expiry_bit[x]
        if (required[bit // 64] >> np.uint64(bit % 64)) & np.uint64(1) and volunteers.expiry_at[x] < limit:
            limit = volunteers.expiry_at[x]
    return limit


@step
def earliest_start(requests, volunteers, r, v, duration, after, limit):
    """Return the first minute from ``after`` on at which ``v`` can serve ``r``, or NEVER.

    The service lies in one window of the request and one free span of the volunteer and ends by ``limit``. The ways
    from and to busy times with a place are kept free.
    """
    best = NEVER
    fixed = requests.fixed[r]  # a pinned colleague has set the start: this one or none
    if fixed != NEVER:
        if after > fixed:
            return NEVER
        after = fixed
    busy_first = volunteers.busy_ptr[v]
    busy_last = volunteers.busy_ptr[v + 1]
    for a in range(requests.window_ptr[r], requests.window_ptr[r + 1]):
        opens = max(requests.window_start[a], after)
        closes = min(requests.window_end[a], limit)
        if opens + duration > closes or opens >= best:
            continue
        for b in range(volunteers.window_ptr[v], volunteers.window_ptr[v + 1]):
            start = max(opens, volunteers.window_start[b])
            if start + duration > closes or start >= best:
                break
            end = min(closes, volunteers.window_end[b])
            if start + duration > end:
                continue
            if busy_last > busy_first and requests.placed[r]:
                for q in range(busy_first, busy_last):
                    if volunteers.busy_end[q] <= volunteers.window_start[b]:
                        way = travel_min(volunteers.busy_xyz[q], requests.xyz[r], volunteers.speed[v])
                        start = max(start, volunteers.busy_end[q] + way)
                    elif volunteers.busy_start[q] >= volunteers.window_end[b]:
                        way = travel_min(volunteers.busy_xyz[q], requests.xyz[r], volunteers.speed[v])
                        end = min(end, volunteers.busy_start[q] - way)
                if start + duration > end:
                    continue
            best = min(best, start)
            break
    if fixed != NEVER and best != fixed:
        return NEVER
    return best


@step
def first_start(requests, volunteers, days, r, v, duration, after, limit):
    """Return the first minute from ``after`` on at which ``v`` can serve ``r`` beside pinned assignments, or NEVER."""
    limited = volunteers.day_assignments[v] != UNLIMITED or volunteers.day_minutes[v] != UNLIMITED
    while True:
        start = earliest_start(requests, volunteers, r, v, duration, after, limit)
        if not limited or start == NEVER:
            return start
        day = day_of(days, start)
        if day_has_room(volunteers, v, day, duration, 0, 0):
            return start
        if day + 1 >= len(days.start):
            return NEVER
        after = days.start[day + 1]


@in_place
def start_of_pair(requests, rows, volunteers, days, i, v, duration, after, with_papers):
    """Return the first minute from ``after`` on at which ``v`` can fill row ``i`` beside pinned assignments, or NEVER.

    Without ``with_papers`` certificates and insurance count for ever.
    """
    limit = np.int64(NEVER)
    if with_papers:
        limit = np.int64(last_end(volunteers, v, rows.required[i]))
    r = rows.request[i]
    return first_start(requests, volunteers, days, r, v, duration, after, limit)


@in_place
def hour_has_room(rows, volunteers, days, i, v, start, duration):
    """Tell whether limits and certificates of ``v`` allow row ``i`` at ``start``, whatever the availability."""
    if volunteers.max_assignments[v] < 1 or duration > volunteers.max_minutes[v]:
        return False
    if not day_has_room(volunteers, v, day_of(days, start), duration, 0, 0):
        return False
    return start + duration <= last_end(volunteers, v, rows.required[i])
