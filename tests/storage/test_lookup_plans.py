"""Gets and lists find what they look for in an index, under the eyes of row-level security too."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

import rows
from make import at_m
from matcher.domain.access import Principal
from matcher.domain.geo import Point
from matcher.domain.requests import RequestStatus
from matcher.storage import requests, volunteers
from matcher.storage.database import Database, Session
from matcher.storage.nearby import Nearby
from matcher.storage.pages import Cursor
from matcher.storage.requests import RequestFilter
from matcher.storage.volunteers import VolunteerFilter

ROWS = 3_000

Look = Callable[[Session, Principal], Any]


@pytest.fixture(scope="module")
def principal(database: Database) -> Principal:
    """Return somebody with many volunteers and requests, whom the planner knows."""
    principal = rows.bearer(database)
    columns = {
        "volunteers": "external_id, region, latitude, longitude",
        "requests": "external_id, region, latitude, longitude, duration_min, roles, places, taken, min_headcount,"
        " urgency",
    }
    more = {"volunteers": "", "requests": ", 60, '[]', '{1}', '{0}', 1, 1"}
    with database.begin() as session:
        for table, names in columns.items():
            session.execute(
                text(
                    f"INSERT INTO {table} (client_no, {names})"  # noqa: S608 - names of our own
                    " SELECT :client_no, 'x' || i, '3101' || lpad((i % 90 + 10)::text, 2, '0'),"
                    f" 31 + i * 0.0003, 121 + (i % 60) * 0.01{more[table]} FROM generate_series(1, :rows) AS i"
                ),
                {"client_no": principal.client_no, "rows": ROWS},
            )
    return principal


@pytest.fixture(scope="module")
def stranger(database: Database, principal: Principal) -> Principal:  # noqa: ARG001 - after whom the planner looked
    """Return somebody whom the planner has not met."""
    return rows.bearer(database)


@pytest.fixture(scope="module")
def _analyzed(database_url: str, principal: Principal) -> None:  # noqa: ARG001 - it has the rows
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ANALYZE")


def plan(database: Database, principal: Principal, look: Look) -> str:
    """Return how PostgreSQL finds what is looked for."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    with database.begin(principal) as session:
        event.listen(session.get_bind(), "before_cursor_execute", note)
        try:
            look(session, principal)
        finally:
            event.remove(session.get_bind(), "before_cursor_execute", note)
        statement, parameters = sent[-1]
        explained = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return "\n".join(row[0] for row in explained)


def list_volunteers(cursor: Cursor | None = None, regions: tuple[str, ...] = ("",), **wanted: Any) -> Look:
    return lambda session, who: volunteers.list_page(
        session, who.client_no, VolunteerFilter(**wanted), regions=regions, cursor=cursor, limit=50
    )


def list_requests(**wanted: Any) -> Look:
    return lambda session, who: requests.list_page(
        session, who.client_no, RequestFilter(**wanted), regions=[""], cursor=None, limit=50
    )


def get(kind: Any) -> Look:
    return lambda session, who: kind.find(session, who.client_no, "x77", regions=("31",))


NEAR = Nearby(Point(31.2, 121.2), 500)
CASES = {
    "get a volunteer": (get(volunteers), "uq_volunteers_external_id_client_no"),
    "get a request": (get(requests), "uq_requests_external_id_client_no"),
    "list volunteers": (list_volunteers(), "ix_volunteers_client_no_region_external_id"),
    "the next page": (list_volunteers(Cursor(("310150", "x5"))), "ix_volunteers_client_no_region_external_id"),
    "of a region": (list_volunteers(region="310112"), "ix_volunteers_client_no_region_external_id"),
    "of a grant": (list_volunteers(regions=("310112",)), "ix_volunteers_client_no_region_external_id"),
    "volunteers nearby": (list_volunteers(nearby=NEAR), "ix_volunteers_client_no_latitude_longitude"),
    "failed requests": (list_requests(status=RequestStatus.FAILED), "ix_requests_client_no_status_region_external_id"),
    "requests nearby": (list_requests(nearby=NEAR), "ix_requests_client_no_latitude_longitude"),
}


@pytest.mark.usefixtures("_analyzed")
@pytest.mark.parametrize(("look", "index"), CASES.values(), ids=CASES)
def test_an_index_finds_it(database: Database, principal: Principal, look: Look, index: str) -> None:
    assert index in plan(database, principal, look)


@pytest.mark.usefixtures("_analyzed")
@pytest.mark.parametrize("kind", [volunteers, requests])
def test_of_somebody_new_the_index_of_the_ids_finds_it_too(database: Database, stranger: Principal, kind: Any) -> None:
    found = plan(database, stranger, get(kind))
    assert "_external_id_client_no on" in found
    assert "Index Cond: (external_id =" in found or "Index Cond: ((external_id =" in found


@pytest.mark.usefixtures("_analyzed")
def test_a_push_of_somebody_new_looks_each_id_up(database: Database, stranger: Principal) -> None:
    def push(session: Session, who: Principal) -> None:
        point = at_m(0)
        content = dict.fromkeys(volunteers.VolunteerContent.__annotations__) | {
            "external_id": "x1",
            "region": "310112",
            "latitude": point.latitude,
            "longitude": point.longitude,
        }
        item = volunteers.UPSERT.item(content)
        volunteers.UPSERT.look(session, who, [item])

    assert "uq_volunteers_external_id_client_no" in plan(database, stranger, push)
