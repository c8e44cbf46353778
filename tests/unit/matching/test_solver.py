"""The flow is optimal by every oracle at hand, and its prices are what one more would change."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from ortools.graph.python import min_cost_flow
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import coo_array

from matcher.matching import solver
from matcher.matching.kernels import flow
from matcher.matching.kernels.flow import Network
from matcher.matching.solver import Backend, CertificateError
from unit.matching.networks import network_of, networks

DATA = Path(__file__).parents[2] / "data"
BACKENDS: tuple[Backend, ...] = ("kernel", "scipy")


def by_ortools(network: Network) -> int:
    """Return the optimum of a network by OR-tools."""
    rows, volunteers = len(network.supply), len(network.capacity)
    sink = rows + volunteers
    smcf = min_cost_flow.SimpleMinCostFlow()
    for i, j, cost in zip(network.row, network.volunteer, network.cost, strict=True):
        smcf.add_arc_with_capacity_and_unit_cost(int(i), rows + int(j), 1, int(cost))
    for i in range(rows):
        spare = int(network.spare[i])
        smcf.add_arc_with_capacity_and_unit_cost(i, sink, spare, int(network.spare_penalty[i]))
        smcf.add_arc_with_capacity_and_unit_cost(i, sink, int(network.supply[i]) - spare, int(network.penalty[i]))
        smcf.set_node_supply(i, int(network.supply[i]))
    for j in range(volunteers):
        smcf.add_arc_with_capacity_and_unit_cost(rows + j, sink, int(network.capacity[j]), 0)
    smcf.set_node_supply(sink, -int(network.supply.sum()))
    assert smcf.solve() == smcf.OPTIMAL
    return int(smcf.optimal_cost())


def by_highs(network: Network) -> int:
    """Return the optimum of a network by linear programming (its matrix is totally unimodular)."""
    rows, volunteers, edges = len(network.supply), len(network.capacity), len(network.cost)
    edge = np.arange(edges)
    spare, rest = edges + np.arange(rows), edges + rows + np.arange(rows)
    ones = np.ones
    placed = coo_array(
        (
            ones(edges + 2 * rows),
            (np.concatenate([network.row, np.arange(rows), np.arange(rows)]), np.concatenate([edge, spare, rest])),
        ),
        shape=(rows, edges + 2 * rows),
    )
    taken = coo_array((ones(edges), (network.volunteer, edge)), shape=(volunteers, edges + 2 * rows))
    limit = np.concatenate([ones(edges), network.spare, network.supply - network.spare])
    programme: Any = linprog  # its types ask for literal bounds
    result = programme(
        np.concatenate([network.cost, network.spare_penalty, network.penalty]).astype(float),
        A_eq=placed.tocsr(),
        b_eq=network.supply.astype(float),
        A_ub=taken.tocsr(),
        b_ub=network.capacity.astype(float),
        bounds=[(0.0, float(top)) for top in limit],
    )
    assert result.status == 0
    optimum: int = round(result.fun)
    return optimum


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=1500)
@given(network=networks())
def test_the_flow_costs_what_ortools_says(network: Network, backend: Backend) -> None:
    assert solver.solve(network, backend=backend).objective == by_ortools(network)


@settings(max_examples=300)
@given(network=networks())
def test_the_flow_costs_what_linear_programming_says(network: Network) -> None:
    assert solver.solve(network).objective == by_highs(network)


@settings(max_examples=1000)
@given(network=networks())
def test_both_ways_give_the_same_prices(network: Network) -> None:
    kernel, scipy = (solver.solve(network, backend=backend) for backend in BACKENDS)
    assert kernel.u.tolist() == scipy.u.tolist()
    assert kernel.v.tolist() == scipy.v.tolist()


@settings(max_examples=500)
@given(network=networks())
def test_the_price_of_a_volunteer_is_what_one_more_of_their_hours_would_gain(network: Network) -> None:
    found = solver.solve(network)
    for j in range(len(network.capacity)):
        more = network.capacity.copy()
        more[j] += 1
        assert found.objective - solver.solve(network._replace(capacity=more)).objective == -found.v[j]


@pytest.mark.parametrize("spoil", ["u", "v", "used"])
def test_the_certificate_refuses_a_flow_that_is_not_optimal(spoil: str) -> None:
    network = network_of(
        [(0, 0, 5), (0, 1, 9), (1, 0, 4)], supply=[1, 1], spare=[0, 0], penalty=[100, 100], capacity=[1, 1]
    )
    found = solver.solve(network)
    u, v, used = found.u.copy(), found.v.copy(), found.used.copy()
    assert solver.proven_objective(network, u, v, used) == found.objective == 13
    u[0] -= spoil == "u"
    v[0] -= spoil == "v"
    used[0] ^= spoil == "used"
    with pytest.raises(CertificateError):
        solver.proven_objective(network, u, v, used)


def test_potentials_refuse_a_flow_with_a_cheaper_cycle() -> None:
    network = network_of(
        [(0, 0, 5), (0, 1, 1), (1, 0, 1), (1, 1, 5)], supply=[1, 1], spare=[0, 0], penalty=[99, 99], capacity=[1, 1]
    )
    dear = (network.cost == 5).astype(np.uint8)
    with pytest.raises(CertificateError):
        solver.potentials(network, dear)


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_assignments_of_scipy_cost_what_scipy_expects(backend: Backend) -> None:
    for case in json.loads((DATA / "assignment" / "scipy_small_cases.json").read_text()):
        cost = np.array([[float(entry) for entry in row] for row in case["cost"]])
        offset = 0 if not case["maximize"] else float(cost[np.isfinite(cost)].max())
        shifted = offset - cost if case["maximize"] else cost
        wanted = sum(case["expected_selected_costs_by_row"])
        edges = [(i, j, int(shifted[i, j])) for i, j in np.argwhere(np.isfinite(cost)).tolist()]
        low = min(0, *(edge[2] for edge in edges))
        rows = len(cost)
        network = network_of(
            [(i, j, c - low) for i, j, c in edges],
            supply=[1] * rows,
            spare=[0] * rows,
            penalty=[10**6] * rows,
            capacity=[1] * cost.shape[1],
        )
        total = solver.solve(network, backend=backend).objective + low * rows
        assert total == (offset * rows - wanted if case["maximize"] else wanted)


def test_dense_assignments_cost_what_the_hungarian_method_says() -> None:
    generator = np.random.default_rng(7)
    for size in (1, 2, 30, 120):
        cost = generator.integers(0, 1000, (size, size))
        network = network_of(
            [(i, j, int(cost[i, j])) for i in range(size) for j in range(size)],
            supply=[1] * size,
            spare=[0] * size,
            penalty=[10**7] * size,
            capacity=[1] * size,
        )
        rows, columns = linear_sum_assignment(cost)
        for backend in BACKENDS:
            assert solver.solve(network, backend=backend).objective == cost[rows, columns].sum()


def test_the_certificate_is_exact_beyond_64_bits() -> None:
    many, penalty = 64, 2**57
    network = network_of([], supply=[1] * many, spare=[0] * many, penalty=[penalty] * many, capacity=[])
    assert solver.solve(network, backend="kernel").objective == many * penalty


def test_an_insertion_leaves_the_work_space_clean() -> None:
    network = network_of(
        [(0, 0, 1), (1, 0, 2), (1, 1, 5)], supply=[1, 2], spare=[0, 1], penalty=[50, 60], capacity=[1, 1]
    )
    state = flow.solve(network, np.arange(2))
    assert (state.row_distance == flow.INFINITY).all()
    assert (state.volunteer_distance == flow.INFINITY).all()
    assert not state.settled.any()
