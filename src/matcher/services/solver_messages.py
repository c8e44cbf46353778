"""What the service and its solver processes say to each other.

A task names a function for the process to import, with its arguments. The function gets a ``Job``
first, through which it tells how far it is and how long it may take.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from matcher.domain.errors import MatcherError

__all__ = [
    "OUT_OF_MEMORY",
    "Allowance",
    "Backend",
    "Crashed",
    "Done",
    "Finish",
    "Job",
    "Message",
    "Progress",
    "Ready",
    "Refused",
    "Task",
]

# How a process ends that may not have the memory it asks for: it has none to say so.
OUT_OF_MEMORY: Final = 77


class Backend(StrEnum):
    """Which solver a process runs: the compiled kernels or scipy."""

    KERNEL = "kernel"
    SCIPY = "scipy"


@dataclass(frozen=True, slots=True)
class Job:
    """What a task may say while it runs.

    Attributes
    ----------
    backend
        Which solver to use.
    report
        Tells the stage, and the part of it that is done, 0 to 1.
    allow
        Tells how many seconds the task gives itself from now on; it is ended some grace later.
    should_finish
        Asks whether the task is to end now, with what it has.
    """

    backend: Backend
    report: Callable[[str, float], None]
    allow: Callable[[float], None]
    should_finish: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Task:
    """A function by its name, ``module:function``, and its arguments after the ``Job``.

    The number tells tasks of one service apart.
    """

    work: str
    arguments: tuple[object, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The task of this number is to end with what it has; of one that is done already this means nothing."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has loaded its solver and waits for tasks."""

    backend: Backend


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the task is."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many seconds the task gives itself from now on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """The task's answer."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The task ended with an error that its caller may see."""

    error: MatcherError


@dataclass(frozen=True, slots=True)
class Crashed:
    """The task ended with an error that nobody foresaw."""


Message = Ready | Progress | Allowance | Done | Refused | Crashed
