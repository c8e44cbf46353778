"""The candidates are exactly the pairs that the rules allow, at their first start and its cost, either way."""

import pytest
from hypothesis import given, settings

import strategies
from matcher.domain.plans import Problem
from matcher.matching import candidates
from matcher.matching.problem import compile_problem
from oracles import alone


@pytest.mark.parametrize("compiled", [True, False], ids=["kernel", "numpy"])
@settings(max_examples=500)
@given(problem=strategies.problems(requests=5, volunteers=6))
def test_candidates_are_those_that_the_rules_allow(problem: Problem, *, compiled: bool) -> None:
    instance = compile_problem(problem).instance
    edges = candidates.candidates(instance, compiled=compiled)
    found = {}
    for row, v, start, cost, distance in zip(
        edges.row, edges.volunteer, edges.start, edges.cost, edges.distance_m, strict=True
    ):
        r = instance.rows.request[row]
        place = problem.requests[r].id, row - instance.requests.row_ptr[r], problem.volunteers[v].id
        found[place] = start if start >= 0 else None, cost, distance if distance >= 0 else None
    assert found == alone.candidates(problem)
