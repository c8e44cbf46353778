"""What others would use for the same relaxation: OR-tools' min-cost flow and scipy's sparse matching."""

import time
from dataclasses import dataclass

import numpy as np
from ortools.graph.python import min_cost_flow
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from matcher.matching.kernels.flow import Network

__all__ = ["Answer", "ortools_flow", "scipy_unit_matching", "unit_network"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An optimum and the seconds it took: ``solve`` alone, ``build`` for handing the arrays over."""

    objective: int
    solve_s: float
    build_s: float


def ortools_flow(network: Network) -> Answer:
    """Solve the network by OR-tools' cost-scaling push-relabel; open units flow past the volunteers."""
    rows, volunteers = len(network.supply), len(network.capacity)
    sink = rows + volunteers
    begun = time.perf_counter()
    flow = min_cost_flow.SimpleMinCostFlow()
    row = np.arange(rows)
    volunteer = rows + np.arange(volunteers)
    arcs = (
        (network.row, rows + network.volunteer, np.ones(len(network.cost)), network.cost),
        (row, np.full(rows, sink), network.supply - network.spare, network.penalty),
        (row, np.full(rows, sink), network.spare, network.spare_penalty),
        (volunteer, np.full(volunteers, sink), network.capacity, np.zeros(volunteers)),
    )
    tail, head, capacity, cost = (np.concatenate([arc[c] for arc in arcs]) for c in range(4))
    flow.add_arcs_with_capacity_and_unit_cost(
        tail.astype(np.int32), head.astype(np.int32), capacity.astype(np.int64), cost.astype(np.int64)
    )
    nodes = np.append(row, sink).astype(np.int32)
    flow.set_nodes_supplies(nodes, np.append(network.supply, -network.supply.sum()).astype(np.int64))
    built = time.perf_counter()
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"OR-tools found no optimum: {status}")
    return Answer(flow.optimal_cost(), time.perf_counter() - built, built - begun)


def unit_network(network: Network) -> Network:
    """Return the network in which every row has one unit and every volunteer takes one."""
    return network._replace(
        supply=np.ones_like(network.supply),
        spare=np.zeros_like(network.spare),
        capacity=np.ones_like(network.capacity),
    )


def scipy_unit_matching(network: Network) -> Answer:
    """Solve a unit network by scipy's sparse matching, with one dummy column for each row."""
    rows, volunteers = len(network.supply), len(network.capacity)
    begun = time.perf_counter()
    weight = np.append(network.cost.astype(float), network.penalty.astype(float)) + 1
    row = np.append(network.row, np.arange(rows))
    column = np.append(network.volunteer, volunteers + np.arange(rows))
    graph = csr_array((weight, (row, column)), shape=(rows, volunteers + rows))
    built = time.perf_counter()
    matched = min_weight_full_bipartite_matching(graph)
    done = time.perf_counter()
    total = int(graph[matched[0], matched[1]].sum()) - rows
    return Answer(total, done - built, built - begun)
