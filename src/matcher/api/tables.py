"""CSV: a header of known columns, and records that become the JSON objects that the body would hold."""

import csv
import difflib
import io
from collections.abc import Iterator, Sequence
from typing import Any

from matcher.api.cells import CellError
from matcher.api.columns import Table
from matcher.domain.errors import Text

__all__ = ["CellFault", "NotCsvError", "header_faults", "read_record", "records"]

# The column, where it is one cell that is wrong, and why.
CellFault = tuple[str | None, Text]


class NotCsvError(ValueError):
    """A record is no CSV; ``detail`` says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.detail = Text(en="This is not CSV: {why}.", zh="不是合法的 CSV：{why}。", values={"why": why})


def records(text: str) -> Iterator[tuple[int, list[str] | NotCsvError]]:
    """Yield the records that are not empty, or why one cannot be read, each with its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            yield line, NotCsvError(str(error))
            continue
        if record is None:
            return
        if any(cell.strip() for cell in record):
            yield line, record


def header_faults(names: Sequence[str], table: Table) -> Iterator[Text]:
    """Yield what is wrong with the names of the columns."""
    found = [table.find(name) for name in names]
    for place, (name, column) in enumerate(zip(names, found, strict=True)):
        if column is None:
            yield _unknown(name, table)
        elif column in found[:place]:
            yield Text(en="Column {name} is there twice.", zh="列 {name} 重复。", values={"name": name})
    for name in table.required:
        if table.columns[name] not in found:
            yield Text(
                en="Column {name} is missing: it is required.",
                zh="缺少必需的列 {name}。",
                values={"name": name},
            )


def read_record(record: Sequence[str], names: Sequence[str], table: Table) -> tuple[dict[str, Any], list[CellFault]]:
    """Return the JSON object of a record, and what is wrong with it; a blank cell is a field left out."""
    if len(record) != len(names):
        return {}, [
            (
                None,
                Text(
                    en="Expected {expected} cells, as in the header, found {found}.",
                    zh="应有 {expected} 个单元格（与表头一致），实有 {found} 个。",
                    values={"expected": len(names), "found": len(record)},
                ),
            )
        ]
    item: dict[str, Any] = {}
    faults: list[CellFault] = []
    for name, raw in zip(names, record, strict=True):
        cell = raw.strip()
        column = table.find(name)
        if column is None:
            continue
        if not cell:
            if column.path[-1] in table.required:
                faults.append((name, Text(en="Expected a value: it is required.", zh="必须填写。")))
            continue
        try:
            _put(item, column.path, column.parse(cell))
        except CellError as error:
            faults.append((name, error.detail))
    return item, faults


def _unknown(name: str, table: Table) -> Text:
    close = difflib.get_close_matches(name, table.columns, n=1)
    if close:
        return Text(
            en='"{name}" is no column of {table}: did you mean {close}?',
            zh="{table} 没有“{name}”列：是否指 {close}？",
            values={"name": name, "table": table.name, "close": close[0]},
        )
    return Text(
        en='"{name}" is no column of {table}: known are {known}.',
        zh="{table} 没有“{name}”列，可用的列：{known}。",
        values={"name": name, "table": table.name, "known": ", ".join(table.columns)},
    )


def _put(item: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for step in path[:-1]:
        inner = item.setdefault(step, {})
        # Given as JSON and in columns of its own: the columns then have nothing to go into.
        item = inner if isinstance(inner, dict) else {}
    item[path[-1]] = value
