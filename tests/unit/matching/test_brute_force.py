"""The oracle of the properties is right where a person can see it, and its plans keep every rule."""

from hypothesis import given, settings

import make
import strategies
from matcher.domain.plans import Pair, Problem
from matcher.matching.verify import violations
from oracles import brute_force
from oracles.brute_force import Value


@settings(max_examples=400, deadline=None)
@given(strategies.problems())
def test_a_best_plan_keeps_every_rule(problem: Problem) -> None:
    assert violations(problem, make.plan(problem, *brute_force.solve(problem).assignments)) == []


def test_one_volunteer_serves_the_more_urgent_of_two() -> None:
    problem = make.problem([make.request("r1"), make.request("r2", urgency=3)], [make.volunteer(max_assignments=1)])
    assert brute_force.solve(problem).value == Value(3, 0, 0)


def test_two_services_fit_one_after_the_other() -> None:
    window = make.interval("09:00", "11:00")
    requests = [make.request("r1", windows=(window,)), make.request("r2", windows=(window,))]
    assert brute_force.solve(make.problem(requests, [make.volunteer()])).value == Value(2, 0, -(2500 * 60 // 1440))


def test_two_services_do_not_fit_where_the_way_between_them_takes_too_long() -> None:
    window = make.interval("09:00", "11:00")
    requests = [make.request("r1", windows=(window,)), make.request("r2", windows=(window,), point=make.at_m(200))]
    assert brute_force.solve(make.problem(requests, [make.volunteer()])).value == Value(1, 0, 0)


def test_urgency_comes_before_places_and_places_before_cost() -> None:
    pairs = [Pair("r1", "v1", cost=0), Pair("r1", "v2", cost=9000), Pair("r2", "v2", cost=9999)]
    plain = make.request("r1", headcount=2, min_headcount=1, urgency=5)
    people = [make.volunteer("v1", max_assignments=1), make.volunteer("v2", max_assignments=1)]
    alone = make.problem([plain], people, pairs=tuple(pairs))
    beside = make.problem([plain, make.request("r2")], people, pairs=tuple(pairs))
    assert brute_force.solve(alone).value == Value(5, 5, -9000)
    assert brute_force.solve(beside).value == Value(6, 0, -9999)


def test_a_limit_of_the_day_moves_a_service_to_the_next_day() -> None:
    windows = make.interval("20:00", "22:00"), make.interval("20:00", "22:00", days=1)
    requests = [make.request("r1", windows=windows), make.request("r2", windows=windows)]
    problem = make.problem(requests, [make.volunteer(max_assignments_per_day=1)])
    assert brute_force.solve(problem).value == Value(2, 0, -2500)


def test_a_team_waits_for_its_last_member() -> None:
    late = make.volunteer("v2", availability=make.free(make.interval("10:30", "12:00")))
    problem = make.problem([make.request(headcount=2)], [make.volunteer("v1"), late])
    assert brute_force.solve(problem).value == Value(1, 0, -2 * (2500 * 90 // 1440))


def test_one_whole_role_is_enough_where_one_is_asked_for() -> None:
    request = make.request(roles=(make.role("lift", count=2), make.role("nurse")), by_role=True, min_headcount=1)
    people = [make.volunteer(f"v{i}", skills=["lift"]) for i in range(2)]
    assert brute_force.solve(make.problem([request], people)).value == Value(1, 0, 0)
    assert brute_force.solve(make.problem([request], people[:1])).value == Value(0, 0, 0)
