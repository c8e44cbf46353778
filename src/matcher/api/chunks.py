"""Cutting a stream of text into chunks of whole lines, without reading what the lines say."""

from collections.abc import Iterator
from dataclasses import dataclass

from matcher.domain.errors import MatcherError, Text

__all__ = ["Chunk", "LineTooLongError", "Splitter"]


class LineTooLongError(MatcherError):
    """A line is longer than what is kept in one piece."""

    code = "line-too-long"

    def __init__(self, line: int, most_bytes: int) -> None:
        super().__init__(
            Text(
                en="What begins at line {line} is longer than {most} bytes. Is a quotation mark not closed?",
                zh="从第 {line} 行开始的内容超过 {most} 字节。是否有引号未闭合？",
                values={"line": line, "most": most_bytes},
            )
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some whole lines, and the number of the first one."""

    first_line: int
    content: bytes

    @property
    def line_count(self) -> int:
        """How many lines it has; the last one may lack its end."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n"))


class Splitter:
    """Takes bytes in as they come and gives chunks of whole lines back.

    Parameters
    ----------
    is_quoted
        Whether a line end between quotation marks belongs to a cell, as in CSV.
    most_bytes
        How long a chunk, and so a line, may be.
    """

    def __init__(self, *, is_quoted: bool, most_bytes: int) -> None:
        self._is_quoted = is_quoted
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._line = 1

    def add(self, data: bytes) -> None:
        """Take in what came."""
        self._buffer += data

    def full_chunks(self) -> Iterator[Chunk]:
        """Yield chunks while there is enough for one that is full.

        Raises
        ------
        LineTooLongError
            If one line alone is longer than a chunk.
        """
        while len(self._buffer) >= self._most_bytes:
            end = self._last_end()
            if not end:
                raise LineTooLongError(self._line, self._most_bytes)
            yield self._cut(end)

    def first_line(self, *, is_all: bool) -> bytes | None:
        """Return the first line without its end, or None if it is not all there yet.

        Raises
        ------
        LineTooLongError
            If it is longer than a chunk.
        """
        end = self._first_end()
        if not end and len(self._buffer) >= self._most_bytes:
            raise LineTooLongError(self._line, self._most_bytes)
        if not end and not is_all:
            return None
        return self._cut(end or len(self._buffer)).content.rstrip(b"\r\n")

    def rest(self) -> Chunk | None:
        """Return what is left once everything has come."""
        return self._cut(len(self._buffer)) if self._buffer else None

    def _cut(self, end: int) -> Chunk:
        content = bytes(self._buffer[:end])
        del self._buffer[:end]
        chunk = Chunk(self._line, content)
        self._line += content.count(b"\n")
        return chunk

    def _first_end(self) -> int:
        """Return where the first line ends, 0 if it does not yet."""
        end = self._buffer.find(b"\n") + 1
        while end and self._is_open(end):
            end = self._buffer.find(b"\n", end) + 1
        return end

    def _last_end(self) -> int:
        """Return where the last line that fits into a chunk ends, 0 if none does."""
        end = self._buffer.rfind(b"\n", 0, self._most_bytes) + 1
        is_open = end and self._is_open(end)
        while end and is_open:
            before = self._buffer.rfind(b"\n", 0, end - 1) + 1
            is_open ^= self._is_open(end, start=before)
            end = before
        return end

    def _is_open(self, end: int, *, start: int = 0) -> bool:
        """Tell whether a cell that is open at ``start`` or not is the other way round at ``end``."""
        return self._is_quoted and self._buffer.count(b'"', start, end) % 2 == 1
