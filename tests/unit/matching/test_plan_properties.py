"""What every plan must be, on thousands of small problems, held against brute force."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from matcher.domain.plans import Pin, Plan, Problem, Unassigned
from matcher.matching import pipeline
from matcher.matching.solver import Backend
from matcher.matching.verify import violations
from oracles import alone, brute_force, fixes, reasons
from oracles.brute_force import Value, total, worth
from oracles.rules import Rules

MANY, SOME, FEW = settings(max_examples=600), settings(max_examples=300), settings(max_examples=150)


FEW_STEPS = 200


def solve(problem: Problem, *, steps: int | None = FEW_STEPS, backend: Backend | None = None) -> Plan:
    """Solve with a clock that stands still, so that nothing depends on the speed of the machine."""
    limited = replace(problem, options=replace(problem.options, iterations=steps))
    return pipeline.solve(limited, clock=lambda: 0.0, backend=backend)


def value_of(problem: Problem, plan: Plan) -> Value:
    """Return what a plan is worth by its assignments alone."""
    cost = sum(assignment.cost for assignment in plan.assignments)
    worths = [
        worth(request, [item.role for item in plan.assignments if item.request_id == request.id])
        for request in problem.requests
    ]
    return total([*worths, Value(0, 0, -cost)])


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


@MANY
@given(strategies.problems())
def test_no_plan_that_fills_the_same_places_costs_less_than_the_bound(problem: Problem) -> None:
    plan, best = solve(problem), brute_force.solve(problem)
    cost_bound = plan.summary.cost_bound
    assert cost_bound is not None
    assert cost_bound <= plan.summary.total_cost
    if value_of(problem, plan)[:2] == best.value[:2]:
        assert cost_bound <= best.cost


@FEW
@given(strategies.problems(requests=3, volunteers=4))
def test_a_tiny_problem_is_served_as_far_as_it_can_be(problem: Problem) -> None:
    assert value_of(problem, solve(problem, steps=None))[:2] == brute_force.solve(problem).value[:2]


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


@MANY
@given(strategies.problems())
def test_the_nearest_fix_lets_one_more_volunteer_serve(problem: Problem) -> None:
    plan = solve(problem)
    pins = tuple(Pin(item.request_id, item.volunteer_id, item.start) for item in plan.assignments)
    for left in plan.unassigned:
        if left.nearest_fix is not None:
            assert can_serve_after_fix(replace(problem, pinned=pins), left)


def can_serve_after_fix(problem: Problem, left: Unassigned) -> bool:
    """Tell whether the fix makes its volunteer eligible for some role of the request."""
    request = Rules(problem).request_of[left.request_id]
    assert left.nearest_fix is not None
    for number, role in enumerate(request.roles):
        rules = Rules(fixes.after(problem, request, role, left.nearest_fix))
        who = rules.volunteer_of[left.nearest_fix.volunteer_id or fixes.NEWCOMER]
        if alone.starts(rules, request, number, who):
            return True
    return False


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
