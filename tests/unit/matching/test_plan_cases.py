"""Plans of a few people that a person can check, each for something that brute force once found."""

import make
from matcher.domain.plans import Pair, Plan, Problem
from matcher.domain.reasons import Fix, Reason
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
