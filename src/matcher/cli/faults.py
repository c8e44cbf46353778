"""Faults in files: which file, which line, what was expected."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MOST_SHOWN", "BadInputError", "FileFault"]

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing wrong in a file.

    ``place`` is a line, with its column where there is one, or a JSON pointer; empty for the
    file as a whole.
    """

    path: str
    place: str
    detail: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path, self.place, self.detail) if part)


class BadInputError(Exception):
    """A file cannot be read as what it should be; ``faults`` say where and why."""

    def __init__(self, faults: Sequence[FileFault]) -> None:
        self.faults = tuple(faults)
        shown = [str(fault) for fault in self.faults[:MOST_SHOWN]]
        if len(self.faults) > 1:
            shown.insert(0, f"{len(self.faults)} faults in the input")
        if len(self.faults) > MOST_SHOWN:
            shown.append(f"… and {len(self.faults) - MOST_SHOWN} more")
        super().__init__("\n".join(shown))
