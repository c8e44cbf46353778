"""Looking things up without a transaction: each principal sees its own, whoever looked before, and writes nothing."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

import rows
from matcher.domain.access import EVERYWHERE, Principal
from matcher.storage.database import Database, Session
from matcher.storage.tables.people import VolunteerRow


@pytest.fixture
def bearers(database: Database) -> list[Principal]:
    """Return the bearers of two client systems, each with one volunteer of the region of the tests."""
    found = [rows.bearer(database) for _ in range(2)]
    with database.begin() as session:
        for number, bearer in enumerate(found):
            rows.volunteer(session, bearer.client_no, f"of-{number}")
    return found


def seen(session: Session) -> list[str]:
    """Return whom a session sees, with every filter forgotten."""
    return list(session.scalars(select(VolunteerRow.external_id).where(VolunteerRow.external_id.like("of-%"))))


def test_each_sees_its_own_whoever_looked_before(database: Database, bearers: list[Principal]) -> None:
    for number in (0, 1, 0, 0, 1):
        with database.look(bearers[number]) as session:
            assert seen(session) == [f"of-{number}"]


def test_another_grant_of_the_same_client_sees_what_it_grants(database: Database, bearers: list[Principal]) -> None:
    elsewhere = replace(bearers[0], regions=("65",))
    for bearer, whom in ((bearers[0], ["of-0"]), (elsewhere, []), (bearers[0], ["of-0"])):
        with database.look(bearer) as session:
            assert seen(session) == whom


def test_a_look_writes_nothing(database: Database, bearers: list[Principal]) -> None:
    with pytest.raises(DBAPIError, match="read-only"), database.look(bearers[0]) as session:
        session.execute(update(VolunteerRow).values(recent_minutes=1))


def test_a_look_locks_nothing(database: Database, bearers: list[Principal]) -> None:
    with pytest.raises(DBAPIError, match="read-only"), database.look(bearers[0]) as session:
        session.execute(select(VolunteerRow.no).with_for_update())


def test_a_transaction_after_a_look_says_whose_it_is(database: Database, bearers: list[Principal]) -> None:
    with database.look(bearers[0]) as session:
        assert seen(session) == ["of-0"]
    with database.begin(bearers[1]) as session:
        assert seen(session) == ["of-1"]
        session.execute(update(VolunteerRow).values(recent_minutes=1))
    with database.begin() as session:
        assert {"of-0", "of-1"} <= set(seen(session))


def test_a_look_after_a_look_that_failed_sees_its_own(database: Database, bearers: list[Principal]) -> None:
    with pytest.raises(DBAPIError), database.look(replace(bearers[0], regions=EVERYWHERE)) as session:
        session.connection().exec_driver_sql("SELECT 1 / 0")
    with database.look(bearers[1]) as session:
        assert seen(session) == ["of-1"]
