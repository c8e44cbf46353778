"""The best candidates of a crowd are those of the rules, written plainly and tried on everybody."""

import random
from collections import Counter
from dataclasses import replace
from typing import TypeVar

import pytest

import crowds
import matched
import rows
from make import NOW
from matcher.domain.access import Principal, Scope
from matcher.domain.geo import great_circle_m
from matcher.domain.plans import Problem
from matcher.domain.reasons import Reason
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from matcher.services import candidates, cells, search
from matcher.services.candidates import Found
from matcher.storage.database import Database
from oracles import alone, reasons
from oracles.rules import Rules

Placed = TypeVar("Placed", HelpRequest, Volunteer)

SEEDS = range(4)
PEOPLE = 200
SIDE_M = 5_000


@pytest.fixture(scope="module")
def bearer(database: Database) -> Principal:
    bearer = rows.bearer(database)
    with database.begin() as session:
        draw = random.Random(1)  # noqa: S311 - a crowd, not a secret
        people = crowds.add_people(session, bearer.client_no, draw, PEOPLE, side_m=SIDE_M)
        crowds.add_requests(session, bearer.client_no, draw, len(SEEDS), people, side_m=SIDE_M)
    return bearer


def look(database: Database, bearer: Principal, number: int, *, limit: int) -> Found:
    with database.begin(bearer) as session:
        return candidates.find(session, bearer, f"crowd-{number}", limit=limit, now=NOW)


def problem_of(database: Database, bearer: Principal, number: int) -> Problem:
    """Return the problem of one request and everybody, as a run would have it."""
    everybody = tuple(f"v{n}" for n in range(PEOPLE))
    scene = matched.scene(bearer, "31", requests=(f"crowd-{number}",), volunteers=everybody, horizon_start=NOW)
    return matched.make(database, scene, now=NOW).problem


def _in_cell(item: Placed) -> Placed:
    return item if item.point is None else replace(item, point=cells.blur(item.point).centre)


@pytest.mark.parametrize("number", SEEDS)
def test_all_candidates_are_those_of_the_rules(database: Database, bearer: Principal, number: int) -> None:
    rules = Rules(problem_of(database, bearer, number))
    expected = {
        (role, volunteer_id): figures for (_, role, volunteer_id), figures in alone.candidates(rules.problem).items()
    }
    found = look(database, bearer, number, limit=PEOPLE)
    told = {
        (item.role, item.volunteer_id): (item.start and rules.minute_down(item.start), item.cost, item.distance_m)
        for item in found.candidates
    }
    assert found.is_complete
    assert told == expected
    assert all(sum(item.cost_terms.values()) == item.cost for item in found.candidates)


@pytest.mark.parametrize(("limit", "first_look"), [(1, 1_000), (3, 16)])
@pytest.mark.parametrize("number", SEEDS)
def test_the_first_few_are_the_best_of_all(
    database: Database, bearer: Principal, monkeypatch: pytest.MonkeyPatch, number: int, limit: int, first_look: int
) -> None:
    monkeypatch.setattr(search, "FIRST_LOOK", first_look)
    everybody = look(database, bearer, number, limit=PEOPLE).candidates
    few = look(database, bearer, number, limit=limit)
    best = [item for role in (0, 1) for item in [item for item in everybody if item.role == role][:limit]]
    assert few.is_complete
    assert list(few.candidates) == best


@pytest.mark.parametrize("number", SEEDS)
def test_those_nearby_fail_at_the_first_constraint_of_the_rules(
    database: Database, bearer: Principal, number: int
) -> None:
    found = look(database, bearer, number, limit=1)
    rules = Rules(problem_of(database, bearer, number))
    (request,) = rules.problem.requests
    there = {pin.volunteer_id for pin in rules.problem.pinned}
    placed = [who for who in rules.problem.volunteers if who.point is not None]
    assert request.point is not None
    centre = request.point
    # The order of the grid is not that of the ground: whoever is nearby, it is these or nearly these.
    near = sorted(placed, key=lambda who: great_circle_m(who.point or centre, centre))
    sure = {who.id for who in near[: candidates.NEARBY // 2]} - there
    told = Counter({(role, count.code): count.volunteers for role, count in found.reasons})
    for role in {role for role, _ in found.reasons}:
        expected = Counter(
            reason for who in near if who.id in sure and (reason := reasons.refusal(rules, request, role, who))
        )
        assert all(told[role, code] >= count for code, count in expected.items())
    assert found.nearby <= candidates.NEARBY


@pytest.mark.parametrize("number", SEEDS)
def test_a_volunteer_who_is_asked_about_has_their_rank_or_their_reason(
    database: Database, bearer: Principal, number: int
) -> None:
    rules = Rules(problem_of(database, bearer, number))
    (request,) = rules.problem.requests
    everybody = look(database, bearer, number, limit=PEOPLE).candidates
    with database.begin(bearer) as session:
        for who in random.Random(number).sample(rules.problem.volunteers, 4):  # noqa: S311 - a sample
            found = candidates.find(session, bearer, request.id, limit=1, volunteer_id=who.id, now=NOW)
            for verdict in found.verdicts:
                of_role = [item.volunteer_id for item in everybody if item.role == verdict.role]
                expected = reasons.refusal(rules, request, verdict.role, who)
                assert (verdict.reason and verdict.reason.code) == expected
                assert verdict.rank == (of_role.index(who.id) + 1 if expected is None else None)


@pytest.mark.parametrize("number", SEEDS)
def test_a_key_that_may_see_no_places_hears_what_the_cells_would_say(
    database: Database, bearer: Principal, number: int
) -> None:
    exact = problem_of(database, bearer, number)
    blurred = replace(exact, requests=(_in_cell(exact.requests[0]),), volunteers=tuple(map(_in_cell, exact.volunteers)))
    stranger = replace(bearer, scopes=frozenset({Scope.CANDIDATES_READ}))
    found = look(database, stranger, number, limit=PEOPLE)
    told = {(item.role, item.volunteer_id): (item.cost, item.distance_m) for item in found.candidates}
    expected = {
        (role, volunteer_id): (cost, metres)
        for (_, role, volunteer_id), (_, cost, metres) in alone.candidates(blurred).items()
    }
    assert told == expected
    few = look(database, stranger, number, limit=2)
    best = [item for role in (0, 1) for item in [item for item in found.candidates if item.role == role][:2]]
    assert list(few.candidates) == best


def test_the_crowd_meets_most_constraints(database: Database, bearer: Principal) -> None:
    met = {count.code for number in SEEDS for _, count in look(database, bearer, number, limit=1).reasons}
    assert met >= {Reason.EXCLUDED, Reason.MINOR, Reason.SKILL_MISSING, Reason.TOO_FAR, Reason.NOT_AVAILABLE}
