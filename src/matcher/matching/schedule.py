"""From the relaxation to a plan with times: insertion along the flow, then ruin and recreate.

A heuristic whose distance from the bound is always reported. With a number of steps it is reproducible by
seed; a time limit that strikes first is said in the result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.arrays import NEVER, Edges, Instance
from matcher.matching.kernels import board as boards
from matcher.matching.kernels import search
from matcher.matching.kernels.board import Board, State
from matcher.matching.kernels.compilation import COMPILED
from matcher.matching.merit import Merit
from matcher.matching.prune import VolunteerEdges, is_team
from matcher.matching.solver import Flow

__all__ = ["Budget", "Ground", "Placement", "Schedule", "automatic_steps", "from_edges", "schedule"]

MANY_STARTS = 64
FEW_STARTS = 12
STEPS_PER_ROUND = 4_000 if COMPILED else 40
HOT = 0.2  # of the value of one urgency
COLD = 0.0015


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: ``steps`` of ruin and recreate, within ``seconds`` by ``clock``, unless asked to finish."""

    steps: int
    seconds: float
    clock: Callable[[], float]
    steps_per_round: int = STEPS_PER_ROUND
    should_finish: Callable[[], bool] = lambda: False


class Placement(NamedTuple):
    """The assignments of a schedule: parallel arrays, sorted by edge."""

    edge: NDArray[np.int64]
    start: NDArray[np.int32]  # -1 without time
    cost: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A plan in arrays: what is assigned, what it is worth, and how the search ended."""

    placement: Placement
    filled: NDArray[np.int32]  # places filled of each row
    served: NDArray[np.bool_]  # requests that reach their minimum
    merit: Merit
    steps: int
    stopped_by: str  # "optimal" | "iterations" | "time" | "request"


def automatic_steps(request_count: int) -> int:
    """Return the number of steps for a problem of this size: enough to come near the bound."""
    return int(np.clip(25 * request_count, 10_000, 200_000))


@dataclass(frozen=True, slots=True)
class Ground:
    """What the search stands on: the pruned problem and the optimum of its relaxation."""

    instance: Instance
    edges: Edges
    volunteer_edges: VolunteerEdges
    capacity: NDArray[np.int64]
    flow: Flow


def schedule(
    ground: Ground,
    *,
    seed: int,
    budget: Budget,
    is_optimal: Callable[[Merit], bool],
    report: Callable[[float], None],
) -> Schedule:
    """Build a plan and improve it until it is optimal, or the steps or the time are used up.

    The temperature falls with the steps. If they would not end in time at the present pace, it falls with the
    time instead, and the result says "time": it is then not reproducible.
    """
    plan = _Search(ground, seed)
    plan.construct()
    begun = budget.clock()
    steps = 0
    by_time = is_hurried = False
    best = plan.merit()
    best_state = plan.copy()
    while steps < budget.steps and not is_optimal(best) and len(plan.order):
        spent = budget.clock() - begun
        by_time = by_time or (steps > 0 and spent / steps * budget.steps > budget.seconds) or spent >= budget.seconds
        is_hurried = budget.should_finish()
        if spent >= budget.seconds or is_hurried:
            break
        fraction = spent / budget.seconds if by_time else steps / budget.steps
        round_steps = min(budget.steps_per_round, budget.steps - steps)
        plan.anneal(round_steps, fraction)
        steps += round_steps
        report(fraction)
        if (merit := plan.merit()) > best:
            best, best_state = merit, plan.copy()
    plan.state = best_state
    plan.fill_up()
    merit = plan.merit()
    reason = "request" if is_hurried else "time" if by_time else "iterations"
    return plan.result(steps, "optimal" if is_optimal(merit) else reason)


def from_edges(ground: Ground, used: NDArray[np.int64], steps: int) -> Schedule:
    """Return a proven plan without times, given the edges that it uses."""
    instance, edges = ground.instance, ground.edges
    filled = np.bincount(edges.row[used], minlength=instance.row_count).astype(np.int32)
    over = _reached(instance, filled) - instance.requests.minimum
    cost = edges.cost[used].astype(np.int64)
    return Schedule(
        placement=Placement(used, np.full(len(used), -1, np.int32), cost),
        filled=filled,
        served=over >= 0,
        merit=_merit(instance, filled, int(cost.sum())),
        steps=steps,
        stopped_by="optimal",
    )


def _reached(instance: Instance, filled: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return people, or whole roles, of each request."""
    requests, rows = instance.requests, instance.rows
    whole = (filled == rows.places) & (rows.places > 0)
    reached = np.where(requests.by_role[rows.request], whole, filled)
    return np.bincount(rows.request, weights=reached, minlength=instance.request_count).astype(np.int64)


def _merit(instance: Instance, filled: NDArray[np.int32], cost: int) -> Merit:
    requests = instance.requests
    over = _reached(instance, filled) - requests.minimum
    served = over >= 0
    return Merit(int(requests.urgency[served].sum()), int((over * requests.urgency)[served].sum()), -cost)


