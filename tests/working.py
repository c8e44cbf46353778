"""A worker inside the test's own process, and what is left of its jobs."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import text

from matcher.services.solving import Limits, Solvers
from matcher.settings import Settings
from matcher.storage.database import Database
from matcher.workers.tasks import TASKS, Task
from matcher.workers.worker import Pace, Worker

QUICK = Pace(poll_s=0.2, heartbeat_s=0.3, silent_s=60, rescue_s=0.2, restart_s=0.1)
WAIT_S = 60


@contextmanager
def working(database: Database, tasks: Mapping[str, Task] = TASKS, pace: Pace = QUICK) -> Iterator[Worker]:
    """Let a worker run, and stop it."""
    limits = Limits(workers=1, queue=0, time_limit_s=1, grace_s=1, memory_mb=256)
    settings = Settings(worker_concurrency=2)
    worker = Worker(settings, database, Solvers(limits, kernels=False, log_level="info"), tasks=tasks, pace=pace)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(drain_s=5)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def jobs(database: Database, task: str | None = None) -> list[tuple[str, int]]:
    """Return the state of every job, or of those of one task, and how often it was tried."""
    with database.begin() as session:
        found = session.execute(
            text(
                "SELECT status::text, attempts FROM jobs.procrastinate_jobs"
                " WHERE task_name = coalesce(:task, task_name) ORDER BY id"
            ),
            {"task": task},
        )
        return [(row.status, row.attempts) for row in found]
