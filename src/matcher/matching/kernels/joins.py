"""The join of requests and volunteers: eligible pairs, found from the rarest capability asked for.

Volunteers are numbered by latitude band, then longitude. For each capability bit (and one list of
everybody) and each class of radius an index lists, band by band, who holds it. A request then looks at its
rarest bit alone, in the bands and longitudes that a circle of the class's radius can reach.
"""

import math

import numpy as np

from matcher.matching.arrays import NEVER
from matcher.matching.kernels.compilation import in_place, kernel, step
from matcher.matching.kernels.sorting import sort_by_key
from matcher.matching.kernels.timing import arc_m, delay_points, first_start, last_end

__all__ = ["filter_pairs", "index_volunteers", "join", "popcount"]


@in_place
def popcount(word):
    """Return the number of set bits of a 64-bit word (Warren, Hacker's Delight, figure 5-2)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    word = word + (word >> np.uint64(8))
    word = word + (word >> np.uint64(16))
    word = word + (word >> np.uint64(32))
    return np.int64(word & np.uint64(0x7F))


@kernel
def index_volunteers(has, usable, group, group_count, bits):
    """Lay volunteers out by (bit, group): the index of the join, by counting sort.

    Parameters
    ----------
    has
        Capability words in the order of the numbering, shape (n, words).
    group
        Radius class and band of each volunteer as one number, ascending inside a class; shape (n,).
    bits
        Number of capability bits; the list of bit ``bits`` holds everybody.

    Returns
    -------
    start
        Where each (bit, group) begins in ``member``, shape ((bits + 1) * group_count + 1,).
    member
        Volunteers, ascending inside each (bit, group).
    """
    n = len(usable)
    start = np.zeros((bits + 1) * group_count + 1, np.int64)
    for v in range(n):
        if usable[v]:
            start[bits * group_count + group[v] + 1] += 1
            for bit in range(bits):
                if (has[v, bit // 64] >> np.uint64(bit % 64)) & np.uint64(1):
                    start[bit * group_count + group[v] + 1] += 1
    for x in range(1, len(start)):
        start[x] += start[x - 1]
    member = np.empty(start[-1], np.int32)
    fill = start[:-1].copy()
    for v in range(n):
        if usable[v]:
            at = bits * group_count + group[v]
            member[fill[at]] = v
            fill[at] += 1
            for bit in range(bits):
                if (has[v, bit // 64] >> np.uint64(bit % 64)) & np.uint64(1):
                    at = bit * group_count + group[v]
                    member[fill[at]] = v
                    fill[at] += 1
    return start, member


@step
def contains(keys, key):
    """Tell whether a sorted array holds ``key``."""
    low = 0
    high = len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < len(keys) and keys[low] == key


@step
def cost_without_delay(rows, volunteers, points, skill_mask, i, v, distance_m, preferred):
    """Return travel, over-qualification, load and preference of a pair, in points."""
    cost = volunteers.load_points[v]
    if distance_m > 0:
        cost += points.travel * np.int64(distance_m) // 5000
    spare = 0
    for word in range(len(skill_mask)):
        spare += popcount(volunteers.has[v, word] & ~rows.required[i, word] & skill_mask[word])
    cost += points.overqualification * min(spare, 20) // 20
    if not preferred:
        cost += points.preference
    return cost


@step
def fits(required, i, has, v):
    """Tell whether volunteer ``v`` has every capability bit that row ``i`` requires."""
    for word in range(required.shape[1]):
        if required[i, word] & ~has[v, word]:
            return False
    return True


@step
def in_reach(longitude, low, high, start, end):
    """Return the part of ascending ``longitude[start:end]`` within ``[low, high]``."""
    a, b = start, end
    while a < b:
        middle = (a + b) // 2
        if longitude[middle] < low:
            a = middle + 1
        else:
            b = middle
    first = a
    b = end
    while a < b:
        middle = (a + b) // 2
        if longitude[middle] <= high:
            a = middle + 1
        else:
            b = middle
    return first, a


@step
def examine(instance, index, i, v):
    """Decide one pair of a row and a volunteer (in the numbering of the join).

    Returns
    -------
    cost
        -1 if the pair is not eligible.
    start, distance_m
        -1 where there is none.
    """
    requests = instance.requests
    rows = instance.rows
    volunteers = instance.volunteers
    no = np.int64(-1)
    r = rows.request[i]
    if not fits(rows.required, i, volunteers.has, v):
        return no, no, no
    distance = no
    if requests.placed[r] and volunteers.placed[v]:
        dx = requests.xyz[r, 0] - volunteers.xyz[v, 0]
        dy = requests.xyz[r, 1] - volunteers.xyz[v, 1]
        dz = requests.xyz[r, 2] - volunteers.xyz[v, 2]
        if dx * dx + dy * dy + dz * dz > index.chord_limit_squared[v]:
            return no, no, no
        distance = arc_m(requests.xyz[r], volunteers.xyz[v])
        if distance > volunteers.radius_m[v]:
            return no, no, no
    duration = requests.duration[r]
    if duration > volunteers.max_minutes[v] or volunteers.max_assignments[v] < 1:
        return no, no, no
    named = np.int64(r) * len(volunteers.placed) + index.original[v]
    if requests.restricted[r] and contains(instance.excluded, named):
        return no, no, no
    start = no
    delay = np.int64(0)
    if requests.timed[r]:
        limit = np.int64(NEVER)
        if volunteers.expiry_ptr[v + 1] > volunteers.expiry_ptr[v]:
            limit = np.int64(last_end(volunteers, v, rows.required[i]))
        start = np.int64(first_start(requests, volunteers, instance.days, r, v, duration, 0, limit))
        if start == NEVER:
            return no, no, no
        delay = np.int64(delay_points(start, requests.earliest[r], instance.points.delay))
    preferred = not requests.choosy[r] or contains(instance.preferred, named)
    cost = delay + cost_without_delay(rows, volunteers, instance.points, instance.skill_mask, i, v, distance, preferred)
    return np.int64(cost), start, distance


@step
def scan_row(instance, index, i, key, start, distance_m):
    """Collect the eligible pairs of one row and return how many there are.

    ``key`` holds cost and volunteer (outside numbering) as one number. When the arrays are too short, only the
    first pairs are in them: call again with longer ones.
    """
    requests = instance.requests
    r = instance.rows.request[i]
    found = 0
    for k in range(len(index.class_radius_m)):
        low_band = 0
        high_band = index.band_count - 1
        half_angle = index.class_radius_m[k] / (2 * 6_371_008.8)
        bounded = requests.placed[r] and half_angle < 1.5
        if bounded:
            low_band = max(0, int((index.latitude[i] - 2 * half_angle - index.south) / index.band_height))
            high_band = min(high_band, int((index.latitude[i] + 2 * half_angle - index.south) / index.band_height))
        for band in range(low_band, high_band + 1):
            group = index.rarest_bit[i] * index.group_count + k * index.band_count + band
            a = index.start[group]
            b = index.start[group + 1]
            if a == b:
                continue
            low, high = -4.0, 4.0
            if bounded:
                reach = longitude_reach(index, i, band, half_angle)
                if reach < 0:
                    continue
                if reach < math.pi:
                    low = index.longitude[i] - reach
                    high = index.longitude[i] + reach
            for turn in range(-1, 2):
                # A circle around somebody near the date line goes on at the other end of the longitudes.
                around = turn * 2 * math.pi
                if turn != 0 and (
                    high - low > 7 or (low >= -math.pi and turn == 1) or (high <= math.pi and turn == -1)
                ):
                    continue
                first_member, last_member = in_reach(index.member_longitude, low + around, high + around, a, b)
                for t in range(first_member, last_member):
                    v = index.member[t]
                    cost, first, distance = examine(instance, index, i, v)
                    if cost < 0:
                        continue
                    if found < len(key):
                        key[found] = (cost << np.int64(32)) | np.int64(index.original[v])
                        start[found] = first
                        distance_m[found] = distance
                    found += 1
    return found


@kernel
def join(instance, index, first_row, last_row):
    """Find the eligible pairs of a range of rows.

    Parameters
    ----------
    instance
        ``JoinInput``.
    index
        ``JoinIndex``.

    Returns
    -------
    count
        Pairs of each row, shape (last_row - first_row,).
    volunteer, cost, start, distance_m
        One entry per pair, sorted by row, cost and volunteer.
    """
    count = np.zeros(last_row - first_row, np.int64)
    size = 1024
    out_volunteer = np.empty(size, np.int32)
    out_cost = np.empty(size, np.int32)
    out_start = np.empty(size, np.int32)
    out_distance = np.empty(size, np.int32)
    filled = 0
    row_size = 512
    key = np.empty(row_size, np.int64)
    position = np.empty(row_size, np.int64)
    start = np.empty(row_size, np.int32)
    distance = np.empty(row_size, np.int32)
    open_places = instance.rows.places
    for i in range(first_row, last_row):
        if open_places[i] <= 0:
            continue
        found = scan_row(instance, index, i, key, start, distance)
        if found > row_size:
            row_size = 2 * found
            key = np.empty(row_size, np.int64)
            position = np.empty(row_size, np.int64)
            start = np.empty(row_size, np.int32)
            distance = np.empty(row_size, np.int32)
            found = scan_row(instance, index, i, key, start, distance)
        if filled + found > size:
            size = 2 * (filled + found)
            out_volunteer = grown(out_volunteer, size)
            out_cost = grown(out_cost, size)
            out_start = grown(out_start, size)
            out_distance = grown(out_distance, size)
        for q in range(found):
            position[q] = q
        sort_by_key(key, position, found)
        for q in range(found):
            t = position[q]
            out_volunteer[filled + q] = key[q] & np.int64(0xFFFFFFFF)
            out_cost[filled + q] = key[q] >> np.int64(32)
            out_start[filled + q] = start[t]
            out_distance[filled + q] = distance[t]
        filled += found
        count[i - first_row] = found
    return (
        count,
        out_volunteer[:filled].copy(),
        out_cost[:filled].copy(),
        out_start[:filled].copy(),
        out_distance[:filled].copy(),
    )


@kernel
def grown(array, size):
    """Return a longer array that begins with ``array``."""
    longer = np.empty(size, array.dtype)
    longer[: len(array)] = array
    return longer


@step
def longitude_reach(index, i, band, half_angle):
    """Return how far, in radians of longitude, a circle around row ``i`` reaches inside a band; -1 for not at all.

    From the haversine formula with the latitude of the band that is nearest to the centre and the least
    cosine in the band, so that nobody inside the circle is missed.
    """
    south = index.south + band * index.band_height
    north = south + index.band_height
    away = max(0.0, south - index.latitude[i], index.latitude[i] - north)
    least_cosine = max(1e-9, min(math.cos(south), math.cos(north)))
    room = math.sin(half_angle) ** 2 - math.sin(away / 2) ** 2
    if room < 0:
        return -1.0
    ratio = room / (math.cos(index.latitude[i]) * least_cosine)
    if ratio >= 1:
        return 4.0
    return 2 * math.asin(math.sqrt(ratio)) + 1e-12


@kernel
def filter_pairs(instance, row, volunteer, distance_m, duration):
    """Decide given pairs: whether each is eligible, its first start and its cost without given numbers.

    Parameters
    ----------
    row, volunteer, distance_m, duration
        One entry per pair; distance -1 where unknown.

    Returns
    -------
    eligible, start, cost
        Shape (pairs,).
    """
    requests = instance.requests
    rows = instance.rows
    volunteers = instance.volunteers
    n_volunteers = len(volunteers.placed)
    eligible = np.zeros(len(row), np.bool_)
    first = np.full(len(row), -1, np.int32)
    cost = np.zeros(len(row), np.int32)
    for p in range(len(row)):
        i = row[p]
        v = volunteer[p]
        r = rows.request[i]
        if not volunteers.usable[v] or not fits(rows.required, i, volunteers.has, v):
            continue
        if duration[p] > volunteers.max_minutes[v] or volunteers.max_assignments[v] < 1:
            continue
        named = np.int64(r) * n_volunteers + v
        if requests.restricted[r] and contains(instance.excluded, named):
            continue
        delay = 0
        if requests.timed[r]:
            limit = last_end(volunteers, v, rows.required[i])
            start = first_start(requests, volunteers, instance.days, r, v, duration[p], 0, limit)
            if start == NEVER:
                continue
            first[p] = start
            delay = delay_points(start, requests.earliest[r], instance.points.delay)
        preferred = not requests.choosy[r] or contains(instance.preferred, named)
        cost[p] = delay + cost_without_delay(
            rows, volunteers, instance.points, instance.skill_mask, i, v, distance_m[p], preferred
        )
        eligible[p] = True
    return eligible, first, cost
