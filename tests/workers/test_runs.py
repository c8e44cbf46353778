"""A run is never lost and never applied twice, whenever its worker is killed or stopped."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

import matched
import rows
from databases import owner
from matcher.domain.access import Principal
from matcher.domain.runs import RunMode
from matcher.services import backing
from matcher.services.solving import Solvers
from matcher.settings import Settings
from matcher.storage.database import Database
from matcher.storage.runs import RunRow
from matcher.workers.worker import Pace, Worker
from workers.test_process import started
from working import wait_until

SETTINGS = Settings(kernels=False, solver_workers=1, solver_memory_mb=1024)
REQUESTS = 6
# Everybody could serve several by their limits but one by the clock: no plan reaches the bound, and time runs out.
SLOW: dict[str, Any] = {**matched.OPTIONS, "iterations": 1_000_000_000, "time_limit_s": 4.0}

# What the worker waits for in each stage, held by somebody else.
STAGES = {
    "claim": "SELECT FROM runs FOR UPDATE",
    "snapshot": "LOCK TABLE blocks IN ACCESS EXCLUSIVE MODE",
    "publish": "SELECT FROM requests FOR UPDATE",
    "end": "LOCK TABLE snapshots IN EXCLUSIVE MODE",
}


@pytest.fixture(scope="module")
def solvers() -> Iterator[Solvers]:
    """Give the solvers of the second worker, which are slower to start than it."""
    made = backing.start_solvers(SETTINGS)
    yield made
    made.close(drain_s=0)


@pytest.fixture
def principal(database: Database) -> Principal:
    with database.begin() as session:
        session.execute(text("DELETE FROM jobs.procrastinate_jobs"))
    principal = rows.bearer(database)
    with database.begin() as session:
        opens_at, closes_at = matched.clock(hours=26), matched.clock(hours=28)
        for number in range(REQUESTS):
            rows.request(
                session,
                principal.client_no,
                f"r{number}",
                opens_at=opens_at,
                closes_at=closes_at,
                duration_min=110,
            )
        rows.volunteer(session, principal.client_no, "v0")
        rows.volunteer(session, principal.client_no, "v1")
    return principal


@contextmanager
def second_worker(database: Database, solvers: Solvers) -> Iterator[None]:
    worker = Worker(SETTINGS, database, solvers, pace=Pace(poll_s=0.2, heartbeat_s=0.2, silent_s=2, rescue_s=0.2))
    worker.start()
    try:
        yield
    finally:
        worker.stop(drain_s=5)


def run_of(database: Database, no: int) -> RunRow:
    with database.begin() as session:
        row = session.get(RunRow, no)
        assert row is not None
        return row


def is_at(database: Database, no: int, stage: str) -> bool:
    return run_of(database, no).stage == stage


def is_over(database: Database, no: int) -> bool:
    return run_of(database, no).status not in ("queued", "running")


def is_waiting(database: Database) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    # Anew each time: within a transaction the view stays as it was.
    with owner(database.url) as connection:
        return bool(connection.execute(waiting).scalar_one())


def outcome(database: Database, row: RunRow) -> dict[str, Any]:
    """Return how often everything that a run leaves behind is there."""
    counts = {
        "offers": "SELECT count(*) FROM offers WHERE run_no = :no",
        "steps": "SELECT count(*) FROM steps JOIN offers ON offers.no = offer_no WHERE run_no = :no",
        "problems": "SELECT count(*) FROM snapshots WHERE run_no = :no",
        "planned": "SELECT count(*) FROM requests WHERE client_no = :client AND status = 'planned'",
        "ends": "SELECT count(*) FROM events WHERE subject_id = :id AND type = 'run.succeeded'",
        "publications": "SELECT count(*) FROM events WHERE subject_id = :id AND type = 'run.published'",
    }
    values = {"no": row.no, "client": row.client_no, "id": str(row.id)}
    with database.begin() as session:
        return {name: session.execute(text(count), values).scalar_one() for name, count in counts.items()}


ONCE = {"offers": 2, "steps": 2, "problems": 1, "planned": 2, "ends": 1, "publications": 1}


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_whose_worker_is_killed_is_done_once_by_another(
    database: Database, database_url: str, principal: Principal, solvers: Solvers, stage: str
) -> None:
    with owner(database.url) as holder, started(database_url=database_url, solver_workers=1) as killed:
        row = matched.create(database, principal, mode=RunMode.PUBLISH)
        holder.execute(text(STAGES[stage]))
        wait_until(lambda: is_waiting(database))
        killed.kill()
        killed.wait()
    assert run_of(database, row.no).status in ("queued", "running")
    with second_worker(database, solvers):
        wait_until(lambda: is_over(database, row.no))
    assert run_of(database, row.no).status == "succeeded"
    assert outcome(database, row) == ONCE


def test_a_run_whose_worker_is_killed_while_it_is_solved_is_done_once_by_another(
    database: Database, database_url: str, principal: Principal, solvers: Solvers
) -> None:
    with started(database_url=database_url, solver_workers=1) as killed:
        row = matched.create(database, principal, mode=RunMode.PUBLISH, options=SLOW)
        wait_until(lambda: is_at(database, row.no, "schedule"))
        killed.kill()
        killed.wait()
    with second_worker(database, solvers):
        wait_until(lambda: is_over(database, row.no))
    assert (run_of(database, row.no).status, run_of(database, row.no).attempt) == ("succeeded", 2)
    assert outcome(database, row) == ONCE


def test_a_worker_that_was_stopped_and_wakes_up_writes_nothing(
    database: Database, database_url: str, principal: Principal, solvers: Solvers
) -> None:
    with started(database_url=database_url, solver_workers=1) as stopped:
        row = matched.create(database, principal, mode=RunMode.PUBLISH, options=SLOW)
        wait_until(lambda: is_at(database, row.no, "schedule"))
        stopped.send_signal(signal.SIGSTOP)
        with second_worker(database, solvers):
            wait_until(lambda: is_over(database, row.no))
        ended = run_of(database, row.no)
        stopped.send_signal(signal.SIGCONT)
        _end(stopped)
    assert (ended.status, ended.attempt) == ("succeeded", 2)
    assert run_of(database, row.no).version == ended.version
    assert outcome(database, row) == ONCE


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Let a worker do to its end whatever it still thinks that it has to do."""
    worker.terminate()
    worker.wait(60)
