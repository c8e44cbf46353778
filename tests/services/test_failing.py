"""Requests that nobody came to: closed when their last window is over, and told with reasons."""

import gzip
from datetime import timedelta

import pytest
from sqlalchemy import select, text

import rows
from lives import a_request, live
from make import NOW, problem, request, volunteer
from matcher.domain.access import Principal
from matcher.domain.geo import Point
from matcher.domain.offers import OfferStatus
from matcher.matching import pipeline
from matcher.services import failing
from matcher.services.plan_body import from_plan
from matcher.storage.database import Database
from matcher.storage.tables.outcomes import RunRow
from matcher.storage.tables.people import RequestRow

LATER = NOW + timedelta(days=3, minutes=1)
ODD = 'r"1\\{"request_id":"r2"}'


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def fail(database: Database, *, limit: int = 100) -> int:
    with database.begin() as session:
        return failing.fail_overdue(session, limit=limit, now=LATER)


def status(database: Database, row: RequestRow) -> tuple[str, str | None]:
    with database.begin() as session:
        found = session.scalars(select(RequestRow).where(RequestRow.no == row.no)).one()
        return found.status, found.closed_reason


def events(database: Database, principal: Principal) -> list[tuple[str, list[str]]]:
    with database.begin() as session:
        found = session.execute(
            text(
                "SELECT subject_id, data -> 'reasons' FROM events"
                " WHERE client_no = :client_no AND type = 'request.failed' ORDER BY no"
            ),
            {"client_no": principal.client_no},
        )
        return [(row[0], row[1]) for row in found]


def a_plan() -> bytes:
    """Return a plan in which the odd one fails at a skill, r2 at the distance, and r3 is served."""
    requests = [
        request(ODD, skills=["nursing"]),
        request("r2", point=Point(32.0, 121.0)),
        request("r3"),
    ]
    plan = pipeline.solve(problem(requests, [volunteer(max_distance_m=3000)]), clock=lambda: 0.0)
    return from_plan(plan, time_zone=NOW.tzinfo).to_json()  # type: ignore[arg-type]


def test_a_request_whose_last_window_is_over_has_failed(database: Database, principal: Principal) -> None:
    row = a_request(database, principal, status="open")
    assert fail(database) == 1
    assert status(database, row) == ("failed", "failed")
    assert fail(database) == 0


def test_a_request_with_time_left_goes_on(database: Database, principal: Principal) -> None:
    windowless = a_request(database, principal, status="open", windows=None, opens_at=None, closes_at=None)
    later = a_request(database, principal, status="open", closes_at=LATER + timedelta(minutes=1))
    assert fail(database) == 0
    assert status(database, windowless)[0] == status(database, later)[0] == "open"


def test_what_was_not_answered_is_withdrawn(database: Database, principal: Principal) -> None:
    offer = live(database, principal)
    assert fail(database) == 1
    assert offer.status == OfferStatus.WITHDRAWN


@pytest.mark.parametrize("reached", [OfferStatus.ACCEPTED, OfferStatus.IN_PROGRESS, OfferStatus.COMPLETED])
def test_a_request_that_somebody_comes_to_has_not_failed(
    database: Database, principal: Principal, reached: OfferStatus
) -> None:
    row = a_request(database, principal, headcount=2, status="planned", min_headcount=1)
    live(database, principal, request=row).reach(reached)
    assert fail(database) == 0


def test_some_are_closed_at_a_time(database: Database, principal: Principal) -> None:
    for _ in range(3):
        a_request(database, principal, status="open")
    assert [fail(database, limit=2) for _ in range(3)] == [2, 1, 0]


def test_the_reasons_are_those_of_the_latest_plan_for_the_region(database: Database, principal: Principal) -> None:
    a_request(database, principal, external_id=ODD, status="open")
    a_request(database, principal, external_id="r2", status="open")
    a_request(database, principal, external_id="r4", status="open")
    a_request(database, principal, external_id="r5", status="open", verified=False)
    with database.begin() as session:
        for region, plan in (("310101", None), ("310101", a_plan()), ("310104", gzip.compress(b"")), ("31", None)):
            session.add(
                RunRow(
                    client_no=principal.client_no,
                    region=region,
                    mode="preview",
                    status="succeeded",
                    horizon_start=NOW,
                    horizon_end=NOW,
                    options={},
                    plan=None if plan is None else gzip.compress(plan),
                )
            )
    fail(database)
    assert events(database, principal) == [
        (ODD, ["skill-missing"]),
        ("r2", ["too-far"]),
        ("r4", []),
        ("r5", ["unverified"]),
    ]


def test_a_request_that_the_plan_serves_has_no_reasons_in_it() -> None:
    assert failing.reasons_in_plan(a_plan(), "r3") == []


def test_a_plan_is_read_wherever_the_request_stands_in_it() -> None:
    plan = a_plan()
    assert failing.reasons_in_plan(plan, ODD) == ["skill-missing"]
    assert failing.reasons_in_plan(plan, "r2") == ["too-far"]
