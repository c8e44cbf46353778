"""Measure one size: our stages, and beside each what a user would write or take instead."""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.peers import ortools_flow, scipy_unit_matching, unit_network
from matcher.domain.plans import Problem
from matcher.matching import candidates, objective, prune, schedule, solver
from matcher.matching.arrays import Edges, Instance
from matcher.matching.objective import Objective
from matcher.matching.problem import compile_problem
from matcher.matching.schedule import Budget, Ground
from matcher.simulation import city, city_problem, policies

__all__ = ["SECONDS", "Measured", "measure"]

SECONDS = (1.0, 10.0)
REPEATS = 5

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one size; seconds are medians, memory is the peak of the whole process before peers run."""

    size: str
    requests: int
    volunteers: int
    edges: int
    candidates_s: float
    candidates_numpy_s: float
    flow_s: float
    ortools_s: float
    ortools_build_s: float
    unit_flow_s: float
    scipy_unit_s: float
    plan_s: float  # raw arrays to the first plan, with certificate
    peak_mib: float
    urgency: int
    bound: int
    first_plan: int
    after: tuple[tuple[float, int, float | None], ...]  # seconds, served urgency, cost gap
    greedy_arrival: int
    greedy_urgency: int


def measure(size: str, seed: int = 0) -> Measured:
    """Return the figures of one size; every optimum is compared with every other, integer for integer."""
    problem = city_problem.to_problem(city.generate(size, seed))
    instance = compile_problem(problem).instance
    _first_plan(instance)  # compiles, or loads the kernels
    plan_s, (ground, aim, served) = _timed(lambda: _first_plan(instance))
    edges = candidates.candidates(instance)
    candidates_s, _ = _timed(lambda: candidates.candidates(instance))
    network = objective.network(instance, ground.edges, aim, ground.capacity)
    flow_s, flow = _timed(lambda: solver.solve(network))
    bound = aim.most - flow.objective
    after = tuple(_after(ground, aim, bound, seconds) for seconds in SECONDS)
    peak_mib = _peak_mib()
    candidates_numpy_s, by_numpy = _timed(lambda: candidates.candidates(instance, compiled=False), repeats=1)
    _agree(len(edges.volunteer), len(by_numpy.volunteer))
    other = ortools_flow(network)
    _agree(flow.objective, other.objective)
    units = unit_network(network)
    unit_flow_s, unit_flow = _timed(lambda: solver.solve(units))
    unit_other = scipy_unit_matching(units)
    _agree(unit_flow.objective, unit_other.objective)
    return Measured(
        size=size,
        requests=instance.request_count,
        volunteers=instance.volunteer_count,
        edges=len(edges.volunteer),
        candidates_s=candidates_s,
        candidates_numpy_s=candidates_numpy_s,
        flow_s=flow_s,
        ortools_s=other.solve_s,
        ortools_build_s=other.build_s,
        unit_flow_s=unit_flow_s,
        scipy_unit_s=unit_other.solve_s,
        plan_s=plan_s,
        peak_mib=peak_mib,
        urgency=int(instance.requests.urgency.sum()),
        bound=aim.urgency_bound(bound, instance),
        first_plan=served,
        after=after,
        greedy_arrival=_nearest_first(problem, urgent_first=False),
        greedy_urgency=_nearest_first(problem, urgent_first=True),
    )


def _timed(work: Callable[[], Result], repeats: int = REPEATS) -> tuple[float, Result]:
    """Return the median of the seconds that ``work`` takes, and its last result."""
    seconds = []
    for _ in range(repeats - 1):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    result = work()
    return statistics.median([*seconds, time.perf_counter() - begun]), result


def _relaxed(instance: Instance, edges: Edges) -> tuple[Ground, Objective]:
    pruned = prune.prune(instance, edges)
    capacity, volunteer_edges = prune.capacities(instance, pruned)
    aim = Objective.of(instance, pruned)
    flow = solver.solve(objective.network(instance, pruned, aim, capacity))
    return Ground(instance, pruned, volunteer_edges, capacity, flow), aim


def _first_plan(instance: Instance) -> tuple[Ground, Objective, int]:
    """Go the whole way from raw arrays to a plan along the flow, without search."""
    ground, aim = _relaxed(instance, candidates.candidates(instance))
    budget = Budget(steps=0, seconds=1.0, clock=time.perf_counter)
    first = schedule.schedule(ground, seed=1, budget=budget, is_optimal=lambda _: False, report=lambda _: None)
    return ground, aim, first.merit.served_urgency


def _after(ground: Ground, aim: Objective, bound: int, seconds: float) -> tuple[float, int, float | None]:
    """Return served urgency, and the cost gap where the bound is reached, after some seconds of search."""
    budget = Budget(steps=10**9, seconds=seconds, clock=time.perf_counter)
    found = schedule.schedule(ground, seed=1, budget=budget, is_optimal=lambda _: False, report=lambda _: None)
    above = aim.points(found.merit._replace(saved=0), ground.instance) - bound
    reached = found.merit.served_urgency == aim.urgency_bound(bound, ground.instance)
    cost = -found.merit.saved
    return seconds, found.merit.served_urgency, (cost - above) / cost if reached else None


def _nearest_first(problem: Problem, *, urgent_first: bool) -> int:
    """Return the urgency that nearest-first serves."""
    chosen = policies.nearest_first(problem, urgent_first=urgent_first)
    people = [0] * len(problem.requests)
    for choice in chosen:
        people[choice.request] += 1
    return sum(
        request.urgency
        for request, there in zip(problem.requests, people, strict=True)
        if there >= request.min_headcount
    )


def _agree(ours: int, other: int) -> None:
    if ours != other:
        raise AssertionError(f"ours {ours} and the peer's {other} differ")


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
