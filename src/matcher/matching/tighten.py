"""A tighter bound for teams of several roles: put the worth of the request where people are scarce.

A request that needs all of its roles counts only as a whole, while the relaxation counts a part of its
urgency for each person. How the urgency is split between the roles is free: every split gives a valid bound,
and a good one is found in the manner of the subgradient method (Held, Wolfe, Crowder, 1974). Roles that the
flow fills anyway lose weight, scarce ones gain.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matcher.matching import objective, solver
from matcher.matching.arrays import Edges, Instance
from matcher.matching.objective import Objective
from matcher.matching.solver import Backend, Flow

__all__ = ["tighten"]

ROUNDS = 40
MOST_WORK = 20_000_000  # edges times rounds
FIRST_STEP = 0.6
EACH_STEP = 0.93


def tighten(
    instance: Instance, edges: Edges, aim: Objective, capacity: NDArray[np.int64], flow: Flow, backend: Backend
) -> tuple[Objective, Flow]:
    """Return the objective and the flow with the lowest bound on urgency that was found."""
    row = _split_rows(instance)
    rounds = min(ROUNDS, MOST_WORK // max(1, len(edges.volunteer)))
    best = aim, flow
    if not len(row):
        return best
    request = instance.rows.request[row]
    places = instance.rows.places[row].astype(np.int64)
    share = places / np.bincount(request, weights=places)[request]
    step = FIRST_STEP
    for _ in range(rounds):
        filled = 1 - flow.open[row] / places
        mean = np.bincount(request, weights=share * filled)[request]
        share = np.maximum(share * np.exp(-step * (filled - mean)), 1e-6)
        share /= np.bincount(request, weights=share)[request]
        step *= EACH_STEP
        split = _with_split(instance, aim, row, request, places, share)
        flow = solver.solve(objective.network(instance, edges, split, capacity), backend=backend)
        if split.most - flow.objective < best[0].most - best[1].objective:
            best = split, flow
    return best


def _split_rows(instance: Instance) -> NDArray[np.int64]:
    """Return the open rows of the requests that need all of several roles."""
    requests, rows = instance.requests, instance.rows
    is_open = rows.places > 0
    open_rows = np.bincount(rows.request, weights=is_open, minlength=instance.request_count)
    needs_all = requests.by_role & (requests.minimum == open_rows) & (open_rows > 1)
    return np.flatnonzero(needs_all[rows.request] & is_open)


def _with_split(
    instance: Instance,
    aim: Objective,
    row: NDArray[np.int64],
    request: NDArray[np.int32],
    places: NDArray[np.int64],
    share: NDArray[np.float64],
) -> Objective:
    """Return the objective in which each role carries its share of the urgency.

    Rounded up in whole urgency points per place, so that a complete team never counts less than it is worth.
    """
    worth = instance.requests.urgency[request] * aim.per_urgency
    per_place = np.ceil(worth * share / places).astype(np.int64)
    lacking = worth - np.bincount(request, weights=per_place * places)[request].astype(np.int64)
    per_place += np.maximum(lacking, 0)
    penalty = aim.penalty.copy()
    penalty[row] = per_place
    before, after = (int((p[row].astype(object) * places).sum()) for p in (aim.penalty, penalty))
    return replace(aim, penalty=penalty, most=aim.most - before + after)
