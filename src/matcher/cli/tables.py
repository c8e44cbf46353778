"""Reading a table of requests, volunteers or pairs: CSV by its columns, NDJSON an object a line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matcher.api import bodies, tables
from matcher.api.columns import Table
from matcher.api.tables import NotCsvError
from matcher.cli.faults import BadInputError, FileFault
from matcher.domain.errors import Fault, InvalidProblemError

__all__ = ["Rows", "read"]

NDJSON_SUFFIXES = (".ndjson", ".jsonl")


@dataclass(slots=True)
class Rows:
    """The JSON objects of a table, and the line each begins on."""

    path: str
    table: Table
    has_columns: bool
    items: list[Any] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faults: list[FileFault] = field(default_factory=list)

    def locate(self, row: int, rest: tuple[str, ...], fault: Fault) -> FileFault:
        """Return a fault of the body as one of this file; ``rest`` is its path inside the row."""
        place = self.place(row)
        column = self._column_of(rest) if self.has_columns else None
        if column:
            place += f", column {column}"
        elif rest:
            place += f", {bodies.pointer(*rest)}"
        return FileFault(self.path, place, fault.detail.in_language("en"))

    def place(self, row: int) -> str:
        """Return where a row begins, in words."""
        return f"line {self.lines[row]}"

    def _column_of(self, rest: tuple[str, ...]) -> str | None:
        for name, column in self.table.columns.items():
            if rest and column.path == rest[: len(column.path)]:
                return name
        return None


def read(path: Path, table: Table) -> Rows:
    """Read a table; the name decides the form: ``.csv``, ``.ndjson`` or ``.jsonl``.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", *NDJSON_SUFFIXES):
        raise BadInputError([FileFault(str(path), "", "expected a name that ends in .csv, .ndjson or .jsonl")])
    rows = Rows(str(path), table, has_columns=suffix == ".csv")
    content = path.read_bytes()
    if rows.has_columns:
        _read_csv(content, rows)
    else:
        _read_ndjson(content, rows)
    if rows.faults:
        raise BadInputError(rows.faults)
    return rows


def _read_ndjson(content: bytes, rows: Rows) -> None:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            rows.items.append(bodies.parse_json(line))
            rows.lines.append(number)
        except bodies.MalformedJsonError as error:
            # The parser knows one line only, so its own "line 1" would mislead.
            detail = error.faults[0].detail.in_language("en").replace("line 1, ", "")
            rows.faults.append(FileFault(rows.path, f"line {number}", detail))
        except InvalidProblemError as error:
            rows.faults += [
                FileFault(rows.path, f"line {number}, {fault.pointer or '/'}", fault.detail.in_language("en"))
                for fault in error.faults
            ]


def _read_csv(content: bytes, rows: Rows) -> None:
    records = tables.records(_decode(content, rows.path))
    header = next(records, None)
    if header is None:
        rows.faults.append(FileFault(rows.path, "line 1", f"Expected a header such as {_example(rows.table)}."))
        return
    names = _read_header(*header, rows)
    if rows.faults:
        return
    for line, record in records:
        if isinstance(record, NotCsvError):
            rows.faults.append(FileFault(rows.path, f"line {line}", str(record.detail)))
            return
        _read_record(line, record, names, rows)


def _read_header(line: int, header: list[str] | NotCsvError, rows: Rows) -> list[str]:
    if isinstance(header, NotCsvError):
        rows.faults.append(FileFault(rows.path, f"line {line}", str(header.detail)))
        return []
    names = [cell.strip() for cell in header]
    rows.faults += [
        FileFault(rows.path, f"line {line}", str(detail)) for detail in tables.header_faults(names, rows.table)
    ]
    return names


def _decode(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        detail = 'expected UTF-8; a spreadsheet writes it as "CSV UTF-8" (CSV UTF-8（逗号分隔）)'
        raise BadInputError([FileFault(path, f"line {line}", detail)]) from None


def _read_record(line: int, record: list[str], names: list[str], rows: Rows) -> None:
    item, faults = tables.read_record(record, names, rows.table)
    for name, detail in faults:
        place = f"line {line}" if name is None else f"line {line}, column {name}"
        rows.faults.append(FileFault(rows.path, place, str(detail)))
    rows.items.append(item)
    rows.lines.append(line)


def _example(table: Table) -> str:
    return ",".join((*table.required, *[name for name in table.columns if name not in table.required][:3]))
