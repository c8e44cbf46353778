"""After every change the flow is as good as one that is solved from nothing, and proves it."""

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from matcher.matching import solver
from matcher.matching.rematch import LiveFlow
from unit.matching.networks import network_of

COSTS = st.integers(0, 3) | st.integers(0, 10_000)
PENALTIES = st.integers(0, 12) | st.integers(0, 10**9)


@dataclass(slots=True)
class Row:
    supply: int
    spare: int
    penalty: int


@dataclass(slots=True)
class City:
    """The same problem in plain dictionaries."""

    rows: dict[int, Row] = field(default_factory=dict)
    capacity: dict[int, int] = field(default_factory=dict)
    cost: dict[tuple[int, int], int] = field(default_factory=dict)

    def optimum(self) -> int:
        rows, volunteers = sorted(self.rows), sorted(self.capacity)
        edges = [
            (rows.index(i), volunteers.index(j), cost)
            for (i, j), cost in self.cost.items()
            if i in self.rows and j in self.capacity
        ]
        return solver.solve(
            network_of(
                edges,
                supply=[self.rows[i].supply for i in rows],
                spare=[self.rows[i].spare for i in rows],
                penalty=[self.rows[i].penalty for i in rows],
                capacity=[self.capacity[j] for j in volunteers],
            )
        ).objective


class Days(RuleBasedStateMachine):
    """Requests and volunteers come, go, change their minds."""

    def __init__(self) -> None:
        super().__init__()
        self.live = LiveFlow()
        self.city = City()

    @rule(supply=st.integers(0, 3), spare=st.integers(0, 3), penalty=PENALTIES, data=st.data())
    def request_comes(self, supply: int, spare: int, penalty: int, data: Any) -> None:
        chosen = data.draw(st.sets(st.sampled_from(sorted(self.city.capacity)))) if self.city.capacity else set()
        costs = {j: data.draw(COSTS) for j in sorted(chosen)}
        i = self.live.add_row(supply, penalty, costs, spare=spare, spare_penalty=penalty // 3)
        self.city.rows[i] = Row(supply, min(spare, supply), penalty)
        self.city.cost |= {(i, j): cost for j, cost in costs.items()}

    @rule(capacity=st.integers(0, 3), data=st.data())
    def volunteer_comes(self, capacity: int, data: Any) -> None:
        chosen = data.draw(st.sets(st.sampled_from(sorted(self.city.rows)))) if self.city.rows else set()
        costs = {i: data.draw(COSTS) for i in sorted(chosen)}
        j = self.live.add_volunteer(capacity, costs)
        self.city.capacity[j] = capacity
        self.city.cost |= {(i, j): cost for i, cost in costs.items()}

    @precondition(lambda self: self.city.rows)
    @rule(data=st.data())
    def request_goes(self, data: Any) -> None:
        i = data.draw(st.sampled_from(sorted(self.city.rows)))
        self.live.remove_row(i)
        del self.city.rows[i]

    @precondition(lambda self: self.city.capacity)
    @rule(data=st.data())
    def volunteer_goes(self, data: Any) -> None:
        j = data.draw(st.sampled_from(sorted(self.city.capacity)))
        self.live.remove_volunteer(j)
        del self.city.capacity[j]

    @precondition(lambda self: self.city.capacity)
    @rule(data=st.data(), capacity=st.integers(0, 4))
    def volunteer_takes_on_more_or_less(self, data: Any, capacity: int) -> None:
        j = data.draw(st.sampled_from(sorted(self.city.capacity)))
        self.live.change_capacity(j, capacity)
        self.city.capacity[j] = capacity

    @precondition(lambda self: self.live.served())
    @rule(data=st.data())
    def volunteer_accepts(self, data: Any) -> None:
        i, j = data.draw(st.sampled_from(sorted(self.live.served())))
        self.live.settle(i, j)
        row = self.city.rows[i]
        row.supply -= 1
        self.city.capacity[j] -= 1
        del self.city.cost[i, j]

    @precondition(lambda self: self.edges())
    @rule(data=st.data())
    def volunteer_declines(self, data: Any) -> None:
        i, j = data.draw(st.sampled_from(self.edges()))
        self.live.part(i, j)
        del self.city.cost[i, j]

    def edges(self) -> list[tuple[int, int]]:
        return sorted((i, j) for i, j in self.city.cost if i in self.city.rows and j in self.city.capacity)

    @invariant()
    def the_flow_is_optimal(self) -> None:
        assert self.live.proven_objective() == self.city.optimum()

    @invariant()
    def nobody_serves_beyond_capacity_or_place(self) -> None:
        served = self.live.served()
        assert set(served) <= set(self.edges())
        for j, capacity in self.city.capacity.items():
            assert sum(1 for _, other in served if other == j) <= capacity
        for i, row in self.city.rows.items():
            assert sum(1 for other, _ in served if other == i) <= row.supply


Days.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
test_days = Days.TestCase
