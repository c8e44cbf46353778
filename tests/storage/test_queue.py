"""Jobs live and die with the transaction that hands them in, and none is lost with its worker."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from matcher.domain.access import Principal
from matcher.storage import claims, queue
from matcher.storage.claims import Claim, JobLostError
from matcher.storage.database import Database, Session

STATION = Principal(client_no=1, key_no=1, scopes=frozenset())


@pytest.fixture(autouse=True)
def _empty(database: Database) -> Iterator[None]:
    yield
    with database.begin() as session:
        session.execute(text("DELETE FROM jobs.procrastinate_jobs"))
        session.execute(text("DELETE FROM jobs.procrastinate_workers"))


def register(session: Session, *, silent_s: float = 0) -> int:
    """Add a worker that was last heard of some seconds ago."""
    return int(
        session.execute(
            text(
                "INSERT INTO jobs.procrastinate_workers (last_heartbeat)"
                " VALUES (now() - make_interval(secs => :silent_s)) RETURNING id"
            ),
            {"silent_s": silent_s},
        ).scalar_one()
    )


def take(session: Session, worker_no: int) -> Claim | None:
    """Take a job as a worker does."""
    row = session.execute(
        text("SELECT id, attempts FROM jobs.procrastinate_fetch_job_v2(NULL, :worker_no)"), {"worker_no": worker_no}
    ).one()
    return None if row.id is None else Claim(job_no=row.id, worker_no=worker_no, attempts=row.attempts)


def statuses(database: Database) -> list[str]:
    with database.begin() as session:
        return list(session.execute(text("SELECT status::text FROM jobs.procrastinate_jobs ORDER BY id")).scalars())


def test_a_job_is_there_once_its_transaction_committed(database: Database) -> None:
    with database.begin() as session:
        assert queue.defer(session, "greet", words="邻里守望", times=2) is not None
        assert statuses(database) == []
    assert statuses(database) == ["todo"]
    with database.begin() as session:
        args = session.execute(text("SELECT args FROM jobs.procrastinate_jobs")).scalar_one()
    assert args == {"words": "邻里守望", "times": 2}


def test_a_job_goes_with_the_transaction_that_rolls_back(database: Database) -> None:
    def interrupted() -> None:
        with database.begin() as session:
            queue.defer(session, "greet")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    assert statuses(database) == []


def test_of_one_queueing_lock_one_job_waits(database: Database) -> None:
    with database.begin() as session:
        assert queue.defer(session, "greet", queueing_lock="door") is not None
        assert queue.defer(session, "greet", queueing_lock="door") is None
        assert queue.defer(session, "greet", queueing_lock="window") is not None
    assert statuses(database) == ["todo", "todo"]


def test_beside_a_running_job_of_its_queueing_lock_another_one_waits(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet", queueing_lock="door")
        take(session, register(session))
        assert queue.defer(session, "greet", queueing_lock="door") is not None
    assert statuses(database) == ["doing", "todo"]


def test_a_job_starts_only_after_the_transactions_that_found_it_waiting(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet", queueing_lock="door")
    with database.begin() as worker:
        worker_no = register(worker)
        with database.begin() as session:
            assert queue.defer(session, "greet", queueing_lock="door") is None
            assert take(worker, worker_no) is None
        assert take(worker, worker_no) is not None


def test_a_job_waits_for_its_time(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet", schedule_at=datetime.now(UTC) + timedelta(hours=1))
        assert take(session, register(session)) is None
        assert queue.count(session).scheduled == 1


def test_urgent_jobs_go_first(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        urgent = queue.defer(session, "greet", priority=1)
        taken = take(session, register(session))
    assert taken is not None
    assert taken.job_no == urgent


def test_arguments_that_json_does_not_have_are_refused(database: Database) -> None:
    with database.begin() as session, pytest.raises(TypeError):
        queue.defer(session, "greet", who=uuid4())


def test_who_serves_a_key_hands_jobs_in(database: Database) -> None:
    with database.begin(STATION) as session:
        assert queue.defer(session, "greet", queueing_lock="door") is not None
        assert queue.defer(session, "greet", queueing_lock="door") is None
    assert statuses(database) == ["todo"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM jobs.procrastinate_jobs",
        "SELECT * FROM jobs.procrastinate_events",
        "DELETE FROM jobs.procrastinate_jobs",
        "SELECT jobs.procrastinate_fetch_job_v2(NULL, 1)",
    ],
)
def test_who_serves_a_key_sees_and_takes_no_jobs(database: Database, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        database.begin(STATION) as session,
    ):
        session.execute(text(statement))


def test_the_job_of_a_silent_worker_goes_back_to_the_queue(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        claim = take(session, register(session, silent_s=60))
        assert queue.rescue(session, silent_s=30) == {"greet": 1}
        again = take(session, register(session))
    assert claim is not None
    assert again is not None
    assert (again.job_no, again.attempts) == (claim.job_no, claim.attempts + 1)


def test_the_job_of_a_worker_that_was_struck_off_goes_back_to_the_queue(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        take(session, register(session))
        session.execute(text("DELETE FROM jobs.procrastinate_workers"))
        assert queue.rescue(session, silent_s=30) == {"greet": 1}


def test_the_job_of_a_living_worker_is_left_alone(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        take(session, register(session, silent_s=1))
        assert not queue.rescue(session, silent_s=30)
    assert statuses(database) == ["doing"]


def test_a_rescued_job_that_another_one_replaces_is_dropped(database: Database) -> None:
    with database.begin() as session:
        dead = register(session, silent_s=60)
        for _ in range(3):
            queue.defer(session, "greet", queueing_lock="door")
            take(session, dead)
        queue.defer(session, "greet", queueing_lock="window")
        take(session, dead)
        queue.defer(session, "greet", queueing_lock="window")
        assert queue.rescue(session, silent_s=30) == {"greet": 1}
        left = session.execute(
            text("SELECT queueing_lock, status::text FROM jobs.procrastinate_jobs ORDER BY id")
        ).all()
    assert [tuple(row) for row in left] == [("door", "todo"), ("window", "todo")]


def test_a_job_is_held_while_it_is_its_workers(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        claim = take(session, register(session))
        assert claim is not None
        claims.hold(session, claim)


def test_a_job_that_was_rescued_is_not_held_even_if_the_same_worker_took_it_again(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        worker_no = register(session, silent_s=60)
        claim = take(session, worker_no)
        assert claim is not None
        queue.rescue(session, silent_s=30)
        take(session, worker_no)
        with pytest.raises(JobLostError):
            claims.hold(session, claim)


def test_the_census_counts_by_state_and_tells_the_oldest(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        take(session, register(session))
        queue.defer(session, "greet")
        session.execute(text("UPDATE jobs.procrastinate_events SET at = now() - interval '1 hour'"))
        census = queue.count(session)
    assert (census.waiting, census.scheduled, census.running, census.failed) == (1, 0, 1, 0)
    assert (round(census.oldest_waiting_s), round(census.oldest_running_s)) == (3600, 3600)


def test_failed_jobs_are_deleted_when_they_are_old(database: Database) -> None:
    with database.begin() as session:
        queue.defer(session, "greet")
        queue.defer(session, "greet")
        for claim in (take(session, register(session)), take(session, register(session))):
            assert claim is not None
            session.execute(
                text("SELECT jobs.procrastinate_finish_job_v1(:job, 'failed', false)"), {"job": claim.job_no}
            )
        session.execute(
            text(
                "UPDATE jobs.procrastinate_events SET at = at - interval '1 year'"
                " WHERE job_id = (SELECT min(id) FROM jobs.procrastinate_jobs)"
            )
        )
        assert queue.delete_finished(session, before=datetime.now(UTC) - timedelta(days=30)) == 1
    assert statuses(database) == ["failed"]
