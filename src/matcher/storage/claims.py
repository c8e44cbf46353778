"""What a worker holds: jobs that it took, and that it settles only while they are still its own.

A worker may be stopped for a minute, lose its network, and come back after its jobs were given to
another. Its job's number, its own, and how often the job was tried before tell whether it still
holds the job: both its writes and its verdict are refused if not.
"""

import asyncio
import logging
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString

from procrastinate import PsycopgConnector, manager
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.utils import utcnow
from sqlalchemy import URL, text
from sqlalchemy.orm import Session

__all__ = ["Claim", "JobLostError", "JobManager", "connector", "hold"]

_HOLD = text("""
    SELECT FROM jobs.procrastinate_jobs
    WHERE id = :job_no AND status = 'doing' AND worker_id = :worker_no AND attempts = :attempts
    FOR UPDATE
""")
_OURS = """
    WITH ours AS (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_no)s AND status = 'doing' AND worker_id = %(worker_no)s AND attempts = %(attempts)s
        FOR UPDATE
    )
"""
_FINISH: Final = _OURS + "SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) FROM ours"  # noqa: S608 - no value in it
_RETRY: Final = _OURS + "SELECT procrastinate_retry_job_v2(id, %(retry_at)s, NULL, NULL, NULL) FROM ours"  # noqa: S608 - no value in it

# A newer service may hand in jobs of tasks that this worker does not know, until it is replaced as well.
_UNKNOWN_AGAIN: Final = timedelta(seconds=30)
_PAUSES_S: Final = (0.2, 1.0)


logger = logging.getLogger(__name__)


class JobLostError(Exception):
    """The job was given to another worker meanwhile: nothing may be written for it any more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One taking of a job by a worker."""

    job_no: int
    worker_no: int
    attempts: int


def hold(session: Session, claim: Claim) -> None:
    """Make sure, until the end of the transaction, that the job is still the worker's.

    Raises
    ------
    JobLostError
        If it is not.
    """
    held = session.execute(
        _HOLD, {"job_no": claim.job_no, "worker_no": claim.worker_no, "attempts": claim.attempts}
    ).first()
    if held is None:
        raise JobLostError


class JobManager(manager.JobManager):
    """Settles jobs that are still the worker's, and no others.

    ``on_unsettled`` is called when the database could not be told how a job ended. The job stays
    with its worker then, and is rescued only after the worker has signed off.
    """

    def __init__(self, connector: PsycopgConnector, *, known: Container[str], on_unsettled: Callable[[], None]) -> None:
        super().__init__(connector)
        self._known = known
        self._on_unsettled = on_unsettled

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001 - as inherited
        """End a job; one whose task is not known here waits for a worker that knows it."""
        if job.task_name not in self._known:
            logger.error("no such task", extra={"task": job.task_name})
            await self.retry_job(job, retry_at=utcnow() + _UNKNOWN_AGAIN)
            return
        await self._settle(_FINISH, job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,  # noqa: ARG002 - as inherited
        queue: str | None = None,  # noqa: ARG002 - as inherited
        lock: str | None = None,  # noqa: ARG002 - as inherited
    ) -> None:
        """Give a job back to the queue, unless one waits there already that does the same."""
        try:
            await self._settle(_RETRY, job, retry_at=retry_at)
        except UniqueViolation:
            await self._settle(_FINISH, job, status=Status.SUCCEEDED.value, delete_job=True)

    async def _settle(self, query: LiteralString, job: Job, **verdict: object) -> None:
        claim = {"job_no": job.id, "worker_no": job.worker_id, "attempts": job.attempts}
        for pause_s in (*_PAUSES_S, None):
            try:
                await self.connector.execute_query_async(query, **claim, **verdict)
            except UniqueViolation:
                raise
            except ConnectorException:
                if pause_s is None:
                    self._on_unsettled()
                    raise
                await asyncio.sleep(pause_s)
            else:
                return


def connector(url: URL, *, concurrency: int) -> PsycopgConnector:
    """Return connections for taking and settling jobs, and for hearing of new ones."""
    return PsycopgConnector(
        conninfo=url.set(drivername="postgresql").render_as_string(hide_password=False),
        min_size=1,
        max_size=concurrency + 1,
        timeout=3.0,
        kwargs={
            "application_name": "matcher-worker",
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            "options": "-c search_path=jobs -c role=matcher_system -c statement_timeout=10000 -c timezone=UTC",
        },
    )
