"""An explanation of a pair agrees with matching: the same reason, start and cost as the rules give."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings

import make
from matcher.api.explanation import ExplanationBody, explain_pair
from matcher.domain.errors import NotFoundError
from matcher.domain.plans import Plan, Problem
from matcher.matching import pipeline
from matcher.services import plan_body, problem_text
from matcher.services.solver_messages import Backend, Job
from oracles import alone, reasons
from oracles.rules import Rules
from strategies import problems

JOB = Job(Backend.SCIPY, report=lambda *_: None, allow=lambda _: None, should_finish=lambda: False)


def explain(problem: Problem, plan: Plan, request_id: str, volunteer_id: str) -> ExplanationBody:
    text = gzip.compress(b"".join(problem_text.write(problem)))
    body = gzip.compress(plan_body.from_plan(plan, time_zone=problem.time_zone).to_json())
    return ExplanationBody.model_validate_json(explain_pair(JOB, text, body, request_id, volunteer_id))


def solve(problem: Problem) -> Plan:
    return pipeline.solve(problem, clock=lambda: 0.0, backend="scipy")


@given(problem=problems().filter(lambda problem: problem.pairs is None))
@settings(max_examples=30)
def test_every_pair_of_a_small_city_is_explained_as_the_rules_have_it(problem: Problem) -> None:
    plan, rules = solve(problem), Rules(problem)
    assigned = {(item.request_id, item.volunteer_id) for item in plan.assignments}
    pinned = {(pin.request_id, pin.volunteer_id) for pin in problem.pinned}
    for request in problem.requests:
        for who in problem.volunteers:
            found = explain(problem, plan, request.id, who.id)
            refusals = [reasons.refusal(rules, request, number, who) for number in range(len(request.roles))]
            is_able = None in refusals
            if (request.id, who.id) in assigned:
                assert found.status == "assigned"
            else:
                assert found.status == ("eligible" if is_able else "refused")
            if (request.id, who.id) not in pinned:
                assert [role.reason and role.reason.code for role in found.roles] == refusals
                _check_costs(rules, found, request.id, who.id)


def _check_costs(rules: Rules, found: ExplanationBody, request_id: str, volunteer_id: str) -> None:
    request, who = rules.request_of[request_id], rules.volunteer_of[volunteer_id]
    for role in found.roles:
        if role.reason is not None:
            continue
        start = None if request.windows is None else alone.starts(rules, request, role.role, who)[0][0]
        terms = rules.cost_terms(request, request.roles[role.role], who, start)
        assert (role.cost_terms, role.cost) == (terms, sum(terms.values()))
        assert (None if role.start is None else rules.minute_up(role.start)) == start


def test_who_has_the_place_is_told_with_the_difference() -> None:
    problem = make.problem([make.request()], [make.volunteer("near"), make.volunteer("far", point=make.at_m(1000))])
    found = explain(problem, solve(problem), "r1", "far")
    assert [(chosen.volunteer_id, chosen.difference) for chosen in found.chosen] == [("near", 800)]


def test_what_a_volunteer_does_instead_is_told() -> None:
    urgent = make.request("urgent", urgency=9)
    problem = make.problem([urgent, make.request("later")], [make.volunteer(max_assignments=1)])
    found = explain(problem, solve(problem), "later", "v1")
    assert (found.status, [service.request_id for service in found.serves]) == ("eligible", ["urgent"])


def test_a_missing_skill_is_named() -> None:
    problem = make.problem([make.request(skills=["nursing:2"])], [make.volunteer()])
    reason = explain(problem, solve(problem), "r1", "v1").roles[0].reason
    assert reason is not None
    assert (reason.code, reason.skill, reason.level) == ("skill-missing", "nursing", 2)


@pytest.mark.parametrize("pair", [("r1", "nobody"), ("nothing", "v1")])
def test_what_is_not_in_the_problem_is_not_found(pair: tuple[str, str]) -> None:
    problem = make.problem([make.request()], [make.volunteer()])
    with pytest.raises(NotFoundError):
        explain(problem, solve(problem), *pair)


def test_an_explanation_names_no_place() -> None:
    problem = make.problem([make.request()], [make.volunteer()])
    names: list[str] = []

    def gather(value: Any) -> None:
        if isinstance(value, dict):
            names.extend(value)
            for item in value.values():
                gather(item)
        elif isinstance(value, list):
            for item in value:
                gather(item)

    gather(json.loads(explain(problem, solve(problem), "r1", "v1").model_dump_json()))
    assert {"latitude", "longitude", "location"} & set(names) == set()
