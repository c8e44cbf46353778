"""What can go wrong, said once, in English and Chinese.

::

    MatcherError
    ├── InvalidProblemError   one or more faults in what the caller sent, each with its place
    │   ├── InvalidBodyError      the body is JSON, but not what is taken there
    │   ├── UnknownSkillError     a skill that the catalogue does not have
    │   └── OutsideGrantError     a region that the key does not hold for
    ├── CalendarRangeError    a day outside the years of the calendar of working days
    ├── TooLargeError         past a size cap, with the cap named
    ├── NotFoundError         no such thing (or not yours)
    ├── SolverTimeoutError    the solver was stopped at its time cap
    ├── SolverMemoryError     the solver was stopped at its memory cap
    ├── SolverCrashError      the solver ended by itself, which is never the caller's fault
    ├── OverloadedError       every solver is busy; come back later
    ├── AuthenticationError   nobody knows who calls
    │   ├── MissingKeyError       no key came with the call
    │   ├── InvalidKeyError       no such key, or not any more
    │   └── ExpiredKeyError       its time is over
    ├── ScopeMissingError     the key may not do this
    ├── GrantExceededError    a key passes on what it does not have
    ├── RotatedError          the key has a successor already
    ├── TooManyRequestsError  faster than allowed; come back after ``retry_after_s``
    └── UnknownRegionError    no region has this code
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "AuthenticationError",
    "CalendarRangeError",
    "DatabaseDownError",
    "DiskFullError",
    "ExpiredKeyError",
    "Fault",
    "GrantExceededError",
    "InvalidBodyError",
    "InvalidKeyError",
    "InvalidProblemError",
    "Language",
    "MatcherError",
    "MissingKeyError",
    "NotFoundError",
    "OutsideGrantError",
    "OverloadedError",
    "RotatedError",
    "ScopeMissingError",
    "SolverCrashError",
    "SolverMemoryError",
    "SolverTimeoutError",
    "Text",
    "TooLargeError",
    "TooManyRequestsError",
    "UnknownRegionError",
    "UnknownSkillError",
]

Value = str | int | float
Language = Literal["en", "zh-CN"]


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages, with ``{named}`` parts filled in from ``values``."""

    en: str
    zh: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def in_language(self, language: Language) -> str:
        """Return the sentence in one language."""
        return (self.zh if language == "zh-CN" else self.en).format_map(self.values)

    def __str__(self) -> str:
        return self.in_language("en")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the input: where (an RFC 6901 JSON pointer), what kind, and how to mend it."""

    pointer: str
    code: str
    detail: Text


class MatcherError(Exception):
    """The root of every error that a caller may see."""

    code = "error"

    def __init__(self, detail: Text) -> None:
        super().__init__(str(detail))
        self.detail = detail

    # Errors cross from the solver's process; by default only the sentence would.
    def __reduce__(self) -> tuple[type["MatcherError"], tuple[object, ...]]:
        return type(self), (self.detail,)


class InvalidProblemError(MatcherError):
    """What was sent cannot be read as a problem; ``faults`` say where and why."""

    code = "invalid-problem"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        more = "" if len(self.faults) == 1 else f" (and {len(self.faults) - 1} more)"
        first = self.faults[0]
        super().__init__(
            Text(
                en="{pointer}: {en}{more}",
                zh="{pointer}：{zh}{more}",
                values={
                    "pointer": first.pointer or "/",
                    "en": first.detail.in_language("en"),
                    "zh": first.detail.in_language("zh-CN"),
                    "more": more,
                },
            )
        )

    def __reduce__(self) -> tuple[type["MatcherError"], tuple[object, ...]]:
        return type(self), (self.faults,)


class InvalidBodyError(InvalidProblemError):
    """The body is JSON, but not what is taken there."""

    code = "invalid-body"


class UnknownSkillError(InvalidProblemError):
    """A skill is named that the client's catalogue does not have."""

    code = "unknown-skill"


class OutsideGrantError(InvalidProblemError):
    """Something was to be written in a region that the key does not hold for."""

    code = "region-outside-grant"


class CalendarRangeError(MatcherError):
    """A day is asked for that no year of the calendar of working days covers."""

    code = "calendar-range"


class TooLargeError(MatcherError):
    """The problem is past a size cap."""

    code = "too-large"


class NotFoundError(MatcherError):
    """There is no such thing, or it belongs to somebody else."""

    code = "not-found"


class SolverTimeoutError(MatcherError):
    """The solver ran past its time cap and was ended."""

    code = "solver-timeout"


class SolverMemoryError(MatcherError):
    """The solver asked for more memory than its cap and was ended."""

    code = "solver-memory"


class SolverCrashError(MatcherError):
    """The solver's process ended without an answer: a defect, never the caller's fault."""

    code = "solver-crash"


class DatabaseDownError(MatcherError):
    """The database does not answer, or not in time; nothing was changed."""

    code = "database-down"


class DiskFullError(MatcherError):
    """The database has no room left to write; nothing was changed."""

    code = "disk-full"


class OverloadedError(MatcherError):
    """Every solver is busy and the queue is full."""

    code = "overloaded"


class AuthenticationError(MatcherError):
    """Nobody knows who calls."""

    code = "invalid-key"


class MissingKeyError(AuthenticationError):
    """No key came with the call."""

    code = "missing-key"


class InvalidKeyError(AuthenticationError):
    """The key was mistyped or revoked, or never was one."""

    code = "invalid-key"


class ExpiredKeyError(AuthenticationError):
    """The time of the key or token is over."""

    code = "expired-key"


class ScopeMissingError(MatcherError):
    """The key may not do this; the detail names the scope that may."""

    code = "scope-missing"


class GrantExceededError(MatcherError):
    """A key was to pass on a scope or a region that it does not have itself."""

    code = "grant-exceeded"


class RotatedError(MatcherError):
    """The key has a successor already, or does not live any more."""

    code = "key-rotated"


class TooManyRequestsError(MatcherError):
    """The caller is faster than allowed; ``retry_after_s`` says when to come back."""

    code = "too-many-requests"

    def __init__(self, detail: Text, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type["MatcherError"], tuple[object, ...]]:
        return type(self), (self.detail, self.retry_after_s)


class UnknownRegionError(MatcherError):
    """No region has this code; the detail names the nearest one that is known."""

    code = "unknown-region"
