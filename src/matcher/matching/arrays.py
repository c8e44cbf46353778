"""The problem as arrays of structs: what every stage after ``problem`` works on.

Times are minutes since ``Instance.epoch`` (int32), distances whole metres, costs integer points.
A *row* is one kind of place to fill: a request has one row, or one for each role. An index
array ``x_ptr`` has one entry more than its owner; owner ``i`` holds ``x[x_ptr[i]:x_ptr[i + 1]]``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NEVER",
    "UNLIMITED",
    "Days",
    "Edges",
    "Instance",
    "Pairs",
    "Points",
    "Requests",
    "Rows",
    "Volunteers",
]

NEVER = 2**30
UNLIMITED = 2**30

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]


class Requests(NamedTuple):
    """Help requests, indexed by request ``r`` (n of them)."""

    xyz: Floats  # (n, 3) metres from the centre of the sphere; undefined where not placed
    placed: Bools
    urgency: Int64s
    duration: Int32s  # minutes
    timed: Bools  # False: time plays no part
    window_ptr: Int32s  # sorted windows, none before now
    window_start: Int32s
    window_end: Int32s
    earliest: Int32s  # first start that the windows alone allow: what delay is counted from
    fixed: Int32s  # the start that pinned assignments set, NEVER where there are none
    minimum: Int32s  # people (whole roles where by_role) still needed to count as served
    by_role: Bools
    row_ptr: Int32s
    restricted: Bools  # appears in ``Instance.excluded``
    choosy: Bools  # appears in ``Instance.preferred``


class Rows(NamedTuple):
    """Places of one kind, indexed by row ``i`` (m of them); the rows of a request are neighbours."""

    request: Int32s
    places: Int32s  # still to fill
    required: Words  # (m, words) capability bits that a volunteer must have


class Volunteers(NamedTuple):
    """Volunteers, indexed by ``v``; limits are what pinned assignments leave over."""

    xyz: Floats  # (n, 3)
    placed: Bools
    radius_m: Int64s  # the lesser of the distance and the travel-time limit
    max_distance_m: Int64s
    max_travel_min: Int64s
    speed: Int64s  # metres an hour
    has: Words  # (n, words) capability bits, counted as of ``now``
    usable: Bools  # False: paused, or a minor without consent
    load_points: Int64s
    max_assignments: Int32s
    max_minutes: Int32s
    day_assignments: Int32s  # per local day, UNLIMITED where not limited
    day_minutes: Int32s
    used_ptr: Int32s  # what pinned assignments already take of a day
    used_day: Int32s
    used_minutes: Int32s
    window_ptr: Int32s  # free time: availability minus busy times, sorted and disjoint
    window_start: Int32s
    window_end: Int32s
    busy_ptr: Int32s  # busy times and pinned assignments that have a place: travel to and from counts
    busy_start: Int32s
    busy_end: Int32s
    busy_xyz: Floats  # (b, 3)
    expiry_ptr: Int32s  # capabilities that end inside the horizon
    expiry_bit: Int32s
    expiry_at: Int32s  # first minute at which the bit no longer counts


class Points(NamedTuple):
    """The weights of the cost terms (``Weights`` of the domain), in points."""

    travel: int
    delay: int
    overqualification: int
    preference: int


class Days(NamedTuple):
    """Local midnights in minutes, ascending; day ``d`` is ``[start[d], start[d + 1])``."""

    start: Int32s


class Pairs(NamedTuple):
    """Given candidates: one entry per pair; -1 where a number was not given."""

    request: Int32s
    volunteer: Int32s
    distance_m: Int32s
    travel_min: Int32s
    duration: Int32s
    cost: Int32s


class Edges(NamedTuple):
    """Eligible (row, volunteer) pairs in CSR form, each row sorted by cost, then volunteer.

    ``cost`` holds for the earliest possible start ``start``; a later one costs delay on top.
    ``minutes`` and ``given`` are empty unless pairs were given with their own numbers.
    """

    ptr: Int64s  # (m + 1,)
    volunteer: Int32s
    cost: Int32s
    start: Int32s  # -1 where the request has no time
    distance_m: Int32s  # -1 where unknown
    minutes: Int32s  # this volunteer's own duration
    given: Bytes  # 1: the cost was given and knows no delay
    row: Int32s


@dataclass(frozen=True, slots=True)
class Instance:
    """A whole problem as arrays."""

    epoch: datetime
    requests: Requests
    rows: Rows
    volunteers: Volunteers
    excluded: Int64s  # sorted keys request * number of volunteers + volunteer
    preferred: Int64s  # the same
    skill_mask: Words  # (words,) bits that count as qualification
    days: Days
    points: Points
    pairs: Pairs | None

    @property
    def request_count(self) -> int:
        """Number of requests."""
        return len(self.requests.urgency)

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.rows.places)

    @property
    def volunteer_count(self) -> int:
        """Number of volunteers."""
        return len(self.volunteers.placed)
