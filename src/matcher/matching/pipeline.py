"""From a problem to an explained plan: the route of a match, stage by stage.

problem -> candidates -> prune -> flow with certificate -> schedule -> certify -> explain, prices, shortage.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from matcher.domain.plans import Assignment, Plan, Problem
from matcher.matching import candidates, exact, explain, objective, prices, prune, schedule, solver, tighten
from matcher.matching.arrays import Edges
from matcher.matching.distance import arc_m, travel_min
from matcher.matching.exact import Proven
from matcher.matching.fixes import Task
from matcher.matching.objective import Objective
from matcher.matching.pricing import cost_terms
from matcher.matching.problem import Compiled, compile_problem
from matcher.matching.schedule import Budget, Ground, Schedule
from matcher.matching.solver import Backend
from matcher.matching.summary import Run, summarise

__all__ = ["solve"]

Report = Callable[[str, float], None]
Minutes = dict[tuple[int, int], int]  # by request and volunteer
_Placed = tuple[tuple[int, int, int], Assignment]  # request, role and volunteer, to sort by


def solve(
    problem: Problem,
    *,
    clock: Callable[[], float],
    report: Report | None = None,
    backend: Backend | None = None,
    should_finish: Callable[[], bool] = lambda: False,
) -> Plan:
    """Match requests with volunteers.

    Parameters
    ----------
    clock
        Seconds that only grow; for the time limit and the timings.
    report
        Called with a stage and the part of it that is done, 0 to 1.
    backend
        "kernel" or "scipy" for candidates and flow; None takes the kernels where they are compiled.
    should_finish
        Asked again and again while the plan improves: whether to end with the plan as it is.

    Raises
    ------
    InvalidProblemError
        If the problem contradicts itself; every fault names its place.
    TooLargeError
        If urgencies and costs do not fit 64-bit integers.
    """
    stages = _Stages(clock, report or _silent)
    way = solver.chosen_backend(backend)
    with stages.timed("problem"):
        compiled = compile_problem(problem)
    instance = compiled.instance
    with stages.timed("candidates"):
        edges = candidates.candidates(instance, compiled=way == "kernel")
    with stages.timed("prune"):
        pruned = prune.prune(instance, edges)
        capacity, volunteer_edges = prune.capacities(instance, pruned)
        aim = Objective.of(instance, pruned)
    with stages.timed("flow"):
        flow = solver.solve(objective.network(instance, pruned, aim, capacity), backend=way)
        aim, flow = tighten.tighten(instance, pruned, aim, capacity, flow, way)
    bound = aim.most - flow.objective
    ground = Ground(instance, pruned, volunteer_edges, capacity, flow)
    with stages.timed("schedule"):
        options = problem.options
        ends_at = clock() + options.time_limit_s
        steps = options.iterations
        result = schedule.schedule(
            ground,
            seed=options.seed,
            budget=Budget(
                steps=schedule.automatic_steps(instance.request_count) if steps is None else steps,
                seconds=options.time_limit_s,
                clock=clock,
                should_finish=should_finish,
            ),
            is_optimal=lambda merit: aim.points(merit, instance) == bound,
            report=lambda fraction: stages.report("schedule", fraction),
        )
    with stages.timed("certify"):
        if result.stopped_by not in ("optimal", "request") and exact.applies(instance, pruned):
            proven = exact.prove(instance, pruned, capacity, result.merit, lambda: ends_at - clock())
            bound = bound if proven is None else min(bound, aim.points(proven.bound, instance))
            result = _better(ground, result, proven)
    with stages.timed("explain"):
        assignments = tuple(_assignments(compiled, pruned, result))
        diary = _diary(compiled, pruned, result)
        unassigned = explain.unassigned(compiled, edges, result.filled, diary, explain=options.explain)
        run = Run(len(edges.volunteer), way, stages.seconds)
        return Plan(
            assignments=assignments,
            unassigned=unassigned,
            summary=summarise(compiled, aim, bound, result, assignments, run),
            prices=prices.prices(compiled, flow),
            shortage=prices.shortage(compiled, aim, flow, result.served, result.filled),
        )


def _better(ground: Ground, found: Schedule, proven: Proven | None) -> Schedule:
    """Return the better of the plan that was found and the one that the integer programme has."""
    if proven is not None and proven.used is not None:
        other = schedule.from_edges(ground, proven.used, found.steps)
        if other.merit >= found.merit:
            found = other
    is_optimal = proven is not None and found.merit >= proven.bound
    return replace(found, stopped_by="optimal" if is_optimal else "time")


def _silent(_stage: str, _fraction: float) -> None:
    """Report nothing."""


class _Stages:
    """Times the stages and reports them."""

    def __init__(self, clock: Callable[[], float], report: Report) -> None:
        self.clock = clock
        self.report = report
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Report a stage at its begin and end and note its seconds."""
        self.report(stage, 0.0)
        begun = self.clock()
        self.seconds[stage] = 0.0
        yield
        self.seconds[stage] = round(self.clock() - begun, 6)
        self.report(stage, 1.0)


