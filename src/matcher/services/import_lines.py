"""The lines of an import once they are read: what they hold, and what is wrong with them.

They are read in a process of their own, so they travel as JSON.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Self

from matcher.domain.errors import InvalidProblemError, MatcherError, Text

__all__ = ["Line", "LineFault", "Lines"]

# The number of a line, and the content of a row.
Line = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with a line; ``pointer`` leads into the object that the line stands for."""

    line: int
    external_id: str | None
    code: str
    pointer: str
    en: str
    zh: str

    @classmethod
    def of(cls, line: int, external_id: str | None, *, code: str, pointer: str, detail: Text) -> Self:
        """Return a fault that is said in both languages."""
        return cls(line, external_id, code, pointer, detail.in_language("en"), detail.in_language("zh-CN"))

    @classmethod
    def of_error(cls, line: int, external_id: str | None, error: MatcherError) -> Iterator[Self]:
        """Yield the faults that an error tells of, or the error as one."""
        if not isinstance(error, InvalidProblemError):
            yield cls.of(line, external_id, code=error.code, pointer="", detail=error.detail)
            return
        for fault in error.faults:
            yield cls.of(line, external_id, code=fault.code, pointer=fault.pointer, detail=fault.detail)


@dataclass(frozen=True, slots=True)
class Lines:
    """A chunk that has been read; ``refused`` counts the lines that have faults, of which one may have several."""

    contents: Sequence[Line]
    faults: Sequence[LineFault]
    refused: int

    def to_json(self) -> bytes:
        """Return them as JSON."""
        faults = [astuple(fault) for fault in self.faults]
        return json.dumps([self.contents, faults, self.refused], ensure_ascii=False, allow_nan=False).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what was written as JSON."""
        contents, faults, refused = json.loads(text)
        return cls(contents, [LineFault(*fault) for fault in faults], refused)
