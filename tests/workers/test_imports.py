"""A worker that is killed in the middle of an import loses no line and takes none in twice."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

import rows
from databases import owner
from matcher.api.chunks import Splitter
from matcher.domain.access import Principal
from matcher.domain.imports import ImportFormat, ImportKind
from matcher.services import backing, imports
from matcher.settings import Settings
from matcher.storage.database import Database
from matcher.workers.worker import Pace, Worker
from workers.test_process import started
from working import wait_until

LINES = 30_000
HELD = "v15000"
COUNTS = text("SELECT status, done_lines, created_count, updated_count, unchanged_count, refused_count FROM imports")


def _content() -> Iterator[bytes]:
    for number in range(LINES):
        broken = number % 1000 == 999
        yield json.dumps({"external_id": f"v{number}", "region": "none" if broken else rows.REGION}).encode() + b"\n"


def _send(database: Database, principal: Principal) -> None:
    """Hand an import in as the upload does, in smaller chunks."""
    splitter = Splitter(is_quoted=False, most_bytes=64 * 1024)
    splitter.add(b"".join(_content()))
    with database.begin(principal) as session:
        row = imports.begin(session, principal, kind=ImportKind.VOLUNTEERS, format_=ImportFormat.NDJSON, header=None)
        last = [*splitter.full_chunks(), splitter.rest()]
        for position, chunk in enumerate(filter(None, last)):
            imports.keep(
                session,
                row,
                position=position,
                first_line=chunk.first_line,
                lines=chunk.line_count,
                content=chunk.content,
            )
        imports.complete(session, principal, row.id)


def _counts(database: Database) -> tuple[Any, ...]:
    with database.begin() as session:
        return tuple(session.execute(COUNTS).one())


def test_an_import_goes_on_where_a_killed_worker_was(database: Database, database_url: str) -> None:
    principal = rows.bearer(database)
    with database.begin() as session:
        rows.volunteer(session, principal.client_no, HELD, max_minutes=1)
    _send(database, principal)
    with owner(database.url) as holder, started(database_url=database_url) as killed:
        holder.execute(text("SELECT FROM volunteers WHERE external_id = :id FOR UPDATE"), {"id": HELD})
        # The chunk of the volunteer that is held cannot be written to its end.
        wait_until(lambda: _is_waiting(database))
        killed.kill()
        killed.wait()
        status, done, *_ = _counts(database)
        assert status == "running"
        assert 0 < done < 15_000
    with _another_worker(database):
        wait_until(lambda: _counts(database)[0] != "running")
    refused = LINES // 1000
    assert _counts(database) == ("succeeded", LINES, LINES - refused - 1, 1, 0, refused)
    with database.begin() as session:
        versions = session.execute(text("SELECT version, count(*) FROM volunteers GROUP BY 1 ORDER BY 1")).all()
        assert [tuple(row) for row in versions] == [(1, LINES - refused - 1), (2, 1)]
        assert session.execute(text("SELECT count(*), min(line), max(line) FROM import_faults")).one() == (
            refused,
            1000,
            LINES,
        )
        assert session.execute(text("SELECT count(*) FROM chunks")).scalar_one() == 0
        events = text("SELECT count(*) FROM events WHERE type = 'volunteer.created'")
        assert session.execute(events).scalar_one() == LINES - refused - 1


@contextmanager
def _another_worker(database: Database) -> Iterator[None]:
    settings = Settings(kernels=False, solver_workers=1)
    solvers = backing.start_solvers(settings)
    worker = Worker(settings, database, solvers, pace=Pace(poll_s=0.2, silent_s=3.5, rescue_s=0.2))
    worker.start()
    try:
        yield
    finally:
        worker.stop(drain_s=5)
        solvers.close(drain_s=0)


def _is_waiting(database: Database) -> bool:
    with owner(database.url) as connection:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'volunteers'")
        return bool(connection.execute(waiting).scalar_one())
