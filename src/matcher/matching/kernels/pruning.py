"""What no plan can use: people who miss every start at which their team is complete, and limits that never bind."""

import numpy as np

from matcher.matching.arrays import NEVER
from matcher.matching.kernels.compilation import kernel, step
from matcher.matching.kernels.sorting import sort_by_key
from matcher.matching.kernels.timing import day_has_room, day_of, last_end, travel_min

__all__ = ["by_volunteer", "capacities", "most_together", "team_edges"]


@kernel
def by_volunteer(volunteer, count):
    """List the edges of each of ``count`` volunteers, ascending: (ptr, edge)."""
    ptr = np.zeros(count + 1, np.int64)
    for edge in range(len(volunteer)):
        ptr[volunteer[edge] + 1] += 1
    for v in range(count):
        ptr[v + 1] += ptr[v]
    listed = np.empty(len(volunteer), np.int64)
    fill = ptr[:-1].copy()
    for edge in range(len(volunteer)):
        v = volunteer[edge]
        listed[fill[v]] = edge
        fill[v] += 1
    return ptr, listed


@kernel
def capacities(ptr, listed, minutes, max_assignments, max_minutes, day_assignments, days):
    """Return how many assignments each volunteer can take at most, whatever the plan.

    The least of: the limit, the number of candidates, how many of the shortest fit into the minutes, and the
    limit per day times the days of the horizon.

    Parameters
    ----------
    ptr, listed
        Edges by volunteer.
    minutes
        Duration of each edge.
    days
        Number of local days in the horizon; 0 where some request has no time.
    """
    capacity = np.zeros(len(max_assignments), np.int64)
    for v in range(len(capacity)):
        degree = ptr[v + 1] - ptr[v]
        most = min(np.int64(max_assignments[v]), degree)
        if days > 0 and day_assignments[v] < 2**20:
            most = min(most, np.int64(day_assignments[v]) * days)
        if most > 0 and max_minutes[v] < 2**30:
            longest = np.int64(0)
            for t in range(ptr[v], ptr[v + 1]):
                longest = max(longest, np.int64(minutes[listed[t]]))
            if longest * most > max_minutes[v]:
                shortest = np.empty(degree, np.int64)
                shortest_edge = np.empty(degree, np.int64)
                for t in range(degree):
                    shortest_edge[t] = t
                    shortest[t] = minutes[listed[ptr[v] + t]]
                sort_by_key(shortest, shortest_edge, degree)
                fits = 0
                total = np.int64(0)
                while fits < most and total + shortest[fits] <= max_minutes[v]:
                    total += shortest[fits]
                    fits += 1
                most = np.int64(fits)
        capacity[v] = most
    return capacity


@step
def add_ranges(volunteers, days, v, low, high, duration, edge, found, range_low, range_high, range_edge):
    """Add the starts [low, high], cut to the days on which the volunteer has room; return how many there are then."""
    limited = volunteers.day_assignments[v] < 2**30 or volunteers.day_minutes[v] < 2**30
    while low <= high:
        end = high
        has_room = True
        if limited:
            day = day_of(days, low)
            if day + 1 < len(days.start):
                end = min(high, days.start[day + 1] - 1)
            has_room = day_has_room(volunteers, v, day, duration, 0, 0)
        if has_room:
            if found < len(range_low):
                range_low[found] = low
                range_high[found] = end
                range_edge[found] = edge
            found += 1
        low = end + 1
    return found


@step
def row_ranges(requests, rows, volunteers, days, edges, i, found, range_low, range_high, range_edge):
    """Collect when each candidate of row ``i`` may start, as ranges [low, high] with their edges.

    The ranges come behind the ``found`` that are there; returns how many there are then. What the arrays have no
    room for is counted all the same.
    """
    r = rows.request[i]
    for edge in range(edges.ptr[i], edges.ptr[i + 1]):
        v = edges.volunteer[edge]
        duration = edges.minutes[edge] if len(edges.minutes) > 0 else requests.duration[r]
        limit = last_end(volunteers, v, rows.required[i])
        for b in range(volunteers.window_ptr[v], volunteers.window_ptr[v + 1]):
            covered = np.int64(-1)  # windows may overlap; nobody is there twice
            for a in range(requests.window_ptr[r], requests.window_ptr[r + 1]):
                low = max(requests.window_start[a], volunteers.window_start[b])
                end = min(requests.window_end[a], volunteers.window_end[b], limit)
                if low + duration > end:
                    continue
                if requests.placed[r]:
                    for q in range(volunteers.busy_ptr[v], volunteers.busy_ptr[v + 1]):
                        way = travel_min(volunteers.busy_xyz[q], requests.xyz[r], volunteers.speed[v])
                        if volunteers.busy_end[q] <= volunteers.window_start[b]:
                            low = max(low, volunteers.busy_end[q] + way)
                        elif volunteers.busy_start[q] >= volunteers.window_end[b]:
                            end = min(end, volunteers.busy_start[q] - way)
                high = end - duration
                if requests.fixed[r] != NEVER:
                    low = max(low, requests.fixed[r])
                    high = min(high, requests.fixed[r])
                low = max(low, covered + 1)
                covered = max(covered, high)
                found = add_ranges(
                    volunteers, days, v, low, high, duration, edge, found, range_low, range_high, range_edge
                )
    return found


