"""An exact place is shown while the service lasts, written down each time, and not without end."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

import rows
from make import at_m
from matcher.domain.access import Principal
from matcher.domain.errors import TooManyRequestsError
from matcher.domain.geo import Point
from matcher.services import reveals
from matcher.services.reveals import Reveal
from matcher.storage.database import Database
from matcher.storage.tables.access import AuditRow
from matcher.storage.tables.delivery import EventRow
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def _offer(database: Database, principal: Principal, status: str = "accepted", **parts: Any) -> int:
    with database.begin() as session:
        request = rows.request(session, principal.client_no, **parts)
        volunteer = rows.volunteer(session, principal.client_no)
        return rows.offer(session, request, volunteer, status=status).no


def _reveal(database: Database, principal: Principal, offer_no: int, *, budget: int = 0) -> Reveal:
    with database.begin(principal) as session:
        offer = session.scalars(select(OfferRow).where(OfferRow.no == offer_no)).one()
        request = session.scalars(select(RequestRow).where(RequestRow.no == offer.request_no)).one()
        return reveals.reveal(session, principal, offer, request, budget=budget)


def _lines(database: Database, principal: Principal) -> Sequence[AuditRow]:
    with database.begin() as session:
        of_key = select(AuditRow).where(AuditRow.key_no == principal.key_no).order_by(AuditRow.no)
        return session.scalars(of_key).all()


def test_a_reveal_is_written_down_with_key_request_and_offer(database: Database, principal: Principal) -> None:
    offer_no = _offer(database, principal)
    assert _reveal(database, principal, offer_no).point == at_m(0)
    assert _reveal(database, principal, offer_no).point == at_m(0)
    lines = _lines(database, principal)
    assert [line.action for line in lines] == ["place.revealed", "place.revealed"]
    with database.begin() as session:
        offer = session.scalars(select(OfferRow).where(OfferRow.no == offer_no)).one()
        request = session.scalars(select(RequestRow).where(RequestRow.no == offer.request_no)).one()
    assert (lines[0].subject_id, lines[0].data) == (
        request.external_id,
        {"offer": str(offer.id), "status": "accepted"},
    )


@pytest.mark.parametrize("status", ["offered", "declined", "completed", "released", "withdrawn"])
def test_nothing_is_revealed_before_or_after_the_service(database: Database, principal: Principal, status: str) -> None:
    offer_no = _offer(database, principal, status)
    assert _reveal(database, principal, offer_no) == Reveal(None)
    assert _lines(database, principal) == []


def test_a_key_that_has_seen_too_many_places_is_refused_and_reported_once(
    database: Database, principal: Principal
) -> None:
    offers = [_offer(database, principal) for _ in range(4)]
    shown = [_reveal(database, principal, offer, budget=2) for offer in offers]
    assert [reveal.is_refused for reveal in shown] == [False, False, True, True]
    with pytest.raises(TooManyRequestsError):
        shown[2].check()
    actions = [line.action for line in _lines(database, principal)]
    assert actions == ["place.revealed", "place.revealed", "place.reveal-refused", "place.reveal-refused"]
    with database.begin() as session:
        told = session.scalars(select(EventRow).where(EventRow.client_no == principal.client_no)).all()
    assert [(event.type, event.data) for event in told] == [("key.reveal-budget-exceeded", {"budget": 2})]


def test_a_place_that_was_seen_today_costs_nothing_more(database: Database, principal: Principal) -> None:
    first, second = _offer(database, principal), _offer(database, principal)
    shown = [_reveal(database, principal, offer, budget=1).is_refused for offer in (first, first, second, first)]
    assert shown == [False, False, True, False]


def test_places_seen_the_day_before_are_not_counted(database: Database, principal: Principal) -> None:
    _reveal(database, principal, _offer(database, principal), budget=1)
    with database.begin() as session:
        session.execute(text("UPDATE audit SET at = at - interval '25 hours'"))
    assert not _reveal(database, principal, _offer(database, principal), budget=1).is_refused


def test_many_at_once_see_no_more_than_the_budget(database: Database, principal: Principal) -> None:
    offers = [_offer(database, principal) for _ in range(8)]
    shown: list[Point | None] = []
    barrier = threading.Barrier(len(offers))

    def look(offer: int) -> None:
        barrier.wait()
        shown.append(_reveal(database, principal, offer, budget=3).point)

    threads = [threading.Thread(target=look, args=(offer,)) for offer in offers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(point is not None for point in shown) == 3


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit"])
def test_no_key_can_change_the_audit_trail(database: Database, principal: Principal, statement: str) -> None:
    _reveal(database, principal, _offer(database, principal))
    with pytest.raises(ProgrammingError, match="permission denied"), database.begin(principal) as session:
        session.execute(text(statement))
