"""What has been kept for long enough goes; what is younger stays."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

import rows
from databases import owner
from make import at_m
from matcher.domain.retention import Retention
from matcher.services import cells, retention
from matcher.storage.database import Database
from matcher.storage.tables.people import RequestRow
from worlds import make_world

pytestmark = pytest.mark.usefixtures("_clean")

YEAR = timedelta(days=365)
NOTHING = Retention(problems=None, plans=None, places=None, events=None, audit=None, imports=None)

TABLES = {
    "problems": ("snapshots", "created_at"),
    "events": ("events", "at"),
    "audit": ("audit", "at"),
    "imports": ("imports", "finished_at"),
}


@pytest.fixture
def _clean(database: Database) -> Iterator[None]:
    yield
    with owner(database.url) as connection:
        connection.execute(text("TRUNCATE clients CASCADE"))


def _sweep(database: Database, kept: Retention) -> None:
    for step in retention.steps(kept).values():
        goes_on = True
        while goes_on:
            with database.begin() as session:
                goes_on = step(session)


def _age(database: Database, table: str, column: str, no: str, age: timedelta) -> None:
    with database.begin() as session:
        aged = text(f"UPDATE {table} SET {column} = now() - :age WHERE {no}")  # noqa: S608 - of the test
        session.execute(aged, {"age": age})


def _count(database: Database, table: str) -> int:
    with database.begin() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - of the test


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_old_is_deleted_and_what_is_young_stays(database: Database, kind: str) -> None:
    table, column = TABLES[kind]
    with database.begin() as session:
        make_world(session, rows.REGION)
        make_world(session, "320102001")
    _age(database, table, column, "true", timedelta(days=364))
    _age(database, table, column, "region = '320102001'" if kind != "imports" else "regions ? '320102001'", 2 * YEAR)
    _sweep(database, Retention(**{name: YEAR if name == kind else None for name in Retention.__dataclass_fields__}))
    assert _count(database, table) == 1


def test_a_run_outlives_its_plan(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session, rows.REGION)
        session.execute(text("UPDATE runs SET plan = 'x', finished_at = now() - interval '366 days'"))
    _sweep(database, Retention(problems=None, plans=YEAR, places=None, events=None, audit=None, imports=None))
    with database.begin() as session:
        kept = session.execute(text("SELECT id, plan FROM runs")).one()
    assert tuple(kept) == (world["runs"]["id"], None)


def test_the_place_of_a_closed_request_is_blurred_to_its_cell_and_its_note_goes(database: Database) -> None:
    principal = rows.bearer(database)
    with database.begin() as session:
        closed: dict[str, Any] = {"status": "cancelled", "closed_reason": "cancelled", "note": "ring twice"}
        old = rows.request(session, principal.client_no, **closed).external_id
        young = rows.request(session, principal.client_no, **closed).external_id
        still_open = rows.request(session, principal.client_no, note="ring twice").external_id
    for id_, days in ((old, 366), (young, 364), (still_open, 366)):
        _age(database, "requests", "updated_at", f"external_id = '{id_}'", timedelta(days=days))
    _sweep(database, Retention(problems=None, plans=None, places=YEAR, events=None, audit=None, imports=None))
    with database.begin() as session:
        kept = {row.external_id: row for row in session.scalars(select(RequestRow))}
    centre = cells.blur(at_m(0)).centre
    assert (kept[old].latitude, kept[old].longitude, kept[old].note) == (centre.latitude, centre.longitude, None)
    assert {kept[id_].latitude for id_ in (young, still_open)} == {at_m(0).latitude}
    assert {kept[id_].note for id_ in (young, still_open)} == {"ring twice"}


def test_nothing_goes_that_is_kept_for_ever() -> None:
    assert retention.steps(NOTHING) == {}
