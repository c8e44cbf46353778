"""A worker: a thread that does jobs until it is told to stop, whatever happens to the database meanwhile."""

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import procrastinate
from procrastinate import worker
from procrastinate.jobs import DeleteJobCondition

from matcher.services.solving import Solvers
from matcher.settings import Settings
from matcher.storage import queue as jobs
from matcher.storage.database import Database
from matcher.workers import queue, threads
from matcher.workers.context import Process
from matcher.workers.tasks import TASKS, Task

__all__ = ["Pace", "Worker"]

# What settling the last jobs, and closing the connections, may take beyond the time to drain.
_CLOSE_S: Final = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker does what nobody tells it to.

    Attributes
    ----------
    poll_s
        It looks for jobs whose time has come, or that it was not told of.
    heartbeat_s, silent_s
        It says that it lives; one that did not for so long is taken for dead.
    rescue_s
        It gives the jobs of the dead back to the queue.
    restart_s
        It waits after it failed, before it starts again.
    """

    poll_s: float = 1.0
    heartbeat_s: float = 3.0
    silent_s: float = 12.0
    rescue_s: float = 3.0
    restart_s: float = 1.0


class Worker:
    """One worker of the queue. Any number may run, in any number of processes and on any number of hosts."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        solvers: Solvers,
        *,
        tasks: Mapping[str, Task] = TASKS,
        pace: Pace | None = None,
    ) -> None:
        self._process = Process(settings, database, solvers, stopping=threading.Event())
        self._tasks = tasks
        self._pace = pace or Pace()
        self._thread = threading.Thread(target=self._main, name="worker", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._current: worker.Worker | None = None
        # Set only while it waits for the database: closing its connections may not be cut short.
        self._breakable: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        self._thread.start()

    def stop(self, *, drain_s: float) -> None:
        """Take no more jobs, let those at work finish for some seconds, and give the rest back to the queue.

        Stopping twice is no error.
        """
        self._process.stopping.set()
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._end, drain_s)
        self._thread.join(drain_s + _CLOSE_S)
        if self._thread.is_alive():
            logger.error("the worker did not end in time; its jobs will be found by another one")

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner, contextlib.suppress(asyncio.CancelledError):
            runner.run(self._run())

    def _end(self, drain_s: float) -> None:
        if self._current is not None:
            self._current.shutdown_graceful_timeout = drain_s
            self._current.stop()
        elif self._breakable is not None:
            self._breakable.cancel()

    async def _run(self) -> None:
        while not self._process.stopping.is_set():
            self._breakable = asyncio.current_task()
            try:
                await self._work()
            except Exception:
                logger.exception("the worker failed")
            if self._process.stopping.is_set():
                logger.info("the worker has stopped")
                return
            logger.warning("the worker starts again")
            self._breakable = asyncio.current_task()
            await asyncio.sleep(self._pace.restart_s)
            await threads.call(self._process.database.is_ready, name="worker-readiness")

    async def _work(self) -> None:
        """Do jobs until told to stop, or until the database is lost."""
        app = queue.connect(self._process, self._tasks, on_unsettled=self._sign_off)
        rescuing = asyncio.create_task(self._rescue())
        try:
            await app.open_async()
            self._current = self._taking_from(app)
            if not self._process.stopping.is_set():
                logger.info("the worker takes jobs", extra={"concurrency": self._current.concurrency})
                await self._current.run()
        finally:
            self._current, self._breakable = None, None
            rescuing.cancel()
            # Also where it never opened: it would go on trying.
            await app.close_async()

    def _sign_off(self) -> None:
        """Stop, and start anew as another worker, so that what this one holds is rescued."""
        if self._current is not None:
            self._current.stop()

    def _taking_from(self, app: procrastinate.App) -> worker.Worker:
        return worker.Worker(
            app,
            name=None,
            concurrency=self._process.settings.worker_concurrency,
            fetch_job_polling_interval=self._pace.poll_s,
            shutdown_graceful_timeout=self._process.settings.drain_s,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            update_heartbeat_interval=self._pace.heartbeat_s,
            stalled_worker_timeout=self._pace.silent_s,
        )

    async def _rescue(self) -> None:
        """Give the jobs of dead workers back, again and again: beside the queue, which may be full of them."""
        while True:
            await asyncio.sleep(self._pace.rescue_s)
            try:
                rescued = await threads.call(self._rescue_once, name="worker-rescue")
            except Exception:
                logger.exception("stalled jobs could not be looked for")
                continue
            if rescued:
                logger.warning("rescued jobs", extra={"jobs": rescued.total(), "tasks": dict(rescued)})

    def _rescue_once(self) -> Counter[str]:
        with self._process.database.begin() as session:
            return jobs.rescue(session, silent_s=self._pace.silent_s)
