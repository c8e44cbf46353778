"""The exact flow: one function, two ways to the same integer optimum, and a certificate for both.

The relaxation leaves time between assignments out: each place of each row takes one volunteer, each
volunteer takes as many assignments as their limits allow at most. Its optimum bounds every plan.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from matcher.matching.kernels import compilation, flow
from matcher.matching.kernels.flow import Network

__all__ = ["Backend", "CertificateError", "Flow", "chosen_backend", "potentials", "proven_objective", "solve"]

Backend = Literal["kernel", "scipy"]
LOW_BITS = 31
EXACT_FLOAT = 2**53


class CertificateError(AssertionError):
    """Primal and dual of a flow differ: a defect of the solver, never of the input."""


@dataclass(frozen=True, slots=True)
class Flow:
    """An optimal flow with its proof.

    ``used`` is 1 on the edges that carry a unit, ``open`` counts the units each row keeps,
    ``objective`` is cost plus penalties. ``u`` and ``v`` are the extreme dual prices: ``u`` what one unit
    less of a row would save, ``-v`` what one more unit of a volunteer's capacity would gain.
    """

    used: NDArray[np.uint8]
    open: NDArray[np.int64]
    load: NDArray[np.int64]
    objective: int
    u: NDArray[np.int64]
    v: NDArray[np.int64]


def chosen_backend(backend: Backend | None) -> Backend:
    """Return the way to go: the compiled kernel where it is there, scipy elsewhere."""
    return backend or ("kernel" if compilation.COMPILED else "scipy")


def solve(network: Network, *, backend: Backend | None = None) -> Flow:
    """Solve the flow exactly and prove it: primal equals dual in integers, or CertificateError.

    Costs too large for scipy's floating point go to the kernel, compiled or not.
    """
    rows, volunteers = len(network.supply), len(network.capacity)
    if chosen_backend(backend) == "kernel" or not _is_exact_in_floats(network):
        degree = network.stop - network.ptr
        state = flow.solve(network, np.lexsort((degree, -network.penalty)))
        used, u, v = state.used, state.u, state.v
    else:
        used = _solve_by_matching(network)
        u, v = potentials(network, used)
    load = np.bincount(network.volunteer[used == 1], minlength=volunteers)
    if (load > network.capacity).any():
        raise CertificateError("A volunteer carries more than their capacity.")
    open_units = network.supply - np.bincount(network.row[used == 1], minlength=rows)
    objective = proven_objective(network, u, v, used)
    u, v = flow.exact_prices(network, u, v, used, open_units)
    if proven_objective(network, u, v, used) != objective:
        raise CertificateError("The extreme prices prove another optimum.")
    return Flow(used, open_units, load, objective, u, v)


def proven_objective(network: Network, u: NDArray[np.int64], v: NDArray[np.int64], used: NDArray[np.uint8]) -> int:
    """Return the objective, or raise if the potentials do not prove it optimal."""
    broken, *parts = (int(part) for part in flow.certificate(network, u, v, used))
    primal = (parts[0] << LOW_BITS) + parts[1]
    dual = (parts[2] << LOW_BITS) + parts[3]
    if broken or primal != dual:
        raise CertificateError(f"primal {primal} and dual {dual} differ, {broken} dual constraints broken")
    return primal


def _is_exact_in_floats(network: Network) -> bool:
    """Tell whether scipy, which calculates in floating point, would add up these costs without rounding."""
    largest = max(int(network.penalty.max(initial=0)), int(network.cost.max(initial=0)))
    return largest * 4 < EXACT_FLOAT


def _solve_by_matching(network: Network) -> NDArray[np.uint8]:
    """Solve by scipy's sparse full matching (LAPJVsp) on an expanded graph.

    Every unit of a row and every unit of a volunteer's capacity becomes a node, and every unit of a row gets a
    private dummy that stands for "open". Where a row has several units, an edge could then carry two; there the
    edge becomes two nodes joined by a free edge, which are matched with each other unless the edge is used.
    """
    rows, edges = len(network.supply), len(network.cost)
    degree = network.stop - network.ptr
    capacity = np.minimum(network.capacity, np.bincount(network.volunteer, minlength=len(network.capacity)))
    unit_row = np.repeat(np.arange(rows), network.supply)
    units = len(unit_row)
    if units == 0:
        return np.zeros(edges, np.uint8)
    slot_ptr = np.concatenate([[0], np.cumsum(capacity)])
    several = network.supply[network.row] > 1
    gadget = np.cumsum(several) - 1  # number of the edge among those with a gadget
    # Columns: volunteers' slots, then one dummy per unit, then one gadget column per edge with a gadget.
    dummy_at = slot_ptr[-1]
    gadget_at = dummy_at + units
    unit = np.repeat(np.arange(units), degree[unit_row])
    first = np.cumsum(degree[unit_row]) - degree[unit_row]
    edge = np.repeat(network.ptr[unit_row] - first, degree[unit_row]) + np.arange(len(unit))
    plain = ~several[edge]
    unit_slots, edge_slots, slots = _to_slots(unit[plain], edge[plain], network, capacity, slot_ptr)
    with_gadget = np.flatnonzero(several)
    gadget_rows, _, gadget_slots = _to_slots(units + gadget[with_gadget], with_gadget, network, capacity, slot_ptr)
    within = np.arange(units) - np.repeat(np.cumsum(network.supply) - network.supply, network.supply)
    penalty = np.where(within < network.spare[unit_row], network.spare_penalty[unit_row], network.penalty[unit_row])
    zeros = np.zeros(len(with_gadget), np.int64)
    row = np.concatenate([unit_slots, unit[~plain], np.arange(units), units + gadget[with_gadget], gadget_rows])
    column = np.concatenate(
        [
            slots,
            gadget_at + gadget[edge[~plain]],
            dummy_at + np.arange(units),
            gadget_at + gadget[with_gadget],
            gadget_slots,
        ]
    )
    weight = np.concatenate(
        [network.cost[edge_slots], network.cost[edge[~plain]], penalty, zeros, np.zeros(len(gadget_rows), np.int64)]
    ).astype(np.int64)
    owner = np.concatenate([edge_slots, edge[~plain], np.full(units + len(with_gadget) + len(gadget_rows), -1)])
    # scipy drops explicit zeros, so every weight is one larger: a full matching always has the same number of edges.
    graph = coo_array((weight + 1.0, (row, column)), shape=(units + len(with_gadget), gadget_at + len(with_gadget)))
    matched_row, matched_column = min_weight_full_bipartite_matching(graph.tocsr())
    width = graph.shape[1]
    keys = row * width + column
    by_key = np.argsort(keys)
    found = by_key[np.searchsorted(keys[by_key], matched_row.astype(np.int64) * width + matched_column)]
    used = np.zeros(edges, np.uint8)
    used[owner[found][owner[found] >= 0]] = 1
    return used


def _to_slots(
    node: NDArray[np.int64],
    edge: NDArray[np.int64],
    network: Network,
    capacity: NDArray[np.int64],
    slot_ptr: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Join each node to every slot of its edge's volunteer: (node, edge, slot)."""
    volunteer = network.volunteer[edge]
    count = capacity[volunteer]
    first = np.cumsum(count) - count
    slot = np.repeat(slot_ptr[volunteer] - first, count) + np.arange(int(count.sum()))
    return np.repeat(node, count), np.repeat(edge, count), slot


