"""What a volunteer could do is what the rules say, were every request in the middle of its cell."""

import random
from dataclasses import replace

import pytest

import crowds
import matched
import rows
from make import NOW
from matcher.domain.access import Principal
from matcher.domain.plans import Options, Problem, Weights
from matcher.services import cells, opportunities, search
from matcher.services.opportunities import Listing
from matcher.storage.database import Database
from oracles import alone

PEOPLE, REQUESTS = 64, 30
SIDE_M = 3_000
EVERYBODY = tuple(f"v{number}" for number in range(PEOPLE))


@pytest.fixture(scope="module")
def bearer(database: Database) -> Principal:
    bearer = rows.bearer(database)
    with database.begin() as session:
        draw = random.Random(2)  # noqa: S311 - a crowd, not a secret
        people = crowds.add_people(session, bearer.client_no, draw, PEOPLE, side_m=SIDE_M)
        crowds.add_requests(session, bearer.client_no, draw, REQUESTS, people, side_m=SIDE_M)
    return bearer


@pytest.fixture(scope="module")
def problems(database: Database, bearer: Principal) -> list[Problem]:
    """Return the problem of each request by itself, as a run would have it, in the middle of its cell."""
    found = []
    for number in range(REQUESTS):
        scene = matched.scene(bearer, "31", requests=(f"crowd-{number}",), volunteers=EVERYBODY, horizon_start=NOW)
        problem = matched.make(database, scene, now=NOW).problem
        blurred = tuple(replace(item, point=item.point and cells.blur(item.point).centre) for item in problem.requests)
        found.append(replace(problem, requests=blurred, options=Options(weights=Weights(overqualification=0))))
    return found


def expected_order(problems: list[Problem], volunteer_id: str) -> list[str]:
    options = []
    for problem in problems:
        if not problem.requests:
            continue
        (request,) = problem.requests
        mine = [figures for (_, _, who), figures in alone.candidates(problem).items() if who == volunteer_id]
        if mine:
            _, cost, metres = mine[0]
            options.append((-request.urgency, cost, -1 if metres is None else metres, request.id))
    return [option[-1] for option in sorted(options)]


def look(database: Database, bearer: Principal, volunteer_id: str, *, limit: int) -> Listing:
    with database.begin(bearer) as session:
        return opportunities.list_for(session, bearer, volunteer_id, limit=limit, now=NOW)


def test_they_come_by_urgency_and_then_by_cost(database: Database, bearer: Principal, problems: list[Problem]) -> None:
    expected = {volunteer_id: expected_order(problems, volunteer_id) for volunteer_id in EVERYBODY}
    listings = {volunteer_id: look(database, bearer, volunteer_id, limit=REQUESTS) for volunteer_id in EVERYBODY}
    assert all(listing.is_complete for listing in listings.values())
    told = {name: [item.facts.external_id for item in listing.opportunities] for name, listing in listings.items()}
    assert told == expected
    assert sum(map(len, expected.values())) > 40


@pytest.mark.parametrize("first_look", [1_000, 5])
def test_the_first_few_are_the_best_of_all(
    database: Database, bearer: Principal, monkeypatch: pytest.MonkeyPatch, first_look: int
) -> None:
    monkeypatch.setattr(search, "FIRST_LOOK", first_look)
    for volunteer_id in EVERYBODY[::4]:
        everything = look(database, bearer, volunteer_id, limit=REQUESTS).opportunities
        assert list(look(database, bearer, volunteer_id, limit=2).opportunities) == list(everything[:2])
