"""Jobs: handed in by the transaction that causes them, and kept from getting lost.

The tables are procrastinate's, in a schema of their own; `matcher.storage.claims` is how workers
take jobs from them.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

__all__ = ["Census", "count", "defer", "delete_finished", "rescue"]

_DEFER = text("SELECT jobs.defer(:task, CAST(:args AS jsonb), :lock, :queueing_lock, :schedule_at, :priority)")

# Of several with one queueing lock a single one may wait: the others would do its work again.
_RESCUE = text("""
    WITH stalled AS (
        SELECT job.id, job.queueing_lock
        FROM jobs.procrastinate_jobs AS job
        LEFT JOIN jobs.procrastinate_workers AS worker ON worker.id = job.worker_id
        WHERE job.status = 'doing'
          AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :silent_s))
        FOR UPDATE OF job SKIP LOCKED
    ), judged AS (
        SELECT id, queueing_lock IS NOT NULL AND (
            row_number() OVER (PARTITION BY queueing_lock ORDER BY id) > 1
            OR EXISTS (
                SELECT FROM jobs.procrastinate_jobs AS other
                WHERE other.queueing_lock = stalled.queueing_lock AND other.status = 'todo'
            )
        ) AS is_superseded
        FROM stalled
    ), superseded AS (
        DELETE FROM jobs.procrastinate_jobs WHERE id IN (SELECT id FROM judged WHERE is_superseded)
    )
    UPDATE jobs.procrastinate_jobs
    SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL, abort_requested = false
    WHERE id IN (SELECT id FROM judged WHERE NOT is_superseded)
    RETURNING task_name
""")

_COUNT = text("""
    WITH job AS (
        SELECT status, scheduled_at, (
            SELECT max(event.at) FROM jobs.procrastinate_events AS event
            WHERE event.job_id = job.id AND event.type IN ('deferred', 'started')
        ) AS since
        FROM jobs.procrastinate_jobs AS job WHERE status IN ('todo', 'doing', 'failed')
    )
    SELECT
        count(*) FILTER (WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())),
        count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()),
        count(*) FILTER (WHERE status = 'doing'),
        count(*) FILTER (WHERE status = 'failed'),
        coalesce(extract(epoch FROM max(now() - coalesce(scheduled_at, since))
            FILTER (WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))), 0)::float,
        coalesce(extract(epoch FROM max(now() - since) FILTER (WHERE status = 'doing')), 0)::float
    FROM job
""")

_DELETE_FINISHED = text("""
    DELETE FROM jobs.procrastinate_jobs AS job
    WHERE status NOT IN ('todo', 'doing')
      AND NOT EXISTS (
        SELECT FROM jobs.procrastinate_events AS event WHERE event.job_id = job.id AND event.at >= :before
      )
    RETURNING job.id
""")


@dataclass(frozen=True, slots=True)
class Census:
    """How many jobs there are, and for how long the oldest has been waiting or running."""

    waiting: int
    scheduled: int
    running: int
    failed: int
    oldest_waiting_s: float
    oldest_running_s: float


def defer(
    session: Session,
    task: str,
    *,
    lock: str | None = None,
    queueing_lock: str | None = None,
    schedule_at: datetime | None = None,
    priority: int = 0,
    **args: object,
) -> int | None:
    """Put a job into the queue, as a part of the caller's transaction.

    A worker hears of it when the transaction commits; if it rolls back there never was a job. A
    job may run more than once, if its worker is killed: it has to look at the state of things,
    not at having been called.

    Parameters
    ----------
    lock
        Of the jobs with one lock, one runs at a time, in their order. A job that waits for its
        time, or to be tried again, holds up the later ones of its lock.
    queueing_lock
        Of the jobs with one queueing lock, one waits at a time. It starts only after every
        transaction that found it waiting has ended, and so sees what they wrote: defer it late in
        a transaction.
    schedule_at
        When it may run, at the earliest.
    priority
        Higher ones run first.
    args
        What the task is called with: values that JSON has, ids rather than contents.

    Returns
    -------
    int or None
        The number of the job; None if one with its queueing lock waits already.
    """
    job: int | None = session.execute(
        _DEFER,
        {
            "task": task,
            "args": json.dumps(args, allow_nan=False),
            "lock": lock,
            "queueing_lock": queueing_lock,
            "schedule_at": schedule_at,
            "priority": priority,
        },
    ).scalar_one()
    return job


def rescue(session: Session, *, silent_s: float) -> Counter[str]:
    """Give the jobs of workers that were silent for too long back to the queue, and count them by task."""
    return Counter(session.execute(_RESCUE, {"silent_s": silent_s}).scalars())


def count(session: Session) -> Census:
    """Count the jobs of the queue."""
    return Census(*session.execute(_COUNT).one())


def delete_finished(session: Session, *, before: datetime) -> int:
    """Delete the jobs that ended before a time, and return how many: failed ones, since others leave at once."""
    return len(session.execute(_DELETE_FINISHED, {"before": before}).all())
