"""Service records: how minutes are counted, and the chain that shows any later change.

Minutes are the whole minutes between check-in and check-out, without the way there and back; a
minute that has begun is not one that was served, and nothing else is rounded. Hours exist on export
alone, as minutes divided by sixty.

Everything that is said about the records of one volunteer is an entry of one chain. The hash of an
entry covers its content and the hash of the entry before, so that none can be changed, left out or
moved without changing all that follow, up to the last hash, which both sides keep.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from matcher.domain.errors import MatcherError, Text

__all__ = [
    "FIRST",
    "Break",
    "CorrectionReason",
    "EntryKind",
    "ErasedError",
    "check",
    "digest",
    "hours",
    "minutes_between",
]

# What stands before the first entry.
FIRST: Final = "0" * 64
_HASHES: Final = ("previous_hash", "hash")


class EntryKind(StrEnum):
    """What an entry says of a record."""

    SERVICE = "service"
    CONFIRMATION = "confirmation"
    CORRECTION = "correction"


class CorrectionReason(StrEnum):
    """Why recorded minutes are corrected."""

    CHECK_IN_MISSED = "check-in-missed"
    CHECK_OUT_MISSED = "check-out-missed"
    WRONG_TIME = "wrong-time"
    VOLUNTEER_ASKED = "volunteer-asked"
    INSPECTION = "inspection"
    OTHER = "other"


class ErasedError(MatcherError):
    """The volunteer of a record was erased: nothing more is said of it."""

    code = "erased"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="The volunteer of this record was erased, so it cannot be corrected any more.",
                zh="该记录的志愿者已被删除，不能再更正。",
            )
        )

    def __reduce__(self) -> tuple[type["ErasedError"], tuple[object, ...]]:
        return type(self), ()


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is broken, and how it shows."""

    position: int
    detail: str


def minutes_between(start: datetime, end: datetime) -> int:
    """Return the whole minutes between two instants."""
    return max(0, (end - start) // timedelta(minutes=1))


def hours(minutes: int) -> str:
    """Return minutes as hours with two decimals, halves up."""
    hundredths = (minutes * 100 + 30) // 60
    return f"{hundredths // 100}.{hundredths % 100:02}"


def digest(previous_hash: str, content: Mapping[str, Any]) -> str:
    """Return the hash of an entry: SHA-256 of the hash before, a line feed, and the content as canonical JSON."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous_hash}\n{text}".encode()).hexdigest()


def check(entries: Sequence[Mapping[str, Any]]) -> Break | None:
    """Return where a chain is broken, or None if it holds from its first entry to its last."""
    previous = FIRST
    for position, entry in enumerate(entries, start=1):
        content = {name: value for name, value in entry.items() if name not in _HASHES}
        if content.get("position") != position:
            return Break(position, f"entry {content.get('position')} stands where entry {position} should")
        if entry.get("previous_hash") != previous:
            return Break(position, "it does not follow the entry before it")
        if entry.get("hash") != digest(previous, content):
            return Break(position, "its content is not what was recorded")
        previous = entry["hash"]
    return None