def potentials(network: Network, used: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return potentials of an optimal flow: Bellman and Ford's labels from the sink, all edges at once.

    Raises
    ------
    CertificateError
        If labels still fall after as many rounds as there are nodes: the flow was not optimal.
    """
    rows, volunteers = len(network.supply), len(network.capacity)
    carries = used == 1
    open_units = network.supply - np.bincount(network.row[carries], minlength=rows)
    last = np.where(open_units <= network.spare, network.spare_penalty, network.penalty)
    row_label = np.where(open_units > 0, -last, flow.INFINITY)
    volunteer_label = np.zeros(volunteers, np.int64)
    forward, backward = np.flatnonzero(~carries), np.flatnonzero(carries)
    forward = forward[np.argsort(network.volunteer[forward], kind="stable")]
    backward = backward[np.argsort(network.row[backward], kind="stable")]
    for _ in range(rows + volunteers + 1):
        before = row_label.copy(), volunteer_label.copy()
        np.minimum.at(
            row_label, network.row[backward], volunteer_label[network.volunteer[backward]] - network.cost[backward]
        )
        reached = row_label[network.row[forward]]
        label = np.where(reached == flow.INFINITY, flow.INFINITY, reached + network.cost[forward])
        np.minimum.at(volunteer_label, network.volunteer[forward], label)
        if (before[0] == row_label).all() and (before[1] == volunteer_label).all():
            return np.where(row_label == flow.INFINITY, 0, -row_label), volunteer_label
    raise CertificateError("The flow has a cheaper cycle.")
