"""A solver process: started by the service, it does one task after another and may be ended at any time.

Run as ``python -m matcher.services.solver_process DESCRIPTOR BACKEND MEMORY_MB LOG_LEVEL``.
"""

import gc
import importlib
import logging
import os
import resource
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection

from matcher import telemetry
from matcher.domain.errors import MatcherError
from matcher.services.solver_messages import (
    OUT_OF_MEMORY,
    Allowance,
    Backend,
    Crashed,
    Done,
    Finish,
    Job,
    Message,
    Progress,
    Ready,
    Refused,
    Task,
)

__all__ = ["main"]

_MIB = 2**20
_ORPHAN_CHECK_S = 1.0
_REPORT_S = 0.1

logger = logging.getLogger(__name__)


def main(descriptor: int, backend: Backend, memory_mb: int, log_level: str) -> None:
    """Load the solver, say so, and do what is asked until the other end closes."""
    telemetry.configure(log_level)
    # A key press at the terminal reaches the whole group; the service decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    if backend is Backend.SCIPY:
        # numba reads it when it is imported, which is yet to come, and in this process alone.
        os.environ["NUMBA_DISABLE_JIT"] = "1"  # noqa: TID251 - written, not read; see above
    # Reading makes millions of objects and no cycles: the collector would only walk them again and again.
    gc.disable()
    with Connection(descriptor) as connection:
        _load(backend)
        # RLIMIT_AS would count what numba and OpenBLAS only reserve. Systems other than Linux count neither.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * _MIB, memory_mb * _MIB))
        # What is loaded stays; looking at it again after every task would take longer than a small one.
        gc.freeze()
        connection.send(Ready(backend))
        inbox = _Inbox(connection)
        try:
            while (task := inbox.next_task()) is not None:
                connection.send(_run(task, connection, inbox, backend))
                del task
                gc.collect()
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _load(backend: Backend) -> None:
    """Import what the first task would wait for; by name, since the environment had to be set before."""
    importlib.import_module("matcher.matching.pipeline")
    if backend is Backend.KERNEL:
        importlib.import_module("matcher.matching.warming").warm(time.monotonic)


class _Inbox:
    """What the service sends: one task after another, and that one of them is to finish, which may come late."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._to_finish = 0

    def next_task(self) -> Task | None:
        """Wait for a task; None once the service has closed its end."""
        while True:
            try:
                message = self._connection.recv()
            except EOFError:
                return None
            match message:
                case Task():
                    return message
                case Finish(number):
                    self._to_finish = number
                case _:
                    raise TypeError(f"Expected a task, not {type(message).__name__}.")

    def should_finish(self, task: Task) -> bool:
        """Tell whether a task is to end with what it has."""
        while self._connection.poll():
            try:
                message = self._connection.recv()
            except EOFError:
                return True
            if isinstance(message, Finish):
                self._to_finish = message.number
        return self._to_finish == task.number


def _run(task: Task, connection: Connection, inbox: _Inbox, backend: Backend) -> Message:
    last_stage, next_report = "", 0.0

    def report(stage: str, fraction: float) -> None:
        nonlocal last_stage, next_report
        if stage != last_stage or time.monotonic() >= next_report:
            connection.send(Progress(stage, fraction))
            last_stage, next_report = stage, time.monotonic() + _REPORT_S

    def allow(seconds: float) -> None:
        connection.send(Allowance(seconds))

    module, _, function = task.work.partition(":")
    job = Job(backend, report, allow, lambda: inbox.should_finish(task))
    try:
        work = getattr(importlib.import_module(module), function)
        return Done(work(job, *task.arguments))
    except MatcherError as error:
        return Refused(error)
    except MemoryError:
        raise
    except Exception:
        logger.exception("a task crashed")
        return Crashed()


def _end_with_parent(parent: int) -> None:
    """End when the service is gone: it may have been killed in the middle of our work."""
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_S)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), Backend(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
