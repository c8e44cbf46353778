"""What every plan must be, on thousands of small problems, held against brute force."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from matcher.domain.plans import Plan, Problem
from matcher.matching import pipeline
from matcher.matching.solver import Backend
from matcher.matching.verify import violations
from oracles import brute_force, reasons
from oracles.brute_force import Value, worth

MANY, SOME, FEW = settings(max_examples=800), settings(max_examples=400), settings(max_examples=200)


def solve(problem: Problem, *, backend: Backend | None = None) -> Plan:
    """Solve with a clock that stands still, so that nothing depends on the speed of the machine."""
    return pipeline.solve(problem, clock=lambda: 0.0, backend=backend)


def value_of(problem: Problem, plan: Plan) -> Value:
    """Return what a plan is worth by its assignments alone."""
    total = Value(0, 0, -sum(assignment.cost for assignment in plan.assignments))
    for request in problem.requests:
        filled = [item.role for item in plan.assignments if item.request_id == request.id]
        total += worth(request, filled)
    return total


def same_but_for_time(plan: Plan) -> Plan:
    """Return a plan without its stopwatch."""
    return replace(plan, summary=replace(plan.summary, timings_s={}))


@MANY
@given(strategies.problems(requests=6, volunteers=6))
def test_every_plan_keeps_every_rule(problem: Problem) -> None:
    assert violations(problem, solve(problem)) == []


@MANY
@given(strategies.problems())
def test_no_plan_is_better_than_the_best_and_no_bound_is_below_it(problem: Problem) -> None:
    plan, best = solve(problem), brute_force.solve(problem)
    assert value_of(problem, plan) <= best.value
    assert plan.summary.served_urgency <= best.value.urgency <= plan.summary.urgency_bound


@MANY
@given(strategies.problems())
def test_what_is_called_optimal_is_optimal(problem: Problem) -> None:
    plan = solve(problem)
    if plan.summary.proof == "optimal":
        assert value_of(problem, plan) == brute_force.solve(problem).value


@SOME
@given(strategies.problems(requests=3, volunteers=4))
def test_a_tiny_problem_is_solved_to_its_best(problem: Problem) -> None:
    assert value_of(problem, solve(problem)) == brute_force.solve(problem).value


@MANY
@given(strategies.problems())
def test_reasons_are_those_of_brute_force(problem: Problem) -> None:
    plan = solve(problem)
    expected = reasons.counts(problem, plan)
    found = {
        (left.request_id, reason.role, reason.code): reason.volunteers
        for left in plan.unassigned
        for reason in left.reasons
    }
    assert found == expected


@FEW
@given(strategies.problems())
def test_the_same_seed_gives_the_same_plan(problem: Problem) -> None:
    assert same_but_for_time(solve(problem)) == same_but_for_time(solve(problem))


@SOME
@given(strategies.problems(requests=6, volunteers=6))
def test_kernels_and_scipy_agree_on_the_bounds(problem: Problem) -> None:
    kernel, scipy = (solve(problem, backend=backend).summary for backend in ("kernel", "scipy"))
    assert (kernel.urgency_bound, kernel.cost_bound) == (scipy.urgency_bound, scipy.cost_bound)


@SOME
@given(strategies.problems(), st.data())
def test_a_volunteer_less_never_raises_the_bound(problem: Problem, data: st.DataObject) -> None:
    pinned = {pin.volunteer_id for pin in problem.pinned}
    leaving = [volunteer.id for volunteer in problem.volunteers if volunteer.id not in pinned]
    if not leaving:
        return
    gone = data.draw(st.sampled_from(leaving))
    fewer = replace(
        problem,
        volunteers=tuple(volunteer for volunteer in problem.volunteers if volunteer.id != gone),
        pairs=None if problem.pairs is None else tuple(pair for pair in problem.pairs if pair.volunteer_id != gone),
    )
    assert solve(fewer).summary.urgency_bound <= solve(problem).summary.urgency_bound


@SOME
@given(strategies.problems(), st.data())
def test_the_order_of_the_input_does_not_change_the_bounds(problem: Problem, data: st.DataObject) -> None:
    shuffled = replace(
        problem,
        requests=tuple(data.draw(st.permutations(problem.requests))),
        volunteers=tuple(data.draw(st.permutations(problem.volunteers))),
        pairs=None if problem.pairs is None else tuple(data.draw(st.permutations(problem.pairs))),
    )
    one, other = solve(problem).summary, solve(shuffled).summary
    assert (one.urgency_bound, one.cost_bound) == (other.urgency_bound, other.cost_bound)
