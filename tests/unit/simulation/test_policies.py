"""Matching by hand: the nearest who can, in the order of the calls, no rule broken."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

import make
import strategies
from matcher.domain.plans import Assignment, Pair, Problem
from matcher.matching.verify import Defect, violations
from matcher.simulation import policies
from matcher.simulation.policies import Choice

MINUTE = timedelta(minutes=1)


def test_the_nearest_volunteer_goes() -> None:
    near, far = make.volunteer("near", point=make.at_m(200)), make.volunteer("far", point=make.at_m(900))
    assert _sent(make.problem([make.request()], [far, near])) == {"r1": ["near"]}


def test_calls_are_served_in_the_order_in_which_they_came() -> None:
    early = make.request("early", requested_at=make.clock("07:00"), urgency=1)
    late = make.request("late", requested_at=make.clock("07:30"), urgency=9)
    undated = make.request("undated", urgency=9)
    only = make.volunteer(max_assignments=1)
    assert _sent(make.problem([undated, late, early], [only])) == {"early": ["v1"]}


def test_a_team_comes_at_one_time_or_not_at_all() -> None:
    morning = make.volunteer("morning", availability=make.free(make.interval("09:00", "10:00")))
    noon = make.volunteer("noon", availability=make.free(make.interval("11:00", "12:00")))
    assert _sent(make.problem([make.request(headcount=2)], [morning, noon])) == {}
    assert _sent(make.problem([make.request(headcount=2, min_headcount=1)], [morning, noon])) == {"r1": ["morning"]}


def test_the_second_service_waits_until_the_volunteer_has_come_over() -> None:
    one, two = make.request("r1"), make.request("r2", point=make.at_m(1_000))
    choices = policies.nearest_first(make.problem([one, two], [make.volunteer()]))
    # 1,000 m at 15 km/h is 4 minutes after the first hour from 9 to 10.
    assert [choice.start_min for choice in choices] == [60, 124]


def test_each_role_gets_its_own_people() -> None:
    request = make.request(roles=(make.role("boat", count=2), make.role("nurse")), by_role=True, min_headcount=2)
    people = [make.volunteer("a", skills=["boat", "nurse"]), *(make.volunteer(name, skills=["boat"]) for name in "bc")]
    assert _sent(make.problem([request], people)) == {}
    assert _sent(make.problem([request], [*people, make.volunteer("d", skills=["nurse"])])) == {"r1": ["a", "b", "d"]}


def test_a_request_without_time_needs_only_somebody_with_room() -> None:
    requests = [make.request(name, windows=None) for name in ("r1", "r2", "r3")]
    choices = policies.nearest_first(make.problem(requests, [make.volunteer(max_minutes=120)]))
    assert [(choice.request, choice.start_min) for choice in choices] == [(0, -1), (1, -1)]


def test_nobody_is_sent_when_nobody_is_there() -> None:
    assert policies.nearest_first(make.problem()) == []
    assert policies.nearest_first(make.problem([make.request()], [])) == []


@given(strategies.problems())
def test_matching_by_hand_breaks_no_rule(problem: Problem) -> None:
    problem = replace(problem, pinned=())
    plan = make.plan(problem, *(_assignment(problem, choice) for choice in policies.nearest_first(problem)))
    uncounted = {Defect.WRONG_COST, Defect.WRONG_TRAVEL, Defect.WRONG_SUMMARY, Defect.FALSE_PROOF}
    assert [found for found in violations(problem, plan) if found.code not in uncounted] == []


def _sent(problem: Problem) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for choice in policies.nearest_first(problem):
        names = sent.setdefault(problem.requests[choice.request].id, [])
        names.append(problem.volunteers[choice.volunteer].id)
    return sent


def _assignment(problem: Problem, choice: Choice) -> Assignment:
    request, volunteer = problem.requests[choice.request], problem.volunteers[choice.volunteer]
    pair = next(
        (p for p in problem.pairs or () if (p.request_id, p.volunteer_id) == (request.id, volunteer.id)),
        Pair(request.id, volunteer.id),
    )
    start = end = None
    if choice.start_min >= 0:
        whole = problem.now.replace(second=0, microsecond=0)
        start = whole + MINUTE * (choice.start_min + (whole < problem.now))
        end = start + MINUTE * (pair.duration_min or request.duration_min)
    return Assignment(request.id, volunteer.id, start, end, None, None, 0, {}, role=choice.role)
