"""Many want the same places at the same moment, while others take them away: nothing is ever booked twice.

``SOAK`` multiplies the rounds.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import delete, select

import rows
from lives import START, audit, clear, run_out
from make import NOW
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError
from matcher.domain.offers import (
    Action,
    NobodyEligibleError,
    OfferStatus,
    RefusedStepError,
    TransitionError,
    WithdrawReason,
)
from matcher.domain.requests import CloseReason
from matcher.services import asking, blocks, offers, requests, standings
from matcher.services.asking import Question
from matcher.services.steps import Actor
from matcher.storage import offers as stored
from matcher.storage import places
from matcher.storage.database import Database, Session
from matcher.storage.tables.outcomes import OfferRow, StepRow
from matcher.storage.tables.people import RequestRow, VolunteerRow

ROUNDS: Final = 32 * int(os.environ.get("SOAK", "1"))
CONTENDERS: Final = 16

# Whoever comes too late is told so; a deadlock or a broken constraint would be another error.
LOST = (TransitionError, RefusedStepError, NobodyEligibleError, NotFoundError)


@dataclass(frozen=True)
class Round:
    """Two requests at overlapping times, and volunteers of whom most are asked for both."""

    requests: Sequence[RequestRow]
    volunteers: Sequence[VolunteerRow]
    offers: Sequence[OfferRow]


@pytest.fixture
def principal(database: Database) -> Principal:
    with database.begin() as session:
        clear(session)
    return rows.bearer(database)


def a_round(random: Random, client_no: int, name: str) -> tuple[list[RequestRow], list[VolunteerRow]]:
    places = [random.randint(1, 3), 1]
    requests = [
        RequestRow(
            client_no=client_no,
            external_id=f"r{name}-{number}",
            region=rows.REGION,
            requester=f"somebody-{name}",
            windows=[{"start": "2026-11-24T00:00:00Z", "end": "2026-11-26T00:00:00Z"}],
            duration_min=60,
            roles=[{"skills": [], "count": count, "gender": None}],
            places=[count],
            taken=[0],
            min_headcount=1,
            urgency=1,
            status="planned",
        )
        for number, count in enumerate(places)
    ]
    volunteers = [
        VolunteerRow(client_no=client_no, external_id=f"v{name}-{number}", region=rows.REGION)
        for number in range(CONTENDERS)
    ]
    return requests, volunteers


def build(database: Database, principal: Principal, random: Random, count: int) -> list[Round]:
    """Make rounds, all in a few statements."""
    drafts = [a_round(random, principal.client_no, str(number)) for number in range(count)]
    built = []
    with database.begin() as session:
        session.add_all([row for requests, volunteers in drafts for row in (*requests, *volunteers)])
        session.flush()
        for requests, volunteers in drafts:
            pairs = [(requests[0], volunteer, 0) for volunteer in volunteers]
            pairs += [(requests[1], volunteer, 30) for volunteer in volunteers[: CONTENDERS // 2]]
            built.append(Round(requests, volunteers, [an_offer(*pair) for pair in pairs]))
        session.add_all([offer for each in built for offer in each.offers])
    return built


def an_offer(request: RequestRow, volunteer: VolunteerRow, minutes: int) -> OfferRow:
    start = START + timedelta(minutes=minutes)
    return OfferRow(
        client_no=request.client_no,
        region=request.region,
        request_no=request.no,
        volunteer_no=volunteer.no,
        status="offered",
        starts_at=start,
        ends_at=start + timedelta(minutes=60),
        expires_at=START + timedelta(days=365),
        cost_terms={},
    )


def take(database: Database, principal: Principal, offer_id: UUID, action: Action) -> None:
    with database.begin(principal) as session:
        offers.take(session, Actor(principal), offer_id, action, now=NOW)


def expire(database: Database) -> None:
    with database.begin() as session:
        offers.expire(session, limit=100, now=NOW)


def cancel(database: Database, principal: Principal, request_id: str) -> None:
    with database.begin(principal) as session:
        requests.cancel(session, principal, request_id, reason=CloseReason.IRRELEVANT, now=NOW)


def leave(database: Database, principal: Principal, volunteer: VolunteerRow) -> None:
    with database.begin(principal) as session:
        offers.withdraw_of_volunteer(session, volunteer, reason=WithdrawReason.ERASED, now=NOW, principal=principal)


def block(database: Database, principal: Principal, volunteer: VolunteerRow, requester: str) -> None:
    with database.begin(principal) as session:
        blocks.add(session, principal, volunteer.external_id, requester, now=NOW)


def moves(database: Database, principal: Principal, given: Round, random: Random) -> list[Callable[[], None]]:
    """Return what happens at once in a round: many accept, some interfere."""
    acceptors = random.sample(given.offers, random.randint(8, CONTENDERS))
    accepting = [partial(take, database, principal, offer.id, Action.ACCEPT) for offer in acceptors]
    interferers: list[Callable[[], None]] = [
        partial(cancel, database, principal, given.requests[0].external_id),
        partial(expire, database),
        partial(take, database, principal, acceptors[0].id, Action.WITHDRAW),
        partial(take, database, principal, acceptors[1].id, Action.DECLINE),
        partial(take, database, principal, acceptors[2].id, Action.RELEASE),
        partial(leave, database, principal, given.volunteers[0]),
        partial(block, database, principal, given.volunteers[1], str(given.requests[0].requester)),
    ]
    chosen = accepting + random.sample(interferers, random.randint(1, 3))
    random.shuffle(chosen)
    return chosen


def run(database: Database, principal: Principal, rounds: int, *, seed: int) -> Counter[str]:
    """Run rounds, and return how often each thing came of an attempt."""
    random = Random(seed)  # noqa: S311 - played again, not kept secret
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(CONTENDERS + 3) as pool:
        for given in build(database, principal, random, rounds):
            late = random.sample(given.offers, 4)
            run_out(database, *(offer.id for offer in late))
            chosen = moves(database, principal, given, random)
            barrier = threading.Barrier(len(chosen))
            outcomes.update(pool.map(partial(attempt, barrier), chosen))
    return outcomes


def attempt(barrier: threading.Barrier, move: Callable[[], None]) -> str:
    barrier.wait()
    try:
        move()
    except LOST as error:
        return error.code
    except Exception as error:  # noqa: BLE001 - a deadlock, a broken constraint: whatever it is, it is told
        return f"unexpected {type(error).__name__}"
    return "done"


def faults(database: Database) -> list[str]:
    with database.begin() as session:
        return list(audit(session))


def test_no_place_and_no_volunteer_is_booked_twice(database: Database, principal: Principal) -> None:
    outcomes = run(database, principal, ROUNDS, seed=1)
    assert [outcome for outcome in outcomes if outcome.startswith("unexpected")] == []
    assert faults(database) == []
    # They did meet: some got a place, others were told that it is gone, or that they are elsewhere.
    assert outcomes["done"] >= ROUNDS
    assert outcomes["illegal-transition"] + outcomes["filled"] >= ROUNDS
    assert outcomes["volunteer-busy"] > 0
    with database.begin() as session:
        accepted = session.scalars(select(StepRow).where(StepRow.to_status == OfferStatus.ACCEPTED)).all()
    assert len(accepted) >= ROUNDS


def ask(database: Database, principal: Principal, request: RequestRow, volunteer: VolunteerRow) -> None:
    question = Question(request.external_id, [volunteer.external_id], start=START)
    with database.begin(principal) as session:
        asking.ask(session, principal, question, now=NOW)


def erase(database: Database, principal: Principal, volunteer: VolunteerRow) -> None:
    with database.begin(principal) as session:
        offers.withdraw_of_volunteer(session, volunteer, reason=WithdrawReason.ERASED, now=NOW, principal=principal)
        session.execute(delete(VolunteerRow).where(VolunteerRow.no == volunteer.no))


def test_nobody_is_asked_who_is_being_erased(database: Database, principal: Principal) -> None:
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(4) as pool:
        for number in range(ROUNDS // 4):
            with database.begin() as session:
                volunteer = rows.volunteer(session, principal.client_no)
                request, other = (rows.request(session, principal.client_no) for _ in range(2))
            asks = [partial(ask, database, principal, each, volunteer) for each in (request, other)]
            chosen = [*asks, partial(erase, database, principal, volunteer)]
            barrier = threading.Barrier(len(chosen))
            outcomes.update(pool.map(partial(attempt, barrier), chosen[number % 3 :] + chosen[: number % 3]))
    assert set(outcomes) <= {"done", "nobody-eligible"}
    # Each was erased, and some had been asked before.
    assert outcomes["done"] > ROUNDS // 4
    assert faults(database) == []


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the locks away, and let a place be looked at first and taken then."""

    def look_at_requests(session: Session, nos: Any, *, skip_locked: bool = False) -> Any:  # noqa: ARG001
        return session.scalars(select(RequestRow).where(RequestRow.no.in_(list(nos)))).all()

    def look_at_offers(session: Session, request_nos: Any) -> Any:
        found: dict[int, list[tuple[OfferRow, bool]]] = {}
        for row in session.scalars(select(OfferRow).where(OfferRow.request_no.in_(list(request_nos)))):
            found.setdefault(row.request_no, []).append((row, False))
        return found

    def look_then_take(session: Session, request: RequestRow, role: int) -> bool:
        taken = session.execute(select(RequestRow.taken).where(RequestRow.no == request.no)).scalar_one()
        if taken[role] >= request.places[role]:
            return False
        request.taken = [count + (place == role) for place, count in enumerate(taken)]
        session.flush()
        return True

    monkeypatch.setattr(stored, "lock_requests", look_at_requests)
    monkeypatch.setattr(stored, "lock_of_requests", look_at_offers)
    monkeypatch.setattr(places, "take", look_then_take)
    # Withdrawing the others would stumble over what they have become meanwhile.
    monkeypatch.setattr(standings, "settle", lambda *_, **__: None)


@pytest.mark.usefixtures("without_locks")
def test_the_race_catches_a_place_that_is_looked_at_before_it_is_taken(
    database: Database, principal: Principal
) -> None:
    run(database, principal, 5, seed=2)
    assert any(fault.startswith("more places taken") for fault in faults(database))
