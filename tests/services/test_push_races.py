"""Pushes beside answers to offers: nobody waits in a circle, and what is promised is kept."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

import pushed
import rows
from databases import clone
from lives import Life, a_request, audit, live
from make import NOW, clock
from matcher.api import request_body
from matcher.api.request_body import RequestItem
from matcher.domain.access import Principal
from matcher.domain.errors import MatcherError
from matcher.domain.geo import Crs
from matcher.domain.offers import Action, OfferStatus
from matcher.domain.requests import CloseReason
from matcher.services import requests
from matcher.services.upserts import Effect, Result
from matcher.storage import database as databases_of_matcher
from matcher.storage import requests as stored
from matcher.storage.database import Database
from matcher.storage.embedded import EmbeddedPostgres
from matcher.storage.tables.people import RequestRow
from matcher.storage.upserts import Upsert

REQUESTS = 12
ROUNDS = 20
WINDOWS = (("09:00", "12:00"), ("10:00", "11:00"), ("14:00", "17:00"))
EXPECTED = {"places-taken", "time-promised", "request-closed", "illegal-transition", "filled", "start-differs"}


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same game each time


def push(database: Database, principal: Principal, names: list[str], choice: Random) -> list[Result]:
    """Push all requests anew, in any order, with other windows and places."""
    items = []
    for name in choice.sample(names, len(names)):
        start, end = choice.choice(WINDOWS)
        window = {"start": clock(start).isoformat(), "end": clock(end).isoformat()}
        body = pushed.request(external_id=name, windows=[window], headcount=choice.randint(1, 3))
        items.append(request_body.to_content(RequestItem.model_validate(body), Crs.GCJ02))
    with database.begin(principal) as session:
        return requests.upsert_many(session, principal, items, NOW)


def race(database: Database, principal: Principal, names: list[str]) -> set[str]:
    """Let pushes, answers and a cancellation meet, and return the codes of all refusals."""
    lives: list[Life] = []
    for name in names:
        row = a_request(database, principal, external_id=name, headcount=3)
        lives += [live(database, principal, request=row) for _ in range(3)]
    codes: set[str] = set()

    def attempt(act: Callable[[], object]) -> None:
        try:
            act()
        except MatcherError as error:
            codes.add(error.code)

    def push_often(seed: int) -> None:
        choice = dice(seed)
        for _ in range(ROUNDS):
            results = push(database, principal, names, choice)
            codes.update(result.error.code for result in results if result.error is not None)

    def answer(seed: int) -> None:
        choice = dice(seed)
        for each in choice.sample(lives, len(lives)):
            attempt(partial(each.take, choice.choice([Action.ACCEPT, Action.ACCEPT, Action.DECLINE])))

    def cancel() -> None:
        with database.begin(principal) as session:
            requests.cancel(session, principal, names[0], reason=CloseReason.DUPLICATE, now=NOW)

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(push_often, seed) for seed in range(3)]
        running += [pool.submit(answer, seed) for seed in range(2)]
        running.append(pool.submit(attempt, cancel))
    for each in running:
        each.result()
    return codes


def test_pushes_and_answers_end_in_a_state_that_may_be(database: Database, principal: Principal) -> None:
    codes = race(database, principal, [f"race-{number}" for number in range(REQUESTS)])
    assert codes <= EXPECTED
    with database.begin() as session:
        assert list(audit(session)) == []


def test_a_push_that_looks_at_nothing_is_noticed(
    postgres: EmbeddedPostgres, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = stored.RequestContent.__annotations__
    initial = {"taken": "array_fill(CAST(0 AS smallint), ARRAY[cardinality(item.places)])"}
    careless = Upsert(RequestRow.__table__, columns, apart=("verified",), initial=initial)  # type: ignore[arg-type]
    monkeypatch.setattr(stored, "UPSERT", careless)
    # In a database of its own, since what is left of it may not be.
    with clone(postgres, template) as url, databases_of_matcher.connect(url, Path("unused")) as database:
        race(database, rows.bearer(database), [f"careless-{number}" for number in range(REQUESTS)])
        with database.begin() as session:
            assert list(audit(session)) != []


def test_whatever_is_pushed_what_was_promised_lies_within_the_request(database: Database, principal: Principal) -> None:
    row = a_request(database, principal, external_id="kept", headcount=2)
    promised = live(database, principal, request=row).reach(OfferStatus.ACCEPTED)
    choice = dice(1)
    effects = [push(database, principal, ["kept"], choice)[0].effect for _ in range(60)]
    assert {Effect.UPDATED, Effect.REFUSED} <= set(effects)
    offer = promised.row
    assert offer.status == OfferStatus.ACCEPTED
    with database.begin() as session:
        kept = session.scalars(select(RequestRow).where(RequestRow.no == row.no)).one()
        assert kept.taken[0] == 1
        assert offer.starts_at is not None
        assert kept.opens_at is not None
        assert kept.opens_at <= offer.starts_at
