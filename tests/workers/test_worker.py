"""A worker does what was committed, once, and gives back what it cannot finish."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import pytest
from sqlalchemy import text

from databases import owner
from matcher.storage import queue
from matcher.storage.database import Database
from matcher.workers.context import Context
from matcher.workers.tasks import Task
from working import QUICK, WAIT_S, jobs, wait_until, working


@pytest.fixture(autouse=True)
def _tables(database: Database) -> Iterator[None]:
    with owner(database.url) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS notes (words text); GRANT ALL ON notes TO matcher_system"))
    yield
    with database.begin() as session:
        session.execute(text("DELETE FROM notes"))
        session.execute(text("DELETE FROM jobs.procrastinate_jobs"))
        session.execute(text("DELETE FROM jobs.procrastinate_workers"))


def notes(database: Database) -> list[str]:
    with database.begin() as session:
        return list(session.execute(text("SELECT words FROM notes")).scalars())


def write(context: Context, words: str) -> None:
    with context.begin() as session:
        session.execute(text("INSERT INTO notes VALUES (:words)"), {"words": words})


def defer(database: Database, task: str, words: str | None = None) -> None:
    with database.begin() as session:
        if words is None:
            queue.defer(session, task)
        else:
            queue.defer(session, task, words=words)


def test_a_job_is_done_as_soon_as_its_transaction_commits(database: Database) -> None:
    done = threading.Event()

    def greet(_: Context, words: str) -> None:
        if words == "now":
            done.set()

    def is_listening() -> bool:
        with owner(database.url) as connection:
            listening = text("SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
            return connection.execute(listening).first() is not None

    with working(database, {"greet": Task(greet)}, replace(QUICK, poll_s=3600)):
        wait_until(is_listening)
        defer(database, "greet", words="now")
        assert done.wait(WAIT_S)
    assert jobs(database) == []


def test_what_a_job_writes_is_there_afterwards(database: Database) -> None:
    defer(database, "write", words="邻里守望")
    with working(database, {"write": Task(write)}):
        wait_until(lambda: jobs(database) == [])
    assert notes(database) == ["邻里守望"]


def test_a_job_that_fails_leaves_nothing_and_is_tried_again(database: Database) -> None:
    tries: list[int] = []

    def stumble(context: Context) -> None:
        tries.append(context.claim.attempts)
        with context.begin() as session:
            session.execute(text("INSERT INTO notes VALUES (:words)"), {"words": f"try {len(tries)}"})
            if len(tries) == 1:
                raise InterruptedError

    defer(database, "stumble")
    with working(database, {"stumble": Task(stumble)}):
        wait_until(lambda: jobs(database) == [])
    assert tries == [0, 1]
    assert notes(database) == ["try 2"]


def test_a_job_that_fails_too_often_is_given_up(database: Database) -> None:
    def fail(_: Context, words: str) -> None:
        raise InterruptedError(words)

    defer(database, "fail", words="nobody came")
    with working(database, {"fail": Task(fail, give_up=write, most_tries=1)}):
        wait_until(lambda: jobs(database) == [("failed", 2)])
    assert notes(database) == ["nobody came"]


def test_a_job_at_work_is_finished_before_the_worker_stops(database: Database) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def linger(context: Context) -> None:
        begun.set()
        may_end.wait(WAIT_S)
        write(context, "finished")

    defer(database, "linger")
    with working(database, {"linger": Task(linger)}) as worker:
        assert begun.wait(WAIT_S)
        stop = threading.Thread(target=worker.stop, kwargs={"drain_s": WAIT_S})
        stop.start()
        may_end.set()
        stop.join()
    assert jobs(database) == []
    assert notes(database) == ["finished"]


def test_a_job_that_waits_for_long_goes_back_to_the_queue_when_the_worker_stops(database: Database) -> None:
    begun = threading.Event()

    def wait(context: Context) -> None:
        begun.set()
        context.wait(Future())

    defer(database, "wait")
    with working(database, {"wait": Task(wait)}):
        assert begun.wait(WAIT_S)
    assert jobs(database) == [("todo", 1)]


def test_a_job_that_does_not_hear_goes_back_to_the_queue_and_writes_nothing_any_more(database: Database) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def linger(context: Context) -> None:
        begun.set()
        may_end.wait(WAIT_S)
        try:
            write(context, "too late")
        finally:
            ended.set()

    defer(database, "linger")
    with working(database, {"linger": Task(linger)}) as worker:
        assert begun.wait(WAIT_S)
        worker.stop(drain_s=0.1)
    assert jobs(database) == [("todo", 1)]
    may_end.set()
    assert ended.wait(WAIT_S)
    assert notes(database) == []


def test_a_job_that_was_given_to_another_try_writes_once(database: Database) -> None:
    begun = threading.Event()
    may_end = [threading.Event(), threading.Event()]
    may_end[1].set()

    def slow(context: Context) -> None:
        begun.set()
        may_end[context.claim.attempts].wait(WAIT_S)
        write(context, f"try {context.claim.attempts}")

    defer(database, "slow")
    with working(database, {"slow": Task(slow)}, replace(QUICK, rescue_s=3600)):
        assert begun.wait(WAIT_S)
        with database.begin() as session:
            session.execute(text("UPDATE jobs.procrastinate_workers SET last_heartbeat = '-infinity'"))
            assert queue.rescue(session, silent_s=0) == {"slow": 1}
        wait_until(lambda: jobs(database) == [])
        may_end[0].set()
    assert notes(database) == ["try 1"]
    assert jobs(database) == []


def test_the_job_of_a_dead_worker_is_done_by_a_living_one(database: Database) -> None:
    defer(database, "write", words="rescued")
    with database.begin() as session:
        dead = session.execute(
            text("INSERT INTO jobs.procrastinate_workers (last_heartbeat) VALUES ('-infinity') RETURNING id")
        ).scalar_one()
        session.execute(text("SELECT jobs.procrastinate_fetch_job_v2(NULL, :dead)"), {"dead": dead})
    with working(database, {"write": Task(write)}):
        wait_until(lambda: jobs(database) == [])
    assert notes(database) == ["rescued"]


def test_a_job_whose_end_could_not_be_written_down_is_done_again(database: Database) -> None:
    with owner(database.url) as connection:
        connection.execute(
            text("CREATE FUNCTION jam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'jammed'; END $$")
        )
        connection.execute(
            text("CREATE TRIGGER jam BEFORE DELETE ON jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION jam()")
        )
    defer(database, "write", words="again")
    with working(database, {"write": Task(write)}):
        wait_until(lambda: len(notes(database)) > 1)
        with owner(database.url) as connection:
            connection.execute(text("DROP FUNCTION jam CASCADE"))
        wait_until(lambda: jobs(database) == [])


def test_a_worker_outlives_the_loss_of_its_connections(database: Database) -> None:
    defer(database, "write", words="before")
    with working(database, {"write": Task(write)}):
        wait_until(lambda: notes(database) == ["before"])
        with owner(database.url) as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'matcher-worker'")
            )
        defer(database, "write", words="after")
        wait_until(lambda: sorted(notes(database)) == ["after", "before"])


def test_a_job_of_a_task_that_a_newer_version_brought_waits_for_it(database: Database) -> None:
    defer(database, "from-the-future")
    with working(database, {}):
        wait_until(lambda: jobs(database) == [("todo", 1)])


def test_stopping_twice_is_no_error(database: Database) -> None:
    with working(database, {}) as worker:
        worker.stop(drain_s=1)
        worker.stop(drain_s=1)
