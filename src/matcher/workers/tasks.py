"""The tasks by their names: each opens a transaction and calls a service."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from matcher.services import failing, offers
from matcher.storage import events, idempotency, queue
from matcher.workers import erasures, imports, retention, runs
from matcher.workers.context import Context

__all__ = ["TASKS", "Task"]

_BATCH: Final = 10_000
_FAILURE_BATCH: Final = 200
_EXPIRY_BATCH: Final = 500
_KEEP_FAILED: Final = timedelta(days=30)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """How the jobs of one name are done.

    Attributes
    ----------
    run
        Called with the context and the arguments of the job. It may be called again for the same
        job, after a kill or a failure: it looks at the state of things.
    give_up
        Called likewise when the job was tried too often, so that nobody waits for it for ever.
    most_tries
        How often a job is tried. Between two tries the pause doubles, up to five minutes.
    """

    run: Callable[..., None]
    give_up: Callable[..., None] | None = None
    most_tries: int = 10


def report_jobs(context: Context) -> None:
    """Write the state of the queue into the log, where it can be watched."""
    with context.begin() as session:
        census = queue.count(session)
    logger.info("queue", extra=asdict(census))


def delete_finished_jobs(context: Context) -> None:
    """Delete what is left of jobs that failed long ago."""
    with context.begin() as session:
        deleted = queue.delete_finished(session, before=context.now() - _KEEP_FAILED)
    logger.info("deleted old jobs", extra={"jobs": deleted})


def delete_old_answers(context: Context) -> None:
    """Delete the answers to calls that nobody repeats any more."""
    before = context.now() - timedelta(seconds=context.settings.idempotency_ttl_s)
    deleted = _BATCH
    while deleted == _BATCH:
        context.check()
        with context.begin() as session:
            deleted = idempotency.delete_before(session, before, limit=_BATCH)


def expire_offers(context: Context) -> None:
    """Let offers whose time to be answered is over expire."""
    expired = _EXPIRY_BATCH
    while expired:
        context.check()
        with context.begin() as session:
            expired = offers.expire(session, limit=_EXPIRY_BATCH, now=context.now())


def fail_requests(context: Context) -> None:
    """Close the requests whose last window is over and to whom nobody comes."""
    failed = _FAILURE_BATCH
    while failed == _FAILURE_BATCH:
        context.check()
        with context.begin() as session:
            failed = failing.fail_overdue(session, limit=_FAILURE_BATCH, now=context.now())


def order_events(context: Context) -> None:
    """Give committed events their positions, also while nobody reads the feed."""
    ordered = _BATCH
    while ordered == _BATCH:
        context.check()
        with context.begin() as session:
            ordered = events.order(session, limit=_BATCH)


TASKS: Final[Mapping[str, Task]] = {
    "jobs.report": Task(report_jobs),
    "jobs.delete_finished": Task(delete_finished_jobs),
    "offers.expire": Task(expire_offers),
    "requests.fail": Task(fail_requests),
    "events.order": Task(order_events),
    "idempotency.delete_old": Task(delete_old_answers),
    "runs.publish": Task(runs.publish, give_up=runs.give_up_publishing),
    "runs.solve": Task(runs.solve, give_up=runs.give_up_solving),
    "imports.work": Task(imports.work, give_up=imports.give_up),
    "imports.sweep": Task(imports.sweep),
    "retention.sweep": Task(retention.sweep),
    "erasures.work": Task(erasures.work, most_tries=1_000),
}
