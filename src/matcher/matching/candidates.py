"""Candidates: the eligible (row, volunteer) pairs of a problem, sparse and sorted by cost.

Three ways lead to the same edges, entry for entry: the compiled join, a numpy and k-d-tree version
(the oracle of the tests, and what answers while kernels compile), and pairs that the caller gave.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.arrays import Days, Edges, Instance, Pairs, Points, Requests, Rows, Volunteers
from matcher.matching.candidates_numpy import join_numpy
from matcher.matching.distance import EARTH_RADIUS_M, arc_m, chord_limit
from matcher.matching.distance import travel_min as way_min
from matcher.matching.kernels import compilation, joins

__all__ = ["candidates"]

BAND_M = 500.0
ROW_STRIP_M = 2_000.0
MAX_BANDS = 20_000
RADIUS_CLASSES = 6
CHUNKS_PER_THREAD = 8


class JoinInput(NamedTuple):
    """What the join reads of an instance; the volunteers in the order of ``JoinIndex``."""

    requests: Requests
    rows: Rows
    volunteers: Volunteers
    excluded: NDArray[np.int64]
    preferred: NDArray[np.int64]
    skill_mask: NDArray[np.uint64]
    days: Days
    points: Points


class JoinIndex(NamedTuple):
    """Volunteers by capability bit, class of radius, latitude band and longitude."""

    start: NDArray[np.int64]  # where each (bit, class, band) begins in ``member``
    member: NDArray[np.int32]
    member_longitude: NDArray[np.float64]  # radians
    original: NDArray[np.int32]  # the volunteer's number outside the join
    chord_limit_squared: NDArray[np.float64]
    class_radius_m: NDArray[np.float64]
    band_count: int
    group_count: int
    south: float  # radians
    band_height: float
    rarest_bit: NDArray[np.int64]  # of each row
    latitude: NDArray[np.float64]  # of each row, radians
    longitude: NDArray[np.float64]


def candidates(instance: Instance, *, threads: int = 2, compiled: bool = compilation.COMPILED) -> Edges:
    """Return every eligible pair with its cost at the earliest possible start.

    Parameters
    ----------
    threads
        How many threads the compiled join may use.
    compiled
        False: take the numpy way.
    """
    if instance.pairs is not None:
        return _given(instance, instance.pairs)
    if not instance.row_count or not instance.volunteer_count:
        return _edges(instance, np.zeros(instance.row_count, np.int64), *(np.zeros(0, np.int32) for _ in range(4)))
    if not compiled:
        return _edges(instance, *join_numpy(instance))
    index, volunteers = _index(instance)
    whole = _join_input(instance, volunteers)
    bounds = np.linspace(0, instance.row_count, max(1, threads) * CHUNKS_PER_THREAD + 1).astype(np.int64)
    # Neighbouring rows look at the same volunteers: those stay in the cache.
    strip = (index.latitude / (ROW_STRIP_M / EARTH_RADIUS_M)).astype(np.int64)
    order = np.lexsort((index.longitude, strip, index.rarest_bit))
    whole = whole._replace(rows=Rows._make(np.ascontiguousarray(column[order]) for column in instance.rows))
    index = index._replace(
        rarest_bit=index.rarest_bit[order], latitude=index.latitude[order], longitude=index.longitude[order]
    )

    def part(c: int) -> tuple[NDArray[np.int64], ...]:
        return joins.join(whole, index, bounds[c], bounds[c + 1])  # type: ignore[no-any-return]

    with ThreadPoolExecutor(max(1, threads)) as pool:
        parts = list(pool.map(part, range(len(bounds) - 1)))
    return _in_row_order(instance, order, parts)


def _edges(instance: Instance, count, volunteer, cost, start, distance_m) -> Edges:  # type: ignore[no-untyped-def]
    ptr = np.zeros(instance.row_count + 1, np.int64)
    np.cumsum(count, out=ptr[1:])
    return Edges(
        ptr=ptr,
        volunteer=volunteer,
        cost=cost,
        start=start,
        distance_m=distance_m,
        minutes=np.zeros(0, np.int32),
        given=np.zeros(0, np.uint8),
        row=np.repeat(np.arange(instance.row_count, dtype=np.int32), count),
    )


def _in_row_order(instance: Instance, order: NDArray[np.int64], parts: list[tuple[NDArray[np.int64], ...]]) -> Edges:
    """Lay the parts of the join out in the order of the rows."""
    count_sorted = np.concatenate([part[0] for part in parts])
    begin_sorted = np.cumsum(count_sorted) - count_sorted
    count = np.empty_like(count_sorted)
    count[order] = count_sorted
    begin = np.empty_like(begin_sorted)
    begin[order] = begin_sorted
    ptr = np.cumsum(count) - count
    source = np.repeat(begin - ptr, count) + np.arange(int(count.sum()))
    columns = (np.concatenate([part[c] for part in parts])[source] for c in range(1, 5))
    return _edges(instance, count, *columns)


def _join_input(instance: Instance, volunteers: Volunteers) -> JoinInput:
    return JoinInput(
        instance.requests,
        instance.rows,
        volunteers,
        instance.excluded,
        instance.preferred,
        instance.skill_mask,
        instance.days,
        instance.points,
    )


def _index(instance: Instance) -> tuple[JoinIndex, Volunteers]:
    """Order the volunteers by band and longitude and list them by capability."""
    volunteers, requests, rows = instance.volunteers, instance.requests, instance.rows
    latitude, longitude = _angles(volunteers.xyz)
    south, north = float(latitude.min()), float(latitude.max())
    height = max(BAND_M / EARTH_RADIUS_M, (north - south) / MAX_BANDS)
    band_count = int((north - south) / height) + 1
    band = np.minimum(((latitude - south) / height).astype(np.int64), band_count - 1)
    # A volunteer without a place is a candidate everywhere: the widest class.
    reach = np.where(volunteers.placed, volunteers.radius_m, 2**30)
    edges = np.unique(np.quantile(reach, np.linspace(0, 1, RADIUS_CLASSES + 1)[1:], method="higher"))
    radius_class = np.searchsorted(edges, reach)
    order = np.lexsort((longitude, band)).astype(np.int32)
    ordered = reordered(volunteers, order)
    group = (radius_class * band_count + band)[order]
    bits = instance.rows.required.shape[1] * 64
    start, member = joins.index_volunteers(ordered.has, ordered.usable, group, len(edges) * band_count, bits)
    group_count = len(edges) * band_count
    held_by = start[group_count::group_count] - start[:-1:group_count]
    row_latitude, row_longitude = _angles(requests.xyz[rows.request])
    return JoinIndex(
        start=start,
        member=member,
        member_longitude=longitude[order][member],
        original=order,
        chord_limit_squared=chord_limit(ordered.radius_m) ** 2,
        class_radius_m=edges.astype(np.float64) + 1.0,
        band_count=band_count,
        group_count=group_count,
        south=south,
        band_height=height,
        rarest_bit=rarest_bit(rows.required, held_by),
        latitude=row_latitude,
        longitude=row_longitude,
    ), ordered


def rarest_bit(required: NDArray[np.uint64], held_by: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the required bit that fewest volunteers hold, or the list of everybody (the last)."""
    bits = required.shape[1] * 64
    asked = np.unpackbits(required.view(np.uint8), axis=1, bitorder="little").astype(np.bool_)
    weight = np.where(asked, held_by[:bits], np.iinfo(np.int64).max)
    rarest: NDArray[np.int64] = np.where(asked.any(axis=1), weight.argmin(axis=1), bits)
    return rarest


