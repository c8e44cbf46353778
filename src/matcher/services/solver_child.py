"""The service's end of one solver process."""

import contextlib
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection

from matcher.services.solver_messages import Backend, Finish, Message, Task

__all__ = ["SolverChild"]

_END_S = 2.0


class SolverChild:
    """One solver process. Its methods are called by one thread, ``finish`` and ``kill`` by any."""

    def __init__(self, backend: Backend, *, memory_mb: int, log_level: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module with our own arguments, without a shell
                [
                    *(sys.executable, "-m", "matcher.services.solver_process"),
                    *(str(theirs.fileno()), backend, str(memory_mb), log_level),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())
        self._sending = threading.Lock()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send(self, task: Task) -> None:
        """Hand over a task.

        Raises
        ------
        OSError
            If the process is gone.
        """
        with self._sending:
            self._connection.send(task)

    def finish(self, task: Task) -> None:
        """Ask for the answer of a task as it is; nothing happens if the process is gone or has done it."""
        with self._sending, contextlib.suppress(OSError):
            self._connection.send(Finish(task.number))

    def receive(self, timeout_s: float | None) -> Message | None:
        """Return what the process says next, or None if it says nothing in time.

        Raises
        ------
        EOFError, OSError
            If the process is gone.
        """
        if not self._connection.poll(timeout_s):
            return None
        message: Message = self._connection.recv()
        return message

    def how_it_ended(self) -> int:
        """Wait until the process is gone, and return its status: below zero, the signal that ended it."""
        return self._process.wait()

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Let the process end by itself if it idles, or else end it, and leave nothing behind."""
        self._connection.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
