"""Plans of a few people that a person can check, each for something that brute force once found."""

from dataclasses import replace
from datetime import timedelta

import pytest

import make
from matcher.domain.errors import InvalidProblemError
from matcher.domain.plans import Pair, Pin, Plan, Problem
from matcher.domain.reasons import Fix, Reason
from matcher.domain.volunteers import Busy
from matcher.matching import pipeline
from matcher.matching.verify import violations


def solve(problem: Problem) -> Plan:
    """Solve with a clock that stands still; nothing but a valid plan passes."""
    plan = pipeline.solve(problem, clock=lambda: 0.0)
    assert violations(problem, plan) == []
    return plan


def test_two_windows_at_one_time_do_not_double_the_people() -> None:
    window = make.interval("09:00", "10:00")
    request = make.request(headcount=3, windows=(window, window))
    plan = solve(make.problem([request], [make.volunteer("v1"), make.volunteer("v2")]))
    assert [(reason.code, reason.volunteers) for reason in plan.unassigned[0].reasons] == [(Reason.TEAM_INCOMPLETE, 2)]


def test_the_role_that_a_pin_leaves_open_is_filled() -> None:
    request = make.request(roles=(make.role(), make.role()), by_role=True, min_headcount=2, windows=None)
    problem = make.problem([request], [make.volunteer("v1"), make.volunteer("v2")], pinned=(make.pin(start=None),))
    plan = solve(problem)
    assert [(item.volunteer_id, item.role) for item in plan.assignments] == [("v1", 0), ("v2", 1)]


def test_a_role_beyond_the_least_is_filled_by_whoever_is_free() -> None:
    request = make.request(roles=(make.role(), make.role()), by_role=True, min_headcount=1, windows=None)
    problem = make.problem([request], [make.volunteer("v1"), make.volunteer("v2")], pinned=(make.pin(start=None),))
    assert solve(problem).unassigned == ()


def test_the_hour_that_would_help_is_as_long_as_the_volunteer_takes() -> None:
    pair = Pair("r1", "v1", duration_min=90)
    problem = make.problem([make.request()], [make.volunteer(availability=make.free())], pairs=(pair,))
    fix = solve(problem).unassigned[0].nearest_fix
    assert fix is not None
    assert (fix.code, fix.volunteer_id) == (Fix.ADD_AVAILABILITY, "v1")
    assert (fix.start, fix.end) == (make.clock("09:00"), make.clock("10:30"))


def test_a_team_starts_as_soon_as_its_busiest_member_can() -> None:
    short = make.interval("08:00", "08:30")
    team = make.request("r1", headcount=2, windows=(make.interval("08:00", "09:00"),), duration_min=15)
    alone = make.request("r2", windows=(short,), duration_min=30)
    plan = solve(make.problem([team, alone], [make.volunteer("v1"), make.volunteer("v2")]))
    assert plan.summary.total_cost == 2 * (2500 * 30 // 1440)


def test_a_pin_that_does_not_start_on_a_whole_minute_is_refused() -> None:
    pin = replace(make.pin(), start=make.clock("09:00") + timedelta(seconds=30))
    with pytest.raises(InvalidProblemError) as refused:
        solve(make.problem([make.request()], [make.volunteer()], pinned=(pin,)))
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/pinned/0/start", "not-whole")]


def test_a_pin_without_a_role_takes_the_one_that_fewest_can_fill() -> None:
    roles = (make.role("lift"), make.role("nurse"))
    request = make.request(roles=roles, by_role=True, min_headcount=2, windows=None)
    people = [make.volunteer("a", skills=("lift", "nurse")), make.volunteer("b", skills=("lift",))]
    plan = solve(make.problem([request], people, pinned=(Pin("r1", "a"),)))
    assert [(item.volunteer_id, item.role) for item in plan.assignments] == [("b", 0), ("a", 1)]


def test_a_plan_handed_back_as_pins_is_the_same_plan() -> None:
    request = make.request(roles=(make.role(count=2), make.role()), by_role=True, min_headcount=2, windows=None)
    problem = make.problem([request], [make.volunteer("a"), make.volunteer("b"), make.volunteer("c")])
    plan = solve(problem)
    pins = tuple(Pin(item.request_id, item.volunteer_id, item.start, item.role) for item in plan.assignments)
    again = solve(replace(problem, pinned=pins))
    assert [(item.volunteer_id, item.role) for item in again.assignments] == [
        (item.volunteer_id, item.role) for item in plan.assignments
    ]


@pytest.mark.parametrize(("role", "code"), [(0, "too-many"), (7, "unknown-role")])
def test_a_pin_to_a_role_that_is_full_or_missing_is_refused(role: int, code: str) -> None:
    request = make.request(roles=(make.role(), make.role()), by_role=True, min_headcount=2, windows=None)
    pins = (Pin("r1", "v1", None, 0), Pin("r1", "v2", None, role))
    with pytest.raises(InvalidProblemError) as refused:
        solve(make.problem([request], [make.volunteer("v1"), make.volunteer("v2")], pinned=pins))
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/pinned/1/role", code)]


def test_a_limit_of_travel_time_is_widened_in_minutes() -> None:
    far = make.volunteer(point=make.at_m(5_000), max_distance_m=None, max_travel_min=10)
    fix = solve(make.problem([make.request()], [far])).unassigned[0].nearest_fix
    assert fix is not None
    assert (fix.code, fix.from_km, fix.to_km, fix.from_min) == (Fix.WIDEN_DISTANCE, None, None, 10)
    assert fix.to_min is not None
    helped = replace(far, max_travel_min=fix.to_min)
    assert solve(make.problem([make.request()], [helped])).unassigned == ()


def test_a_busy_time_on_another_day_does_not_hide_the_hour_that_would_help() -> None:
    later = make.clock("09:00", days=1)
    busy = Busy(later, later + timedelta(hours=1))
    fix = solve(make.problem([make.request()], [make.volunteer(availability=make.free(), busy=(busy,))]))
    assert fix.unassigned[0].nearest_fix is not None
    assert fix.unassigned[0].nearest_fix.code is Fix.ADD_AVAILABILITY


def test_an_integer_programme_that_runs_out_of_time_still_bounds_the_plan() -> None:
    jobs = [make.request(f"j{number}", windows=None, duration_min=17 + 5 * number % 31) for number in range(40)]
    agents = [make.volunteer(f"a{number}", max_minutes=160) for number in range(9)]
    pairs = tuple(
        Pair(job.id, agent.id, cost=1 + (7 * i * i + 13 * i * j + 29 * j) % 97)
        for i, job in enumerate(jobs)
        for j, agent in enumerate(agents)
    )
    ticks = iter(range(10_000))
    problem = make.problem(jobs, agents, pairs=pairs)
    hurried = replace(problem, options=replace(problem.options, time_limit_s=3.0, iterations=50))
    plan = pipeline.solve(hurried, clock=lambda: float(next(ticks)))
    assert violations(hurried, plan) == []
    best = solve(problem).summary
    assert best.proof == "optimal"
    assert plan.summary.cost_bound is not None
    assert plan.summary.cost_bound <= best.total_cost <= plan.summary.total_cost
