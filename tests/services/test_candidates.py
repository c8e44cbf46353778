"""Who could serve a stored request now: the rules of matching, over rows."""

from datetime import timedelta
from typing import Any

import pytest

import rows
from make import NOW, at_m
from matcher.domain.access import Principal
from matcher.domain.reasons import Reason
from matcher.services import candidates, search
from matcher.storage.database import Database

START = NOW + timedelta(hours=2)
NOWHERE: dict[str, Any] = {"latitude": None, "longitude": None}


@pytest.fixture
def bearer(database: Database) -> Principal:
    return rows.bearer(database)


def test_somebody_near_and_free_can_be_asked(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request, volunteer = rows.request(session, bearer.client_no), rows.volunteer(session, bearer.client_no)
        assert candidates.check(session, bearer, request, volunteer, 0, START, NOW) is None


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"paused": True}, Reason.PAUSED),
        ({"latitude": at_m(2_500).latitude, "max_distance_m": 2_000}, Reason.TOO_FAR),
        ({"max_assignments": 0}, Reason.CAPACITY_REACHED),
        ({"busy": [{"start": "2026-11-24T10:30:00+08:00", "end": "2026-11-24T11:00:00+08:00"}]}, Reason.BUSY),
        ({"availability": {"weekly": [{"days": ["sun"], "start": "09:00", "end": "12:00"}]}}, Reason.NOT_AVAILABLE),
    ],
)
def test_the_first_constraint_that_fails_is_told(
    database: Database, bearer: Principal, parts: dict[str, Any], reason: Reason
) -> None:
    with database.begin(bearer) as session:
        request = rows.request(session, bearer.client_no)
        volunteer = rows.volunteer(session, bearer.client_no, **parts)
        assert candidates.check(session, bearer, request, volunteer, 0, START, NOW) is reason


def test_a_start_outside_the_windows_is_none(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request, volunteer = rows.request(session, bearer.client_no), rows.volunteer(session, bearer.client_no)
        late = NOW + timedelta(days=4)
        assert candidates.check(session, bearer, request, volunteer, 0, late, NOW) is Reason.NO_WINDOW


@pytest.mark.parametrize("status", ["accepted", "in-progress", "offered"])
def test_what_is_promised_elsewhere_keeps_its_time(database: Database, bearer: Principal, status: str) -> None:
    with database.begin(bearer) as session:
        request, volunteer = rows.request(session, bearer.client_no), rows.volunteer(session, bearer.client_no)
        rows.offer(session, rows.request(session, bearer.client_no), volunteer, status=status, starts_at=START)
        assert candidates.check(session, bearer, request, volunteer, 0, START, NOW) is Reason.BUSY


def test_who_refused_is_not_asked_again(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request, volunteer = rows.request(session, bearer.client_no), rows.volunteer(session, bearer.client_no)
        rows.offer(session, request, volunteer, status="declined")
        assert candidates.check(session, bearer, request, volunteer, 0, START, NOW) is Reason.EXCLUDED


def test_a_request_without_a_place_is_for_everybody(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request = rows.request(session, bearer.client_no, latitude=None, longitude=None)
        names = {rows.volunteer(session, bearer.client_no, **place).external_id for place in ({}, NOWHERE)}
        found = candidates.find(session, bearer, request.external_id, limit=5, now=NOW)
    assert names <= {item.volunteer_id for item in found.candidates}
    assert {item.distance_m for item in found.candidates} == {None}
    assert found.is_complete


def test_a_volunteer_without_a_place_is_a_candidate_without_a_distance(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request = rows.request(session, bearer.client_no)
        volunteer = rows.volunteer(session, bearer.client_no, **NOWHERE)
        found = candidates.find(session, bearer, request.external_id, limit=5, now=NOW)
    assert {item.volunteer_id: item.distance_m for item in found.candidates}[volunteer.external_id] is None


def test_what_cannot_be_looked_at_is_told(
    database: Database, bearer: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FIRST_LOOK", 2)
    monkeypatch.setattr(search, "LAST_LOOK", 2)
    with database.begin(bearer) as session:
        request = rows.request(session, bearer.client_no)
        for metres in range(100, 1_000, 100):
            rows.volunteer(session, bearer.client_no, latitude=at_m(metres).latitude, max_distance_m=None)
        found = candidates.find(session, bearer, request.external_id, limit=50, now=NOW)
    assert not found.is_complete


def test_a_place_that_is_taken_sets_the_start_for_the_others(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request = rows.request(session, bearer.client_no, headcount=2, taken=[1])
        first, second = (rows.volunteer(session, bearer.client_no) for _ in range(2))
        rows.offer(session, request, first, status="accepted", starts_at=START)
        found = candidates.find(session, bearer, request.external_id, limit=9, now=NOW)
    assert {item.volunteer_id: item.start for item in found.candidates}[second.external_id] == START
    assert first.external_id not in {item.volunteer_id for item in found.candidates}


def test_a_closed_request_has_no_candidates(database: Database, bearer: Principal) -> None:
    with database.begin(bearer) as session:
        request = rows.request(session, bearer.client_no, status="cancelled", closed_reason="cancelled")
        assert candidates.find(session, bearer, request.external_id, limit=5, now=NOW).candidates == ()
