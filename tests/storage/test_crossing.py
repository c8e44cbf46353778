"""A stretch of a transaction sees across the border of a key's regions, and no further."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

import rows
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, Text
from matcher.storage import scopes
from matcher.storage.database import Database, Session
from matcher.storage.tables.people import VolunteerRow


@pytest.fixture
def station(database: Database) -> Principal:
    """Return a key for one county, of a client with volunteers here, there, and beside another client's."""
    with database.begin() as session:
        _, station = rows.key(session, rows.client(session), regions=("310101",))
        rows.volunteer(session, station.client_no, "here", region="310101002")
        rows.volunteer(session, station.client_no, "there", region="310104003")
        rows.volunteer(session, rows.client(session), "strange", region="310101002")
    return station


def seen(session: Session) -> Sequence[str]:
    return session.scalars(select(VolunteerRow.external_id).order_by(VolunteerRow.external_id)).all()


def test_the_whole_client_is_seen_for_a_stretch(database: Database, station: Principal) -> None:
    with database.begin(station) as session:
        before = seen(session)
        with scopes.crossing(session):
            between = seen(session)
        after = seen(session)
    assert (before, between, after) == (["here"], ["here", "there"], ["here"])


def test_a_stretch_within_a_stretch_ends_with_the_outer_one(database: Database, station: Principal) -> None:
    with database.begin(station) as session:
        with scopes.crossing(session):
            with scopes.crossing(session):
                pass
            between = seen(session)
        after = seen(session)
    assert (between, after) == (["here", "there"], ["here"])


def test_the_border_is_back_after_a_refusal(database: Database, station: Principal) -> None:
    with database.begin(station) as session:
        with pytest.raises(NotFoundError), scopes.crossing(session):
            raise NotFoundError(Text(en="no", zh="否"))
        assert seen(session) == ["here"]


def test_an_error_of_the_database_is_told_as_it_is(database: Database, station: Principal) -> None:
    with database.begin(station) as session:
        with pytest.raises(ProgrammingError), scopes.crossing(session):
            session.execute(text("SELECT nothing FROM nowhere"))
        session.rollback()
    with database.begin(station) as session:
        assert seen(session) == ["here"]
