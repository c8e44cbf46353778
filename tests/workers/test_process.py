"""Workers as people run them, killed and stopped in the middle of their jobs: nothing gets lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from databases import owner
from matcher.storage import database as databases
from matcher.storage import queue
from matcher.storage.database import Database
from running import running
from working import WAIT_S, wait_until


@contextmanager
def started(**settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``matcher worker``, and end it if it has not ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MATCHER_")}
    environment |= {f"MATCHER_{name.upper()}": str(value) for name, value in {"kernels": False, **settings}.items()}
    process = subprocess.Popen([sys.executable, "-m", "matcher.cli.main", "worker"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def _empty(database: Database) -> Iterator[None]:
    yield
    with database.begin() as session:
        session.execute(text("DELETE FROM jobs.procrastinate_jobs"))


def statuses(database: Database, task: str) -> set[str]:
    """Return the states of the jobs of a task; a schedule may add one at any moment."""
    with database.begin() as session:
        found = text("SELECT status::text FROM jobs.procrastinate_jobs WHERE task_name = :task")
        return set(session.execute(found, {"task": task}).scalars())


@contextmanager
def held_up(database: Database) -> Iterator[None]:
    """Hand a job in that deletes an old one, and keep it from doing so."""
    with database.begin() as session:
        queue.defer(session, "old")
        session.execute(text("UPDATE jobs.procrastinate_jobs SET status = 'failed' WHERE task_name = 'old'"))
        session.execute(text("UPDATE jobs.procrastinate_events SET at = at - interval '1 year'"))
    with owner(database.url) as holder:
        holder.execute(text("SELECT FROM jobs.procrastinate_jobs WHERE task_name = 'old' FOR UPDATE"))
        with database.begin() as session:
            queue.defer(session, "jobs.delete_finished")
        yield


def is_at_work(database: Database) -> bool:
    return statuses(database, "jobs.delete_finished") == {"doing"}


def is_done(database: Database) -> bool:
    return statuses(database, "jobs.delete_finished") == statuses(database, "old") == set()


def test_the_job_of_a_killed_worker_is_finished_by_another_one(database: Database, database_url: str) -> None:
    with held_up(database), started(database_url=database_url) as killed:
        wait_until(lambda: is_at_work(database))
        killed.kill()
        killed.wait()
        assert is_at_work(database)
    with started(database_url=database_url):
        wait_until(lambda: is_done(database))


def test_a_worker_that_is_stopped_gives_back_what_it_cannot_finish(tmp_path: Path) -> None:
    with databases.connect(None, tmp_path) as database:
        with held_up(database), started(data_dir=tmp_path, drain_s=0.2) as stopped:
            wait_until(lambda: is_at_work(database))
            stopped.send_signal(signal.SIGTERM)
            assert stopped.wait(WAIT_S) == 0
            assert statuses(database, "jobs.delete_finished") == {"todo"}
        with started(data_dir=tmp_path):
            wait_until(lambda: is_done(database))


def test_the_service_does_jobs_as_well(database: Database, database_url: str) -> None:
    with running(Path("unused"), database_url=database_url):
        with database.begin() as session:
            queue.defer(session, "jobs.delete_finished")
        wait_until(lambda: is_done(database))


def test_a_service_that_is_told_not_to_does_no_jobs(database: Database, database_url: str) -> None:
    with database.begin() as session:
        queue.defer(session, "jobs.delete_finished")
    with running(Path("unused"), database_url=database_url, worker=False) as service:
        service.wait_until("/health/ready")
        assert statuses(database, "jobs.delete_finished") == {"todo"}