class _Search:
    """The board, a state, and the work space of one search."""

    def __init__(self, ground: Ground, seed: int) -> None:
        instance, edges = ground.instance, ground.edges
        self.instance = instance
        unit = 2 * _dearest(instance, edges) + 2
        requests, rows = instance.requests, instance.rows
        places = np.zeros(instance.row_count + 1, np.int64)
        np.cumsum(rows.places, out=places[1:])
        extra = (rows.places.sum() > requests.minimum.sum()) and bool((requests.minimum != 0).any())
        self.board = Board(
            requests=requests,
            rows=rows,
            volunteers=instance.volunteers,
            days=instance.days,
            points=instance.points,
            edges=edges,
            flow=ground.flow.used,
            capacity=ground.capacity,
            by_volunteer_ptr=ground.volunteer_edges[0],
            by_volunteer=ground.volunteer_edges[1],
            place_ptr=places,
            scarce_first=np.lexsort((np.diff(edges.ptr), rows.request)),
            team=is_team(instance),
            value=requests.urgency * unit * (4 if extra else 1),
            extra_value=requests.urgency * unit,
        )
        self.hot, self.cold = HOT * unit, COLD * unit
        self.state = _empty_state(self.board)
        self.rng = np.array([_scrambled(seed)], np.uint64)
        self.work = search.new_work(self.board)
        self.order = self._insertion_order()

    def _insertion_order(self) -> NDArray[np.int64]:
        """Return the requests that have candidates: the urgent first, then those with few candidates."""
        requests = self.instance.requests
        degree = np.diff(self.board.edges.ptr[requests.row_ptr])
        order = np.lexsort((degree, -requests.urgency))
        return order[degree[order] > 0]

    def construct(self) -> None:
        """Insert along the edges of the relaxation first, then wherever there is room."""
        self._insert_open(only_flow=True)
        self._insert_open(only_flow=False)
        search.fill(self.board, self.state, self.order, self.rng, self.work)

    def fill_up(self) -> None:
        """Insert whatever still fits, so that no request is left open beside a free volunteer."""
        self.state.tick[0] += 1
        self.state.journalled[0] = 0
        self._insert_open(only_flow=False)
        search.fill(self.board, self.state, self.order, self.rng, self.work)

    def _insert_open(self, *, only_flow: bool) -> None:
        search.construct(self.board, self.state, self.order, only_flow, self.rng, MANY_STARTS, self.work)

    def anneal(self, steps: int, fraction: float) -> None:
        """Run some steps of ruin and recreate at the temperature that belongs to ``fraction`` of the search."""
        temperature = self.hot * (self.cold / self.hot) ** fraction
        unserved = self.order[~self.served()[self.order]]
        search.anneal(
            self.board,
            self.state,
            steps,
            temperature,
            self.order,
            unserved,
            self.rng,
            FEW_STARTS,
            self.work,
        )

    def served(self) -> NDArray[np.bool_]:
        """Tell which requests reach their minimum."""
        return _reached(self.instance, self.state.filled) >= self.instance.requests.minimum

    def merit(self) -> Merit:
        """Return what the state is worth."""
        return _merit(self.instance, self.state.filled, int(boards.total_cost(self.board, self.state)))

    def copy(self) -> State:
        """Return a copy of the state."""
        return State._make(column.copy() for column in self.state)

    def result(self, steps: int, stopped_by: str) -> Schedule:
        """Return the state as a schedule."""
        edge, start, cost = boards.placements(self.board, self.state)
        order = np.argsort(edge)
        return Schedule(
            placement=Placement(edge[order], start[order], cost[order]),
            filled=self.state.filled.copy(),
            served=self.served(),
            merit=self.merit(),
            steps=steps,
            stopped_by=stopped_by,
        )


def _dearest(instance: Instance, edges: Edges) -> int:
    """Return what an assignment costs at most, a late start included."""
    knows_delay = edges.start >= 0
    if len(edges.given):
        knows_delay &= edges.given == 0
    late = instance.points.delay if knows_delay.any() else 0
    return int(edges.cost.max(initial=0)) + late


def _empty_state(board: Board) -> State:
    volunteers = len(board.capacity)
    task_ptr = np.zeros(volunteers + 1, np.int64)
    np.cumsum(board.capacity, out=task_ptr[1:])
    total = int(task_ptr[-1])
    return State(
        task_ptr=task_ptr,
        task=np.full(total, -1, np.int64),
        start=np.full(total, -1, np.int32),
        timed=np.zeros(volunteers, np.int32),
        tasks=np.zeros(volunteers, np.int32),
        minutes=np.zeros(volunteers, np.int64),
        place_edge=np.full(int(board.place_ptr[-1]), -1, np.int64),
        filled=np.zeros(len(board.rows.places), np.int32),
        common_start=np.full(len(board.requests.urgency), NEVER, np.int32),
        tick=np.zeros(1, np.int64),
        touched_at=np.full(volunteers, -1, np.int64),
        journal_volunteer=np.zeros(volunteers + 1, np.int32),
        journal_ptr=np.zeros(volunteers + 2, np.int64),
        journal_task=np.zeros(total + 1, np.int64),
        journal_start=np.zeros(total + 1, np.int32),
        journal_timed=np.zeros(volunteers + 1, np.int32),
        journal_minutes=np.zeros(volunteers + 1, np.int64),
        journalled=np.zeros(1, np.int64),
    )


def _scrambled(seed: int) -> int:
    """Return a non-zero 64-bit word from a seed (the finaliser of SplitMix64), so that near seeds differ."""
    word = (seed + 0x9E3779B97F4A7C15) % 2**64
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) % 2**64
    return (word ^ (word >> 31)) or 1
