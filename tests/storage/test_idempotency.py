"""Kept answers: found by their key, and deleted when nobody repeats the call any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

import rows
from matcher.domain.access import Principal
from matcher.storage import idempotency
from matcher.storage.database import Database, Session

PAST = datetime.now(UTC) - timedelta(days=2)


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def keep(session: Session, principal: Principal, key: str, **parts: Any) -> None:
    given: dict[str, Any] = {
        "client_no": principal.client_no,
        "key": key,
        "operation": "createRun",
        "request_hash": b"hash",
        "status": 202,
        "headers": {"location": "/v1/runs/1"},
        "body": b"{}",
    }
    idempotency.add(session, **(given | parts))


def age(session: Session, key: str) -> None:
    session.execute(text("UPDATE idempotency SET created_at = :past WHERE key = :key"), {"past": PAST, "key": key})


def test_an_answer_is_found_by_its_key(database: Database, principal: Principal) -> None:
    with database.begin(principal) as session:
        keep(session, principal, "k1")
    with database.begin(principal) as session:
        kept = idempotency.find(session, principal.client_no, "k1")
        assert kept is not None
        assert (kept.status, kept.headers, kept.body) == (202, {"location": "/v1/runs/1"}, b"{}")
        assert idempotency.find(session, principal.client_no, "k2") is None


def test_a_key_is_held_until_the_transaction_ends(database: Database, principal: Principal) -> None:
    with database.begin(principal) as first, database.begin(principal) as second:
        assert idempotency.try_lock(first, principal.client_no, "k1")
        assert not idempotency.try_lock(second, principal.client_no, "k1")
        assert idempotency.try_lock(second, principal.client_no, "k2")
        assert idempotency.try_lock(second, principal.client_no + 1, "k1")
    with database.begin(principal) as third:
        assert idempotency.try_lock(third, principal.client_no, "k1")


def test_old_answers_are_deleted_some_at_a_time(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        for key in ("old-1", "old-2", "old-3", "new"):
            keep(session, principal, key)
        for key in ("old-1", "old-2", "old-3"):
            age(session, key)
    counts = []
    for _ in range(3):
        with database.begin() as session:
            counts.append(idempotency.delete_before(session, PAST + timedelta(hours=1), limit=2))
    assert counts == [2, 1, 0]
    with database.begin() as session:
        assert idempotency.find(session, principal.client_no, "new") is not None
