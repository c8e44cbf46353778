"""Best first finds the best, and looks at few."""

import math
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from matcher.services import search
from matcher.services.search import View

# By distance: the least cost of each, growing, and what is added to it.
crowds = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 400)), max_size=120)


class Crowd:
    """Some whose cost is at least their distance; looking shows the nearest, or one of ``of`` that may do."""

    def __init__(self, people: Sequence[tuple[int, int]], *, of: int = 1) -> None:
        self.of = of
        self.bounds: list[int] = []
        for step, _ in people:
            self.bounds.append((self.bounds[-1] if self.bounds else 0) + step)
        self.costs = [bound + extra for bound, (_, extra) in zip(self.bounds, people, strict=True)]
        self.found: list[int] = []
        self.looks: list[int] = []

    def look(self, most: int) -> View:
        self.looks.append(most)
        seen = range(0, min(most, len(self.bounds)), self.of)
        frontier = math.inf if most > len(self.bounds) else float(self.bounds[most - 1])
        return View(list(seen), [self.bounds[n] for n in seen], frontier)

    def judge(self, nos: Sequence[int]) -> None:
        self.found += [self.costs[n] for n in nos]

    def goal(self, count: int) -> Callable[[], float]:
        return lambda: sorted(self.found)[count - 1] if len(self.found) >= count else math.inf


@given(crowds, st.integers(1, 5))
def test_whoever_costs_less_than_what_is_proven_was_judged(people: list[tuple[int, int]], count: int) -> None:
    crowd = Crowd(people)
    proven = search.search(crowd.look, crowd.judge, crowd.goal(count), judged=set())
    assert sorted(cost for cost in crowd.found if cost < proven) == sorted(c for c in crowd.costs if c < proven)
    assert sorted(crowd.found)[:count] == sorted(crowd.costs)[:count]


def test_it_stops_once_nobody_else_can_be_better() -> None:
    crowd = Crowd([(10, 0)] * 5_000)
    proven = search.search(crowd.look, crowd.judge, crowd.goal(3), judged=set())
    assert len(crowd.found) < 100
    assert proven > 30
    assert crowd.looks == [search.FIRST_LOOK]


def test_it_looks_farther_where_the_near_ones_turn_out_dear() -> None:
    crowd = Crowd([(1, 3_000)] * 2_000 + [(1, 0)] * 8_000, of=20)
    proven = search.search(crowd.look, crowd.judge, crowd.goal(3), judged=set())
    assert len(crowd.looks) > 1
    assert proven > sorted(crowd.found)[2]
    assert sorted(crowd.found)[:3] == sorted(crowd.costs[::20])[:3]


def test_whoever_was_judged_before_is_not_judged_again() -> None:
    crowd = Crowd([(1, 0)] * 10)
    search.search(crowd.look, crowd.judge, crowd.goal(20), judged={0, 1, 2})
    assert len(crowd.found) == 7


def test_it_gives_up_in_the_end_and_says_what_is_proven() -> None:
    crowd = Crowd([(1, 1_000_000)] * 50_000)
    proven = search.search(crowd.look, crowd.judge, crowd.goal(3), judged=set())
    assert len(crowd.found) == search.MOST_JUDGED
    assert proven <= search.MOST_JUDGED + 1
