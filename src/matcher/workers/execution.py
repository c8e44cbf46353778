"""How one job is done: in a thread, with a line in the log, and again if it failed."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from matcher import telemetry
from matcher.storage.claims import Claim, JobLostError
from matcher.workers import threads
from matcher.workers.context import Context, InterruptedJobError, Process
from matcher.workers.tasks import Task

__all__ = ["GivenUpError", "Retries", "coroutine"]

_LONGEST_PAUSE_S: Final = 300

logger = logging.getLogger(__name__)


class GivenUpError(Exception):
    """The job was tried too often."""


@dataclass(frozen=True, slots=True)
class Retries(BaseRetryStrategy):
    """When a job that was not done is tried again: never after it was lost or given up, at once after a stop."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the job is tried again, or None."""
        if isinstance(exception, GivenUpError | JobLostError):
            return None
        if isinstance(exception, InterruptedJobError | asyncio.CancelledError):
            return RetryDecision()
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, _LONGEST_PAUSE_S)})


def coroutine(process: Process, task: Task) -> Callable[..., Coroutine[Any, Any, None]]:
    """Return what does the jobs of a task in one worker."""

    async def run(taken: JobContext, **arguments: object) -> None:
        arguments.pop("timestamp", None)  # when a periodic job was due; the clock says it as well
        await threads.call(partial(_do, process, task, taken.job, arguments), name=f"job-{taken.job.id}")

    return run


def _do(process: Process, task: Task, job: Job, arguments: dict[str, object]) -> None:
    """Try a job once.

    Raises
    ------
    GivenUpError
        If it was tried too often before.
    """
    telemetry.request_id.set(f"job-{job.id}")
    started = time.perf_counter()
    outcome = "failed"
    try:
        context = Context(process, _claim(job))
        if job.attempts >= task.most_tries:
            if task.give_up is not None:
                task.give_up(context, **arguments)
            raise GivenUpError
        task.run(context, **arguments)
        outcome = "done"
    except InterruptedJobError:
        outcome = "interrupted"
        raise
    except GivenUpError:
        outcome = "given up"
        raise
    except JobLostError:
        outcome = "lost"
        raise
    except Exception as error:
        if not process.stopping.is_set():
            raise
        # What it needs may have been closed under it: it fails because we stop.
        outcome = "interrupted"
        raise InterruptedJobError from error
    finally:
        logger.log(
            logging.ERROR if outcome in ("failed", "given up") else logging.INFO,
            "job",
            exc_info=outcome == "failed",
            extra={
                "task": job.task_name,
                "tries": job.attempts + 1,
                "outcome": outcome,
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
            },
        )


def _claim(job: Job) -> Claim:
    if job.id is None or job.worker_id is None:
        raise JobLostError
    return Claim(job_no=job.id, worker_no=job.worker_id, attempts=job.attempts)
