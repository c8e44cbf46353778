"""What a task is given beside its arguments."""

import concurrent.futures
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from matcher.services.solving import Solvers
from matcher.settings import Settings
from matcher.storage import claims
from matcher.storage.claims import Claim
from matcher.storage.database import Database, Session

__all__ = ["Context", "InterruptedJobError", "Process"]

T = TypeVar("T")

_LOOK_S: Final = 0.2


class InterruptedJobError(Exception):
    """The worker is stopping: the job goes back to the queue and is done by another one."""


@dataclass(frozen=True, slots=True)
class Process:
    """What all jobs of one worker share; ``stopping`` is set once it was told to end."""

    settings: Settings
    database: Database
    solvers: Solvers
    stopping: threading.Event


@dataclass(frozen=True, slots=True)
class Context:
    """One try at one job."""

    process: Process
    claim: Claim

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return self.process.settings

    @property
    def solvers(self) -> Solvers:
        """The solvers of the process."""
        return self.process.solvers

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a transaction that sees everything, and that commits only if the job is still this worker's.

        Raises
        ------
        JobLostError
            If the job was given to another worker; nothing is written then.
        """
        with self.process.database.begin() as session:
            yield session
            claims.hold(session, self.claim)

    def now(self) -> datetime:
        """Read the clock."""
        return datetime.now(UTC)  # noqa: TID251 - this is the edge

    def check(self) -> None:
        """Stop here if the worker is stopping: called between the steps of a long job.

        Raises
        ------
        InterruptedJobError
            If it is.
        """
        if self.process.stopping.is_set():
            raise InterruptedJobError

    def wait(self, answer: "Future[T]") -> T:
        """Wait for something that is computed elsewhere, but not longer than the worker goes on.

        Raises
        ------
        InterruptedJobError
            If the worker is stopping; whoever waited gives the computation up.
        """
        while not concurrent.futures.wait([answer], timeout=_LOOK_S).done:
            self.check()
        return answer.result()
