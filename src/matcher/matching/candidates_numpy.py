"""The join in numpy and a k-d tree: slower, simple to read, and the same answer to the last pair."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from matcher.matching.arrays import NEVER, UNLIMITED, Instance
from matcher.matching.distance import arc_m, chord_limit
from matcher.matching.kernels import timing
from matcher.matching.plain import plain

__all__ = ["costs", "distances", "first_starts", "join_numpy"]

Ints = NDArray[np.integer[Any]]  # numpy widens on its own

# One call of compiled code would take longer to hand over the arrays than all of this.
_start_of_pair = plain(timing.start_of_pair)


def join_numpy(
    instance: Instance,
) -> tuple[Ints, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return count by row, and volunteer, cost, start and distance of each eligible pair, sorted as ``Edges`` wants."""
    rows, volunteers = instance.rows, instance.volunteers
    row, v = _near(instance)
    keep = volunteers.usable[v] & (rows.places[row] > 0)
    keep &= ((rows.required[row] & ~volunteers.has[v]) == 0).all(axis=1)
    row, v = row[keep], v[keep]
    r: Ints = rows.request[row]
    distance = distances(instance, r, v)
    keep = (distance <= volunteers.radius_m[v]) & (instance.requests.duration[r] <= volunteers.max_minutes[v])
    keep &= volunteers.max_assignments[v] >= 1
    named: Ints = r.astype(np.int64) * instance.volunteer_count + v
    keep &= ~(instance.requests.restricted[r] & np.isin(named, instance.excluded))
    row, v, distance = _where(keep, row, v, distance)
    start = first_starts(instance, row, v)
    row, v, distance, start = _where(start < NEVER, row, v, distance, start)
    cost = costs(instance, row, v, distance, start)
    order = np.lexsort((v, cost, row))
    count = np.bincount(row, minlength=instance.row_count).astype(np.int64)
    return (
        count,
        v[order].astype(np.int32),
        cost[order].astype(np.int32),
        start[order].astype(np.int32),
        distance[order].astype(np.int32),
    )


def _where(keep: NDArray[np.bool_], *columns: Ints) -> tuple[Ints, ...]:
    return tuple(column[keep] for column in columns)


def _near(instance: Instance) -> tuple[Ints, Ints]:
    """Return the pairs that distance may allow: by class of radius, and all where a place is unknown."""
    rows, volunteers = instance.rows, instance.volunteers
    row_placed = instance.requests.placed[rows.request]
    row_xyz = instance.requests.xyz[rows.request]
    bounded = volunteers.placed & (volunteers.radius_m < UNLIMITED)
    found: list[tuple[Ints, Ints]] = []
    here = np.flatnonzero(row_placed)
    people = np.flatnonzero(bounded)
    if len(here) and len(people):
        tree = cKDTree(row_xyz[here])
        radius_class = np.ceil(np.log2(np.maximum(volunteers.radius_m[people], 1))).astype(np.int64)
        for exponent in np.unique(radius_class):
            members = people[radius_class == exponent]
            within = float(chord_limit(volunteers.radius_m[members].max()))
            near = tree.sparse_distance_matrix(cKDTree(volunteers.xyz[members]), within, output_type="coo_matrix")
            found.append((here[near.row], members[near.col]))
    nowhere = np.flatnonzero(~row_placed)
    found.append(_all_pairs(nowhere, np.arange(instance.volunteer_count)))
    found.append(_all_pairs(here, np.flatnonzero(~bounded)))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def _all_pairs(row: Ints, v: Ints) -> tuple[Ints, Ints]:
    return np.repeat(row, len(v)), np.tile(v, len(row))


def distances(instance: Instance, r: Ints, v: Ints) -> Ints:
    """Return the metres between requests and volunteers, pair by pair; -1 where a place is unknown."""
    known = instance.requests.placed[r] & instance.volunteers.placed[v]
    return np.where(known, arc_m(instance.requests.xyz[r], instance.volunteers.xyz[v]), -1)


def first_starts(instance: Instance, row: Ints, v: Ints) -> Ints:
    """Return the first start of each pair, NEVER where there is none and -1 where time plays no part."""
    requests, volunteers = instance.requests, instance.volunteers
    r = instance.rows.request[row]
    best = np.full(len(row), NEVER, np.int64)
    duration = requests.duration[r].astype(np.int64)
    # Busy places, day limits, certificates that end and pinned starts are rare: those pairs go one by one.
    special = (np.diff(volunteers.busy_ptr)[v] > 0) | (np.diff(volunteers.expiry_ptr)[v] > 0)
    special |= (volunteers.day_assignments[v] < UNLIMITED) | (volunteers.day_minutes[v] < UNLIMITED)
    special |= requests.fixed[r] != NEVER
    window_count, span_count = np.diff(requests.window_ptr)[r], np.diff(volunteers.window_ptr)[v]
    for a in range(window_count.max(initial=0)):
        for b in range(span_count.max(initial=0)):
            p = np.flatnonzero((window_count > a) & (span_count > b) & ~special)
            window, span = requests.window_ptr[r[p]] + a, volunteers.window_ptr[v[p]] + b
            start = np.maximum(requests.window_start[window], volunteers.window_start[span]).astype(np.int64)
            end = np.minimum(requests.window_end[window], volunteers.window_end[span])
            best[p] = np.where(start + duration[p] <= end, np.minimum(best[p], start), best[p])
    for q in np.flatnonzero(special):
        best[q] = _start_of_pair(
            requests, instance.rows, volunteers, instance.days, row[q], v[q], duration[q], 0, with_papers=True
        )
    return np.where(requests.timed[r], best, -1)


def costs(instance: Instance, row: Ints, v: Ints, distance: Ints, start: Ints) -> Ints:
    """Return the points of pairs that begin at ``start``."""
    points, requests, volunteers = instance.points, instance.requests, instance.volunteers
    r = instance.rows.request[row]
    late = np.clip(start - requests.earliest[r], 0, timing.FULL_DELAY_MIN)
    extra = volunteers.has[v] & ~instance.rows.required[row] & instance.skill_mask
    spare = np.minimum(np.bitwise_count(extra).sum(axis=1, dtype=np.int64), 20)
    named = r.astype(np.int64) * instance.volunteer_count + v
    preferred = ~requests.choosy[r] | np.isin(named, instance.preferred)
    return np.asarray(
        points.travel * np.maximum(distance, 0) // 5000
        + np.where(requests.timed[r], points.delay * late // timing.FULL_DELAY_MIN, 0)
        + points.overqualification * spare // 20
        + volunteers.load_points[v]
        + np.where(preferred, 0, points.preference),
        np.int64,
    )
