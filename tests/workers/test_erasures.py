"""An erasure outlives its worker, and waits for what read of the person before."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update

import rows
from databases import owner
from matcher.domain.access import Principal
from matcher.domain.erasures import ErasureKind
from matcher.domain.events import EventType, SubjectKind
from matcher.services import backing, erasures
from matcher.settings import Settings
from matcher.storage import events
from matcher.storage.database import Database
from matcher.storage.tables.delivery import ErasureRow
from matcher.storage.tables.outcomes import RunRow, SnapshotRow
from matcher.workers.worker import Pace, Worker
from workers.test_process import started
from working import wait_until

VOLUNTEER = "canary-volunteer-1"
PROBLEM = {"requests": [], "volunteers": [{"id": VOLUNTEER}, {"id": "another"}], "pinned": []}


@contextmanager
def _working(database: Database) -> Iterator[None]:
    settings = Settings(kernels=False, solver_workers=1, erasure_settle_s=0)
    solvers = backing.start_solvers(settings)
    worker = Worker(settings, database, solvers, pace=Pace(poll_s=0.2, silent_s=3.5, rescue_s=0.2))
    worker.start()
    try:
        yield
    finally:
        worker.stop(drain_s=5)
        solvers.close(drain_s=0)


def _erase(database: Database, principal: Principal) -> int:
    with database.begin() as session:
        rows.volunteer(session, principal.client_no, VOLUNTEER)
        events.publish(
            session,
            EventType.VOLUNTEER_CREATED,
            client_no=principal.client_no,
            region=rows.REGION,
            subject_kind=SubjectKind.VOLUNTEER,
            subject_id=VOLUNTEER,
        )
    with database.begin(principal) as session:
        return erasures.request(session, principal, ErasureKind.VOLUNTEER, VOLUNTEER).no


def _row(database: Database, no: int) -> ErasureRow:
    with database.begin() as session:
        return session.scalars(select(ErasureRow).where(ErasureRow.no == no)).one()


def _count(database: Database, statement: str, **values: Any) -> int:
    with database.begin() as session:
        return int(session.execute(text(statement), values).scalar_one())


def test_an_erasure_goes_on_where_a_killed_worker_was(database: Database, database_url: str) -> None:
    no = _erase(database, rows.bearer(database))
    about = "SELECT count(*) FROM events WHERE subject_id = :id"
    with owner(database.url) as holder, started(database_url=database_url, erasure_settle_s=0) as killed:
        holder.execute(text("SELECT FROM events WHERE subject_id = :id FOR UPDATE"), {"id": VOLUNTEER})
        wait_until(lambda: _is_waiting(database))
        killed.kill()
        killed.wait()
        assert (_row(database, no).status, _count(database, about, id=VOLUNTEER)) == ("running", 1)
    with _working(database):
        wait_until(lambda: _row(database, no).status == "finished")
    finished = _row(database, no)
    assert (finished.subject, finished.receipt["volunteers"], finished.receipt["events_deleted"]) == (None, 1, 1)
    assert _count(database, about, id=VOLUNTEER) == 0


def test_what_a_run_writes_that_was_under_way_is_erased_too(database: Database) -> None:
    principal = rows.bearer(database)
    run_no = _run_under_way(database, principal)
    no = _erase(database, principal)
    with _working(database):
        wait_until(lambda: _row(database, no).erased_at is not None)
        with database.begin() as session:
            assert _row(database, no).status == "running"
            problem = gzip.compress(json.dumps(PROBLEM).encode())
            values = {"run_no": run_no, "client_no": principal.client_no, "region": rows.REGION, "problem": problem}
            session.add(SnapshotRow(**values))
            session.execute(update(RunRow).where(RunRow.no == run_no).values(status="succeeded"))
        wait_until(lambda: _row(database, no).status == "finished")
    with database.begin() as session:
        kept = session.scalars(select(SnapshotRow.problem).where(SnapshotRow.run_no == run_no)).one()
    assert json.loads(gzip.decompress(kept))["volunteers"] == [{"id": "another"}]


def test_who_comes_back_before_an_erasure_has_finished_is_erased_again(database: Database) -> None:
    principal = rows.bearer(database)
    run_no = _run_under_way(database, principal)
    no = _erase(database, principal)
    with _working(database):
        wait_until(lambda: _row(database, no).erased_at is not None)
        with database.begin() as session:
            rows.volunteer(session, principal.client_no, VOLUNTEER)
            session.execute(update(RunRow).where(RunRow.no == run_no).values(status="failed"))
        wait_until(lambda: _row(database, no).status == "finished")
    assert _count(database, "SELECT count(*) FROM volunteers WHERE external_id = :id", id=VOLUNTEER) == 0


def _run_under_way(database: Database, principal: Principal) -> int:
    now = datetime.now(UTC)
    with database.begin() as session:
        row = RunRow(
            client_no=principal.client_no,
            region=rows.REGION,
            mode="preview",
            status="running",
            horizon_start=now,
            horizon_end=now + timedelta(days=7),
            options={},
        )
        session.add(row)
        session.flush()
        return row.no


def _is_waiting(database: Database) -> bool:
    with owner(database.url) as connection:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'events'")
        return bool(connection.execute(waiting).scalar_one())
