"""Solving in processes of their own: nothing that a problem does can harm the service.

Each worker is a thread that minds one solver process: it hands over a task, passes on progress,
and ends the process when the task is past its time. A process that dies, or is ended, is started
anew. Compiling the kernels takes half a minute on a new machine; until the first process has
them, an interim one answers by scipy.
"""

import itertools
import logging
import signal
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Final

from matcher.domain.errors import (
    MatcherError,
    OverloadedError,
    SolverCrashError,
    SolverMemoryError,
    SolverTimeoutError,
    Text,
)
from matcher.services.solver_child import SolverChild
from matcher.services.solver_messages import (
    OUT_OF_MEMORY,
    Allowance,
    Backend,
    Crashed,
    Done,
    Message,
    Progress,
    Ready,
    Refused,
    Task,
)

__all__ = ["Limits", "Solvers", "Ticket"]

_RESTART_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What solving may take.

    Attributes
    ----------
    workers
        Tasks at the same time.
    queue
        Tasks that may wait beside them.
    time_limit_s
        Most seconds that a task may give itself.
    grace_s
        How long after its own limit, or without one, a task is ended.
    memory_mb
        Most memory of one process.
    """

    workers: int
    queue: int
    time_limit_s: float
    grace_s: float
    memory_mb: int


def _running() -> "Future[bytes]":
    """Return a future that whoever waits for it cannot cancel: ``Solvers.cancel`` does that."""
    future: Future[bytes] = Future()
    future.set_running_or_notify_cancel()
    return future


@dataclass(eq=False, slots=True)
class Ticket:
    """A task that was taken on: its answer to come, and how far it is."""

    task: Task
    answer: "Future[bytes]" = field(default_factory=_running)
    progress: Progress | None = None
    child: SolverChild | None = None
    is_cancelled: bool = False
    is_hurried: bool = False
    attempts: int = 0


class Solvers:
    """The solver processes of one service."""

    def __init__(self, limits: Limits, *, kernels: bool, log_level: str) -> None:
        self._limits = limits
        self._kernels = kernels
        self._log_level = log_level
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._waiting: deque[Ticket] = deque()
        self._running: set[Ticket] = set()
        self._children: set[SolverChild] = set()
        self._threads: list[threading.Thread] = []
        self._is_warm = False
        self._is_closing = False

    def start(self) -> None:
        """Start the processes; returns at once."""
        backend = Backend.KERNEL if self._kernels else Backend.SCIPY
        for number in range(self._limits.workers):
            self._spawn(backend, is_first=number == 0, is_interim=False)
        if self._kernels:
            self._spawn(Backend.SCIPY, is_first=True, is_interim=True)

    @property
    def task_count(self) -> int:
        """How many tasks run or wait."""
        return len(self._waiting) + len(self._running)

    @property
    def is_warm(self) -> bool:
        """Whether the first process has its solver loaded."""
        return self._is_warm

    def submit(self, work: str, *arguments: object) -> Ticket:
        """Take on a task: a function by its name (``module:function``) and its arguments after the ``Job``.

        Raises
        ------
        OverloadedError
            If too many wait already, or the service is stopping.
        """
        ticket = Ticket(Task(work, arguments, next(self._numbers)))
        with self._changed:
            self.check_room()
            self._waiting.append(ticket)
            self._changed.notify_all()
        return ticket

    def check_room(self) -> None:
        """Refuse early what ``submit`` would refuse now.

        Raises
        ------
        OverloadedError
            If too many wait already, or the service is stopping.
        """
        if self._is_closing:
            raise _stopping()
        if len(self._waiting) + len(self._running) >= self._limits.queue + self._limits.workers:
            raise OverloadedError(
                Text(en="Every solver is busy and the queue is full.", zh="求解器全部忙碌，队列已满。")
            )

    def cancel(self, ticket: Ticket) -> None:
        """Give a task up; if it runs already, its process is ended. Nothing happens to a task that is done."""
        with self._changed:
            ticket.is_cancelled = True
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                ticket.answer.set_exception(CancelledError())
            elif ticket.child is not None:
                ticket.child.kill()

    def finish(self, ticket: Ticket) -> None:
        """Ask a task to end with what it has. One that has not begun ends soon after it has."""
        with self._changed:
            ticket.is_hurried = True
            child, task = ticket.child, ticket.task
        if child is not None:
            child.finish(task)

    def close(self, *, drain_s: float) -> None:
        """Take on nothing more, let what runs finish for some seconds, then end every process."""
        with self._changed:
            self._is_closing = True
            while self._waiting:
                self._waiting.popleft().answer.set_exception(_stopping())
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running, timeout=drain_s)
            for child in self._children:
                child.kill()
        for thread in self._threads:
            thread.join()

    def _spawn(self, backend: Backend, *, is_first: bool, is_interim: bool) -> None:
        worker = threading.Thread(
            target=self._work,
            args=(backend,),
            kwargs={"is_first": is_first, "is_interim": is_interim},
            name=f"solver-{'interim' if is_interim else backend}",
            daemon=True,
        )
        self._threads.append(worker)
        worker.start()

    def _work(self, backend: Backend, *, is_first: bool, is_interim: bool) -> None:
        """Mind one process after another until the service stops."""
        if not is_first:
            with self._changed:
                # The first process compiles what the others then only load.
                self._changed.wait_for(lambda: self._is_warm or self._is_closing)
        failures = 0
        while not self._is_over(is_interim=is_interim):
            child = self._open(backend)
            try:
                is_loaded = isinstance(child.receive(None), Ready)
            except (EOFError, OSError):
                is_loaded = False
            if is_loaded:
                failures = 0
                self._note_loaded(is_interim=is_interim)
                self._mind(child, is_interim=is_interim)
            self._discard(child)
            if not is_loaded and not self._is_closing:
                logger.error("a solver process did not start", extra={"backend": backend, "failures": failures + 1})
                with self._changed:
                    pause = _RESTART_S[min(failures, len(_RESTART_S) - 1)]
                    self._changed.wait_for(lambda: self._is_closing, timeout=pause)
                failures += 1

    def _open(self, backend: Backend) -> SolverChild:
        child = SolverChild(backend, memory_mb=self._limits.memory_mb, log_level=self._log_level)
        with self._changed:
            self._children.add(child)
            if self._is_closing:
                child.kill()
        return child

    def _discard(self, child: SolverChild) -> None:
        with self._changed:
            self._children.discard(child)
        child.close()

    def _note_loaded(self, *, is_interim: bool) -> None:
        if is_interim:
            return
        with self._changed:
            self._is_warm = True
            self._changed.notify_all()

    def _is_over(self, *, is_interim: bool) -> bool:
        return self._is_closing or (is_interim and self._is_warm)

    def _mind(self, child: SolverChild, *, is_interim: bool) -> None:
        """Give one process task after task, as long as it lives."""
        while (ticket := self._take(child, is_interim=is_interim)) is not None:
            outcome = self._try(child, ticket)
            if outcome is None:
                return
            self._settle(ticket, outcome)
            # A cancelled ticket's process may be dying although the task was done.
            if ticket.is_cancelled or not isinstance(outcome, Done | Refused):
                return

    def _take(self, child: SolverChild, *, is_interim: bool) -> Ticket | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over(is_interim=is_interim))
            if self._is_over(is_interim=is_interim):
                return None
            ticket = self._waiting.popleft()
            ticket.child = child
            ticket.attempts += 1
            self._running.add(ticket)
            return ticket

    def _try(self, child: SolverChild, ticket: Ticket) -> Message | MatcherError | None:
        """Return how the task ended, or None if it was put back because the process had died before."""
        try:
            child.send(ticket.task)
        except OSError:
            if child.how_it_ended() == OUT_OF_MEMORY:
                return self._out_of_memory()
            return self._put_back(ticket)
        if ticket.is_hurried:
            child.finish(ticket.task)
        try:
            return self._attend(child, ticket)
        except (EOFError, OSError):
            if self._is_closing:
                return _stopping()
            # Besides ourselves, only the system sends SIGKILL, when it runs out of memory.
            is_memory = child.how_it_ended() in (OUT_OF_MEMORY, -signal.SIGKILL)
            return self._out_of_memory() if is_memory else Crashed()

    def _put_back(self, ticket: Ticket) -> MatcherError | None:
        with self._changed:
            if self._is_closing:
                return _stopping()
            if ticket.is_cancelled or ticket.attempts > 1:
                return _crashed()
            self._running.discard(ticket)
            ticket.child = None
            self._waiting.appendleft(ticket)
            self._changed.notify_all()
        return None

    def _attend(self, child: SolverChild, ticket: Ticket) -> Message | MatcherError:
        """Pass on what the process says until it is done or past its time."""
        deadline = time.monotonic() + self._limits.grace_s
        while (message := child.receive(max(0.0, deadline - time.monotonic()))) is not None:
            match message:
                case Progress():
                    ticket.progress = message
                case Allowance(seconds):
                    deadline = time.monotonic() + min(seconds, self._limits.time_limit_s) + self._limits.grace_s
                case _:
                    return message
        child.kill()
        return SolverTimeoutError(
            Text(
                en="The solver was ended: it ran {grace} s past its time limit. Allow more time or send less.",
                zh="求解器超过时限 {grace} 秒，已被终止。请放宽时限或减小问题规模。",
                values={"grace": self._limits.grace_s},
            )
        )

    def _settle(self, ticket: Ticket, outcome: Message | MatcherError) -> None:
        with self._changed:
            self._running.discard(ticket)
            ticket.child = None
            # The answer may be kept for an hour; what was asked need not be.
            ticket.task = Task(ticket.task.work, ())
            self._changed.notify_all()
        if ticket.is_cancelled:
            ticket.answer.set_exception(CancelledError())
        elif isinstance(outcome, Done):
            ticket.answer.set_result(outcome.answer)
        else:
            ticket.answer.set_exception(_error(outcome))

    def _out_of_memory(self) -> MatcherError:
        return SolverMemoryError(
            Text(
                en="The solver needed more than {memory} MiB of memory. Send less at a time.",
                zh="求解器所需内存超过 {memory} MiB。请减小单次问题规模。",
                values={"memory": self._limits.memory_mb},
            )
        )


def _error(outcome: Message | MatcherError) -> MatcherError:
    match outcome:
        case MatcherError():
            return outcome
        case Refused(error):
            return error
        case _:
            return _crashed()


def _crashed() -> MatcherError:
    return SolverCrashError(
        Text(en="The solver ended without an answer. This is our fault.", zh="求解器异常终止，这是服务端的问题。")
    )


def _stopping() -> MatcherError:
    return OverloadedError(Text(en="The service is stopping.", zh="服务正在停止。"))
