"""What a plan is worth: three levels in one integer.

1. the urgency of the served requests (a request is served when at least its minimum is there),
2. the urgency of every place filled beyond the minimum,
3. the cost, to be small.

A step on one level outweighs everything below it, so one integer orders plans lexicographically. In
the relaxation a request that needs ``m`` people counts a part of its urgency for each of them; the
scale is a multiple of every ``m`` that occurs, which keeps the parts whole.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import Text, TooLargeError
from matcher.matching.arrays import Edges, Instance
from matcher.matching.kernels.flow import Network
from matcher.matching.merit import Merit

__all__ = ["Objective", "network"]

LARGEST_PENALTY = 2**58


@dataclass(frozen=True, slots=True)
class Objective:
    """The scales of the three levels, and what each request needs to be served.

    ``per_urgency`` points are worth one urgency served, ``per_extra`` one urgency-weighted place
    beyond the minimum; ``cost_ceiling`` is more than any plan can cost.
    """

    per_urgency: int
    per_extra: int
    cost_ceiling: int
    units: NDArray[np.int64]  # of each request: how many places its urgency is spread over in the relaxation
    spare: NDArray[np.int64]  # of each row: places beyond the minimum
    penalty: NDArray[np.int64]  # of each row
    spare_penalty: NDArray[np.int64]
    most: int  # value of a plan that fills everything at no cost
    urgency_within_reach: int  # of the requests that have candidates and are not served by pins alone

    @classmethod
    def of(cls, instance: Instance, edges: Edges) -> "Objective":
        """Choose the scales for a problem.

        Raises
        ------
        TooLargeError
            If urgencies, costs and size together do not fit 64-bit integers.
        """
        requests, rows = instance.requests, instance.rows
        count = rows.places.astype(np.int64)
        dearest = np.zeros(instance.row_count, np.int64)
        np.maximum.at(dearest, edges.row, edges.cost.astype(np.int64))
        ceiling = int((dearest * count).sum()) + int(instance.points.delay) * int(count.sum()) + 1
        units, spare = _needed(instance)
        urgency = requests.urgency[rows.request]
        steps = math.lcm(*(int(m) for m in np.unique(units) if m > 0)) if len(units) else 1
        extra_ceiling = int((spare * urgency).sum() + (_optional_roles(instance) * requests.urgency).sum())
        whole = ceiling * (extra_ceiling + 1)
        per_urgency = steps * whole
        if per_urgency * int(urgency.max(initial=1)) >= LARGEST_PENALTY:
            per_urgency = steps * -(-whole // steps)
        if per_urgency * int(urgency.max(initial=1)) >= LARGEST_PENALTY:
            raise TooLargeError(
                Text(
                    "Urgencies, costs and places together are weighed by {size} points; the cap is {cap}: lower them.",
                    "紧急程度、代价与名额合计需要 {size} 点，上限为 {cap}，请降低其数值。",
                    {"size": per_urgency * int(urgency.max(initial=1)), "cap": LARGEST_PENALTY},
                )
            )
        needed = units[rows.request]
        penalty = np.where(needed > 0, urgency * per_urgency // np.maximum(needed, 1), urgency * ceiling)
        spare_penalty = np.where(spare > 0, urgency * ceiling, 0)
        open_cost = spare_penalty * spare + penalty * (count - spare)
        most = int((open_cost >> 31).sum()) * 2**31 + int((open_cost & (2**31 - 1)).sum())
        has_candidates = np.diff(edges.ptr[requests.row_ptr]) > 0
        within_reach = int(requests.urgency[has_candidates & (requests.minimum > 0)].sum())
        return cls(per_urgency, ceiling, ceiling, units, spare, penalty, spare_penalty, most, within_reach)

    def points(self, merit: Merit, instance: Instance) -> int:
        """Return what a plan is worth beyond what pinned assignments serve already."""
        urgency = merit.served_urgency - _served_already(instance)
        return self.per_urgency * urgency + self.per_extra * merit.extra_urgency + merit.saved

    def urgency_bound(self, bound: int, instance: Instance) -> int:
        """Return the most urgency that any plan serves, from a bound on ``points``."""
        most = (bound + self.cost_ceiling - 1) // self.per_urgency
        return _served_already(instance) + min(max(0, most), self.urgency_within_reach)


def _served_already(instance: Instance) -> int:
    """Return the urgency of the requests whose minimum is pinned."""
    return int(instance.requests.urgency[instance.requests.minimum == 0].sum())


def _optional_roles(instance: Instance) -> NDArray[np.int64]:
    """Return how many whole roles each request can have filled beyond its minimum."""
    requests, rows = instance.requests, instance.rows
    open_roles = np.bincount(rows.request, weights=rows.places > 0, minlength=instance.request_count).astype(np.int64)
    return np.where(requests.by_role, np.maximum(0, open_roles - requests.minimum), 0)


def _needed(instance: Instance) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places each request needs at least, and the places of each row beyond that.

    Where whole roles count, the need is that of the smallest roles, and no place counts as spare: that keeps the
    relaxation a bound.
    """
    requests, rows = instance.requests, instance.rows
    units = requests.minimum.astype(np.int64)
    spare = np.zeros(instance.row_count, np.int64)
    single = np.diff(requests.row_ptr)[rows.request] == 1
    plain = single & ~requests.by_role[rows.request]
    spare[plain] = np.maximum(0, rows.places - units[rows.request])[plain]
    for r in np.flatnonzero(requests.by_role):
        first, last = requests.row_ptr[r], requests.row_ptr[r + 1]
        open_rows = np.sort(rows.places[first:last][rows.places[first:last] > 0])
        if requests.minimum[r] == 0:
            spare[first:last] = rows.places[first:last]
        units[r] = open_rows[: requests.minimum[r]].sum()
    return units, spare


def network(instance: Instance, edges: Edges, objective: Objective, capacity: NDArray[np.int64]) -> Network:
    """Return the flow network of the relaxation."""
    return Network(
        ptr=edges.ptr[:-1],
        stop=edges.ptr[1:],
        row=edges.row,
        volunteer=edges.volunteer,
        cost=edges.cost,
        supply=instance.rows.places.astype(np.int64),
        spare=objective.spare,
        penalty=objective.penalty,
        spare_penalty=objective.spare_penalty,
        capacity=capacity,
    )
