"""Cutting a stream into chunks of whole lines."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.api.chunks import Chunk, LineTooLongError, Splitter

LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b'"', b"")), max_size=40)


def _split(pieces: list[bytes], *, is_quoted: bool, most_bytes: int) -> list[Chunk]:
    splitter = Splitter(is_quoted=is_quoted, most_bytes=most_bytes)
    chunks: list[Chunk] = []
    for piece in pieces:
        splitter.add(piece)
        chunks += splitter.full_chunks()
    rest = splitter.rest()
    return chunks if rest is None else [*chunks, rest]


@given(lines=LINES, size=st.integers(1, 50))
def test_chunks_are_whole_lines_and_nothing_is_lost(lines: list[bytes], size: int) -> None:
    content = b"\n".join(lines)
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    chunks = _split(pieces, is_quoted=False, most_bytes=64)
    assert b"".join(chunk.content for chunk in chunks) == content
    assert all(chunk.content.endswith(b"\n") for chunk in chunks[:-1])
    assert all(len(chunk.content) <= 64 for chunk in chunks)
    assert all(after.first_line == before.first_line + before.line_count for before, after in pairwise(chunks))


@given(cells=st.lists(st.text("ab\n", max_size=20), max_size=20), size=st.integers(1, 50))
def test_a_line_end_inside_quotation_marks_ends_no_line(cells: list[str], size: int) -> None:
    content = "".join(f'x,"{cell}"\n' for cell in cells).encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    chunks = _split(pieces, is_quoted=True, most_bytes=64)
    assert b"".join(chunk.content for chunk in chunks) == content
    assert all(chunk.content.count(b'"') % 2 == 0 for chunk in chunks)
    assert all(len(chunk.content) <= 64 for chunk in chunks)


def test_the_first_line_is_the_header_however_it_comes() -> None:
    splitter = Splitter(is_quoted=True, most_bytes=64)
    splitter.add(b'a,"b\n')
    assert splitter.first_line(is_all=False) is None
    splitter.add(b'c"\r\nrest')
    assert splitter.first_line(is_all=False) == b'a,"b\nc"'
    assert splitter.rest() == Chunk(3, b"rest")


def test_a_line_that_does_not_fit_is_refused_with_its_number() -> None:
    splitter = Splitter(is_quoted=True, most_bytes=8)
    splitter.add(b'one\n"two\nthree\nfour')
    with pytest.raises(LineTooLongError, match="line 2 is longer than 8 bytes"):
        list(splitter.full_chunks())
