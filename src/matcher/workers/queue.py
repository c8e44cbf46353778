"""The queue as one worker meets it: every task under its name, every schedule, connections of its own."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

import procrastinate

from matcher.storage import claims
from matcher.workers import execution
from matcher.workers.context import Process
from matcher.workers.periodic import PERIODIC
from matcher.workers.tasks import Task

__all__ = ["connect"]

# It writes a line for each try to connect; that the database is away is said once.
_POOL_LOG: Final = logging.getLogger("psycopg.pool")
_WORKER_LOG: Final = logging.getLogger("procrastinate.worker")


def connect(process: Process, tasks: Mapping[str, Task], *, on_unsettled: Callable[[], None]) -> procrastinate.App:
    """Return the queue, not open yet."""
    _POOL_LOG.setLevel(logging.ERROR)
    _WORKER_LOG.addFilter(_tells_of_worker)
    connector = claims.connector(process.database.url, concurrency=process.settings.worker_concurrency)
    app = procrastinate.App(connector=connector)
    app.job_manager = claims.JobManager(connector, known=tasks, on_unsettled=on_unsettled)
    for name, task in tasks.items():
        registered = app.task(name=name, pass_context=True, retry=execution.Retries())(
            execution.coroutine(process, task)
        )
        if name in PERIODIC:
            # A late one makes the next one needless; two at a time would do the same twice.
            app.periodic(cron=PERIODIC[name], lock=name, queueing_lock=name)(registered)
    return app


def _tells_of_worker(record: logging.LogRecord) -> bool:
    """Tell whether a line is about the worker: those about a job hold its arguments, and we write our own."""
    return getattr(record, "action", None) == "side_task_failed"
