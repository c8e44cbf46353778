"""What a solver process does for an import: reads the lines of a chunk, which would hold up other calls for long.

Named and not imported by the worker, which so knows no other way in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from matcher.api import bodies, pushes, request_body, tables, volunteer_body
from matcher.api.bodies import pointer
from matcher.api.columns import IMPORTED, Table
from matcher.api.request_body import RequestItem
from matcher.api.tables import NotCsvError
from matcher.api.volunteer_body import VolunteerItem
from matcher.domain.errors import Fault, InvalidProblemError, MatcherError, Text
from matcher.domain.geo import Crs
from matcher.domain.imports import ImportFormat, ImportKind
from matcher.services.import_lines import LineFault, Lines
from matcher.services.imports import Chunk
from matcher.services.solver_messages import Job

__all__ = ["read"]

_NOT_UTF8: Final = Text(en="Expected text in UTF-8.", zh="应为 UTF-8 编码的文本。")

# What a line holds, or why it cannot be read, and its number.
_Value = tuple[int, object | MatcherError]


def read(_: Job, chunk: Chunk) -> bytes:
    """Return ``Lines`` as JSON."""
    values = list(_csv(chunk) if chunk.format is ImportFormat.CSV else _ndjson(chunk))
    readable = [value for _, value in values if not isinstance(value, MatcherError)]
    read_values = iter(_contents(readable, chunk.kind, chunk.crs))
    contents, faults, refused = [], list[LineFault](), 0
    for line, value in values:
        content = value if isinstance(value, MatcherError) else next(read_values)
        if isinstance(content, MatcherError):
            faults += LineFault.of_error(line, _id_of(value), content)
            refused += 1
        else:
            contents.append((line, dict(content)))
    return Lines(contents, faults, refused).to_json()


def _contents(values: list[object], kind: ImportKind, crs: Crs) -> Sequence[Mapping[str, Any] | MatcherError]:
    match kind:
        case ImportKind.VOLUNTEERS:
            return pushes.read(values, VolunteerItem, partial(volunteer_body.to_content, crs=crs))
        case ImportKind.REQUESTS:
            return pushes.read(values, RequestItem, partial(request_body.to_content, crs=crs))


def _ndjson(chunk: Chunk) -> Iterator[_Value]:
    for number, line in enumerate(chunk.content.split(b"\n"), chunk.first_line):
        if not line.strip():
            continue
        try:
            yield number, bodies.parse_json(line)
        except InvalidProblemError as error:
            yield number, InvalidProblemError([_on_line(fault, number) for fault in error.faults])


def _on_line(fault: Fault, number: int) -> Fault:
    """Return a fault whose sentence counts the lines of the import and not those of the line."""
    values = fault.detail.values
    return (
        replace(fault, detail=replace(fault.detail, values={**values, "line": number})) if "line" in values else fault
    )


def _csv(chunk: Chunk) -> Iterator[_Value]:
    # What is not UTF-8 spoils its own record alone.
    text = chunk.content.decode("utf-8", "surrogateescape")
    for line, record in tables.records(text):
        number = chunk.first_line + line - 1
        if isinstance(record, NotCsvError):
            yield number, _refusal("malformed-csv", record.detail)
        elif any(map(_is_broken, record)):
            yield number, _refusal("bad-text", _NOT_UTF8)
        else:
            yield number, _read_record(record, chunk)


def _read_record(record: Sequence[str], chunk: Chunk) -> object | MatcherError:
    table = IMPORTED[chunk.kind]
    item, wrong = tables.read_record(record, chunk.header, table)
    if wrong:
        return InvalidProblemError([_cell_fault(column, detail, table) for column, detail in wrong])
    return item


def _is_broken(cell: str) -> bool:
    return any(0xD800 <= ord(letter) <= 0xDFFF for letter in cell) if not cell.isascii() else False


def _cell_fault(name: str | None, detail: Text, table: Table) -> Fault:
    column = None if name is None else table.find(name)
    return Fault("" if column is None else pointer(*column.path), "bad-cell", detail)


def _refusal(code: str, detail: Text) -> InvalidProblemError:
    return InvalidProblemError([Fault("", code, detail)])


def _id_of(value: object) -> str | None:
    named = value.get("external_id") if isinstance(value, dict) else None
    return named if isinstance(named, str) else None