def _angles(xyz: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitude and longitude in radians of points of ``sphere_xyz``."""
    return np.arcsin(np.clip(xyz[:, 2] / EARTH_RADIUS_M, -1, 1)), np.arctan2(xyz[:, 1], xyz[:, 0])


def reordered(volunteers: Volunteers, order: NDArray[np.int32]) -> Volunteers:
    """Return the volunteers in another order, with their lists."""
    lists = {
        "used_ptr": ("used_day", "used_minutes"),
        "window_ptr": ("window_start", "window_end"),
        "busy_ptr": ("busy_start", "busy_end", "busy_xyz"),
        "expiry_ptr": ("expiry_bit", "expiry_at"),
    }
    moved: dict[str, NDArray[np.generic]] = {}
    for ptr_name, members in lists.items():
        ptr = getattr(volunteers, ptr_name)
        count = np.diff(ptr)[order]
        new_ptr = np.zeros(len(ptr), np.int32)
        np.cumsum(count, out=new_ptr[1:])
        source = np.repeat(ptr[:-1][order] - new_ptr[:-1], count) + np.arange(new_ptr[-1])
        moved[ptr_name] = new_ptr
        moved.update({name: getattr(volunteers, name)[source] for name in members})
    return Volunteers._make(moved[n] if n in moved else getattr(volunteers, n)[order] for n in Volunteers._fields)


def _given(instance: Instance, pairs: Pairs) -> Edges:
    """Return the eligible ones of the given pairs, for each row of their request."""
    requests, volunteers = instance.requests, instance.volunteers
    rows_of_request = np.diff(requests.row_ptr)[pairs.request]
    entry = np.repeat(np.arange(len(pairs.request)), rows_of_request)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(rows_of_request) - rows_of_request, rows_of_request)
    row = (requests.row_ptr[pairs.request][entry] + within).astype(np.int32)
    r, v = pairs.request[entry], pairs.volunteer[entry]
    distance_m = given_distance(instance, r, v, pairs.distance_m[entry])
    duration = np.where(pairs.duration[entry] >= 0, pairs.duration[entry], requests.duration[r]).astype(np.int32)
    near = (distance_m <= volunteers.max_distance_m[v]) & (
        given_travel(instance, v, distance_m, pairs.travel_min[entry]) <= volunteers.max_travel_min[v]
    )
    eligible, start, computed = joins.filter_pairs(
        _join_input(instance, volunteers), row, v.astype(np.int32), distance_m.astype(np.int32), duration
    )
    keep = eligible & near & (instance.rows.places[row] > 0)
    given = pairs.cost[entry] >= 0
    cost = np.where(given, pairs.cost[entry], computed).astype(np.int32)
    kept = np.flatnonzero(keep)
    kept = kept[np.lexsort((v[kept], cost[kept], row[kept]))]
    count = np.bincount(row[kept], minlength=instance.row_count).astype(np.int64)
    edges = _edges(
        instance, count, v[kept].astype(np.int32), cost[kept], start[kept], distance_m[kept].astype(np.int32)
    )
    return edges._replace(minutes=duration[kept], given=given[kept].astype(np.uint8))


def given_distance(
    instance: Instance, r: NDArray[np.int32], v: NDArray[np.int32], distance_m: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return given distances, computed ones where none was given, and -1 where no place is known."""
    requests, volunteers = instance.requests, instance.volunteers
    known = requests.placed[r] & volunteers.placed[v]
    computed = np.where(known, arc_m(requests.xyz[r], volunteers.xyz[v]), -1)
    return np.where(distance_m >= 0, distance_m, computed)


def given_travel(
    instance: Instance, v: NDArray[np.int32], distance_m: NDArray[np.int64], travel_min: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return given travel minutes, or those of the distance; -1 where neither is known."""
    speed = instance.volunteers.speed[v]
    computed = np.where(distance_m >= 0, way_min(distance_m, speed), -1)
    return np.where(travel_min >= 0, travel_min, computed)
