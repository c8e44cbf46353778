"""Where time plays no part, the whole problem is an integer programme: HiGHS proves the optimum of small ones.

This is generalized assignment with places, roles left out: minutes and assignments are the limits. Level by
level: first the urgency served, then the places beyond the minimum, then the cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from matcher.matching.arrays import Edges, Instance
from matcher.matching.merit import Merit
from matcher.matching.prune import durations

__all__ = ["Proven", "applies", "prove"]

MOST_EDGES = 40_000
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Proven:
    """What HiGHS found out: a valid bound on every plan, level by level, and the best plan it has, if any."""

    bound: Merit
    used: NDArray[np.int64] | None  # edges of the plan


def applies(instance: Instance, edges: Edges) -> bool:
    """Tell whether the model is exact and small: no request with a time, none by role."""
    requests = instance.requests
    return 0 < len(edges.volunteer) <= MOST_EDGES and not requests.timed.any() and not requests.by_role.any()


def prove(
    instance: Instance, edges: Edges, capacity: NDArray[np.int64], known: Merit, seconds: Callable[[], float]
) -> Proven | None:
    """Solve the integer programme level by level, or return None if HiGHS found out nothing in time.

    A level that does not end in time gives its bound, and the best plan so far; the levels below it are not tried.

    Parameters
    ----------
    capacity
        Assignments of each volunteer at most.
    known
        Merit of a known plan: how precise the values have to be.
    seconds
        How many are left.
    """
    requests = instance.requests
    pinned = int(requests.urgency[requests.minimum == 0].sum())
    is_reached = np.diff(edges.ptr[requests.row_ptr]) > 0
    programme = _Programme.of(instance, edges, capacity)
    values: list[int] = []
    x = None
    within_reach = int(requests.urgency[is_reached & (requests.minimum > 0)].sum())
    if known.served_urgency - pinned == within_reach:
        programme = programme.serving(is_reached)  # no urgency is left to gain: the first level is fixed
    for goal, size in ((programme.urgency, known[0]), (programme.extra, known[1]), (-programme.cost, known[2])):
        found = programme.maximise(goal, abs(size), seconds())
        if found is None:
            break
        values.append(found.bound)
        x = x if found.x is None else found.x
        if not found.is_proven:
            break
        programme = programme.at_least(goal, found.bound)
    if not values:
        return None
    most_extra = int(programme.extra.clip(0).sum())
    urgency, extra, saved = (*values, *(0, most_extra, 0)[len(values) :])
    used = None if x is None else np.flatnonzero(x[: len(edges.volunteer)] > 0.5)
    return Proven(Merit(urgency + pinned, extra, saved), used)


@dataclass(frozen=True, slots=True)
class _Found:
    bound: int  # no plan has more of the goal
    x: NDArray[np.float64] | None
    is_proven: bool  # x reaches the bound


@dataclass(frozen=True, slots=True)
class _Programme:
    """Binary variables: the edges, then "served" of each request."""

    constraints: tuple[LinearConstraint, ...]
    urgency: NDArray[np.float64]
    extra: NDArray[np.float64]
    cost: NDArray[np.float64]
    least: NDArray[np.float64]  # lower bound of each variable

    @classmethod
    def of(cls, instance: Instance, edges: Edges, capacity: NDArray[np.int64]) -> "_Programme":
        requests, rows = instance.requests, instance.rows
        count, n = len(edges.volunteer), instance.request_count
        request = rows.request[edges.row]
        edge = np.arange(count)

        def sums(owner: NDArray[np.int32], weight: NDArray[np.float64], owners: int) -> csr_array:
            return coo_array((weight, (owner, edge)), shape=(owners, count + n)).tocsr()

        people = sums(request, np.ones(count), n)
        served = coo_array((np.ones(n), (np.arange(n), count + np.arange(n))), shape=(n, count + n)).tocsr()
        places = np.bincount(rows.request, weights=rows.places, minlength=n)
        per_volunteer = sums(edges.volunteer, np.ones(count), instance.volunteer_count)
        time = sums(edges.volunteer, durations(instance, edges).astype(float), instance.volunteer_count)
        needed = requests.minimum.astype(float)
        constraints = (
            LinearConstraint(people - served.multiply(places[:, None]).tocsr(), -np.inf, 0),  # nobody unless served
            LinearConstraint(people - served.multiply(needed[:, None]).tocsr(), 0, np.inf),  # served means enough
            LinearConstraint(per_volunteer, -np.inf, capacity),
            LinearConstraint(time, -np.inf, instance.volunteers.max_minutes),
        )
        weight = np.where(requests.minimum > 0, requests.urgency, 0).astype(float)
        beyond = np.concatenate([requests.urgency[request], -needed * requests.urgency]).astype(float)
        has_extra = bool((places > needed).any())
        return cls(
            constraints=constraints,
            urgency=np.concatenate([np.zeros(count), weight]),
            extra=beyond if has_extra else np.zeros(count + n),
            cost=np.concatenate([edges.cost.astype(float), np.zeros(n)]),
            least=np.zeros(count + n),
        )

    def at_least(self, goal: NDArray[np.float64], value: int) -> "_Programme":
        """Return the programme in which ``goal`` must reach ``value``."""
        floor = LinearConstraint(csr_array(goal[None, :]), value - TOLERANCE, np.inf)
        return replace(self, constraints=(*self.constraints, floor))

    def serving(self, chosen: NDArray[np.bool_]) -> "_Programme":
        """Return the programme in which the chosen requests must be served."""
        edges = len(self.least) - len(chosen)
        return replace(self, least=np.concatenate([np.zeros(edges), chosen.astype(float)]))

    def maximise(self, goal: NDArray[np.float64], size: int, seconds: float) -> _Found | None:
        """Return what is found of a goal with whole coefficients, whose value is about ``size``."""
        if seconds <= 0:
            return None
        free = self.least == 0
        if not goal[free].any():
            return _Found(int(goal[~free].sum()), None, is_proven=True)
        result = milp(
            -goal,
            constraints=self.constraints,
            integrality=np.ones(len(goal), np.int64),
            bounds=Bounds(self.least, 1),
            # Values are whole: less than one apart is proven.
            options={"time_limit": seconds, "mip_rel_gap": 0.9 / max(1, size)},
        )
        dual = result.mip_dual_bound
        if dual is None or not np.isfinite(dual):
            return None
        bound = int(np.floor(-dual + TOLERANCE))
        if result.x is None:
            return _Found(bound, None, is_proven=False)
        x = np.rint(result.x)
        return _Found(bound, x, is_proven=int(np.rint(goal @ x)) == bound)