@step
def start_ranges(requests, rows, volunteers, days, edges, r, range_low, range_high, range_edge):
    """Collect the ranges of all rows of request ``r``; return how many there are."""
    found = 0
    for i in range(requests.row_ptr[r], requests.row_ptr[r + 1]):
        found = row_ranges(requests, rows, volunteers, days, edges, i, found, range_low, range_high, range_edge)
    return found


@kernel
def most_together(requests, rows, volunteers, days, edges, i):
    """Return how many candidates of row ``i`` can be there at one start, if nothing else is planned."""
    r = rows.request[i]
    if not requests.timed[r]:
        return edges.ptr[i + 1] - edges.ptr[i]
    nothing = np.empty(0, np.int32)
    no_edge = np.empty(0, np.int64)
    size = row_ranges(requests, rows, volunteers, days, edges, i, 0, nothing, nothing, no_edge)
    low = np.empty(size, np.int32)
    high = np.empty(size, np.int32)
    who = np.empty(size, np.int64)
    row_ranges(requests, rows, volunteers, days, edges, i, 0, low, high, who)
    sort_by_key(low, who, size)
    sort_by_key(high, who, size)
    most = np.int64(0)
    closed = 0
    for opened in range(size):
        while high[closed] < low[opened]:
            closed += 1
        most = max(most, np.int64(opened + 1 - closed))
    return most


@step
def team_is_complete(requests, rows, r, present):
    """Tell whether the people ``present`` (of each row of ``r``) reach the minimum."""
    first = requests.row_ptr[r]
    people = 0
    whole = 0
    for i in range(first, requests.row_ptr[r + 1]):
        people += present[i - first]
        whole += present[i - first] >= rows.places[i] and rows.places[i] > 0
    reached = whole if requests.by_role[r] else people
    return reached >= requests.minimum[r]


@kernel
def team_edges(requests, rows, volunteers, days, edges, team):
    """Mark the edges whose volunteer can be there at some start at which the team reaches its minimum.

    A sweep over all starts at which somebody becomes free: between two of them nobody is added, so no
    start is missed. Edges of requests that are no timed team are all kept.

    Returns
    -------
    keep
        1 or 0 for each edge.
    """
    keep = np.zeros(len(edges.volunteer), np.uint8)
    empty_i4 = np.empty(0, np.int32)
    empty_i8 = np.empty(0, np.int64)
    for r in range(len(requests.urgency)):
        first_row, last_row = requests.row_ptr[r], requests.row_ptr[r + 1]
        if not team[r] or not requests.timed[r]:
            for edge in range(edges.ptr[first_row], edges.ptr[last_row]):
                keep[edge] = 1
            continue
        size = start_ranges(requests, rows, volunteers, days, edges, r, empty_i4, empty_i4, empty_i8)
        low = np.empty(size, np.int32)
        high = np.empty(size, np.int32)
        who = np.empty(size, np.int64)
        start_ranges(requests, rows, volunteers, days, edges, r, low, high, who)
        opening = np.arange(size)
        closing = np.arange(size)
        opens = low.copy()
        closes = high.copy()
        sort_by_key(opens, opening, size)
        sort_by_key(closes, closing, size)
        present = np.zeros(last_row - first_row, np.int64)
        opened = 0
        closed = 0
        while opened < size:
            start = opens[opened]
            while opened < size and opens[opened] == start:
                present[edges.row[who[opening[opened]]] - first_row] += 1
                opened += 1
            while closes[closed] < start:
                present[edges.row[who[closing[closed]]] - first_row] -= 1
                closed += 1
            if not team_is_complete(requests, rows, r, present):
                continue
            for q in range(opened):
                t = opening[q]
                i = edges.row[who[t]]
                whole = present[i - first_row] >= rows.places[i]
                if high[t] >= start and (whole or not requests.by_role[r]):
                    keep[who[t]] = 1
    return keep