def _assignments(compiled: Compiled, edges: Edges, result: Schedule) -> Iterator[Assignment]:
    """Yield pinned and planned assignments by request, role and volunteer."""
    travel_given = _given_travel(compiled)
    found = [*_pinned(compiled, travel_given), *_planned(compiled, edges, result, travel_given)]
    for _, assignment in sorted(found, key=lambda entry: entry[0]):
        yield assignment


def _planned(compiled: Compiled, edges: Edges, result: Schedule, travel_given: Minutes) -> Iterator[_Placed]:
    instance, problem = compiled.instance, compiled.problem
    durations = prune.durations(instance, edges)
    for edge, start, cost in zip(*(column.tolist() for column in result.placement), strict=True):
        row, v = int(edges.row[edge]), int(edges.volunteer[edge])
        r = int(instance.rows.request[row])
        role = row - int(instance.requests.row_ptr[r])
        distance = int(edges.distance_m[edge])
        minutes = int(durations[edge])
        is_given = len(edges.given) > 0 and bool(edges.given[edge])
        terms = {"given": cost} if is_given else cost_terms(compiled, row, v, distance, start)
        yield (
            (r, role, v),
            Assignment(
                request_id=problem.requests[r].id,
                volunteer_id=problem.volunteers[v].id,
                start=compiled.timeline.instant(start) if start >= 0 else None,
                end=compiled.timeline.instant(start + minutes) if start >= 0 else None,
                distance_m=None if distance < 0 else distance,
                travel_min=travel_given.get((r, v), _travel_min(compiled, v, distance)),
                cost=cost,
                cost_terms=terms,
                role=role,
            ),
        )


def _pinned(compiled: Compiled, travel_given: Minutes) -> Iterator[_Placed]:
    instance, problem = compiled.instance, compiled.problem
    given = {(pair.request_id, pair.volunteer_id): pair for pair in problem.pairs or ()}
    for pin, row in zip(compiled.pinned, compiled.row_of_pin, strict=True):
        r, v = pin.request, pin.volunteer
        pair = given.get((problem.requests[r].id, problem.volunteers[v].id))
        known = instance.requests.placed[r] and instance.volunteers.placed[v]
        distance = int(arc_m(instance.requests.xyz[r], instance.volunteers.xyz[v])) if known else -1
        if pair is not None and pair.distance_m is not None:
            distance = pair.distance_m
        start = -1 if pin.start is None else compiled.timeline.minute_down(pin.start)
        terms = cost_terms(compiled, row, v, distance, start)
        if pair is not None and pair.cost is not None:
            terms = {"given": pair.cost}
        role = row - int(instance.requests.row_ptr[r])
        zone = problem.time_zone
        yield (
            (r, role, v),
            Assignment(
                request_id=problem.requests[r].id,
                volunteer_id=problem.volunteers[v].id,
                start=None if pin.start is None else pin.start.astimezone(zone),
                end=None if pin.end is None else pin.end.astimezone(zone),
                distance_m=None if distance < 0 else distance,
                travel_min=travel_given.get((r, v), _travel_min(compiled, v, distance)),
                cost=sum(terms.values()),
                cost_terms=terms,
                role=role,
                pinned=True,
            ),
        )


def _given_travel(compiled: Compiled) -> Minutes:
    pairs = compiled.instance.pairs
    if pairs is None:
        return {}
    said = np.flatnonzero(pairs.travel_min >= 0)
    return {(int(pairs.request[p]), int(pairs.volunteer[p])): int(pairs.travel_min[p]) for p in said}


def _travel_min(compiled: Compiled, v: int, distance_m: int) -> int | None:
    if distance_m < 0:
        return None
    return int(travel_min(np.int64(distance_m), compiled.instance.volunteers.speed[v]))


def _diary(compiled: Compiled, edges: Edges, result: Schedule) -> dict[int, list[Task]]:
    """Return what each volunteer does in the plan beside pinned assignments."""
    rows, durations = compiled.instance.rows, prune.durations(compiled.instance, edges)
    diary: defaultdict[int, list[Task]] = defaultdict(list)
    for edge, start, _ in zip(*(column.tolist() for column in result.placement), strict=True):
        r = int(rows.request[edges.row[edge]])
        diary[int(edges.volunteer[edge])].append(Task(start, start + int(durations[edge]), r))
    return dict(diary)
