"""``matcher records``: proof, without the service, that exported records are as they were recorded."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from matcher.cli import exits
from matcher.cli.exits import ExitCode
from matcher.cli.faults import BadInputError, FileFault
from matcher.domain import records
from matcher.domain.records import Break

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Check exported service records.")

# Columns that are for the eye, and those that are numbers; an empty cell is nothing.
_DERIVED: Final = "hours"
_NUMBERS: Final = ("position", "minutes")


@dataclass(frozen=True, slots=True)
class _Export:
    entries: Sequence[Mapping[str, Any]]
    total_minutes: int | None = None
    last_hash: str | None = None


# With a command beside it, its name stays a part of the line.
@app.callback()
def describe() -> None:
    """Check exported service records."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="What the service exported, as JSON or CSV.")],
    last_hash: Annotated[
        str | None, typer.Option(help="The last hash as the service, or an earlier export, gives it.")
    ] = None,
) -> None:
    """Prove that nothing in an export was changed, left out or moved, by exit code 0 or 3.

    Each entry holds the hash of the one before, so that a change shows in all that follow. Whoever
    changes an entry and makes all later hashes anew is found out by --last-hash alone.

    **Example**

        matcher records check records.json
    """
    export = _read(file)
    found = records.check(export.entries) or _disagreement(export, last_hash)
    if found is not None:
        exits.stop(ExitCode.FAILED, f"{file}: the chain is broken at entry {found.position}: {found.detail}")
    minutes = _total(export)
    hashed = export.entries[-1]["hash"] if export.entries else records.FIRST
    typer.echo(
        f"{len(export.entries):,} entries, {minutes:,} minutes ({records.hours(minutes)} hours): the chain holds."
    )
    typer.echo(f"last hash {hashed}")


def _disagreement(export: _Export, last_hash: str | None) -> Break | None:
    """Return what is said about the chain and does not agree with it."""
    end = len(export.entries)
    actual = export.entries[-1]["hash"] if export.entries else records.FIRST
    if last_hash is not None and last_hash != actual:
        return Break(end, f"its hash is {actual}, not {last_hash}")
    if export.last_hash not in (None, actual):
        return Break(end, f"last_hash says {export.last_hash}")
    if export.total_minutes not in (None, _total(export)):
        return Break(end, f"total_minutes says {export.total_minutes}, the entries say {_total(export)}")
    return None


def _total(export: _Export) -> int:
    return sum({entry["record_id"]: entry["minutes"] for entry in export.entries}.values())


def _read(file: Path) -> _Export:
    text = file.read_text(encoding="utf-8-sig")
    try:
        return _read_json(text) if text.lstrip().startswith("{") else _read_csv(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInputError([FileFault(str(file), "", "this is no export of records")]) from None


def _read_json(text: str) -> _Export:
    body = json.loads(text)
    return _Export(_entries(body["entries"]), body["total_minutes"], body["last_hash"])


def _read_csv(text: str) -> _Export:
    rows = csv.DictReader(text.splitlines())
    entries = [{name: _value(name, cell) for name, cell in row.items() if name != _DERIVED} for row in rows]
    if "hash" not in (rows.fieldnames or ()):
        raise ValueError
    return _Export(_entries(entries))


def _value(name: str, cell: str) -> str | int | None:
    if cell == "":
        return None
    return int(cell) if name in _NUMBERS else cell


def _entries(entries: Any) -> Sequence[Mapping[str, Any]]:
    if not all(isinstance(entry["minutes"], int) and entry["record_id"] for entry in entries):
        raise ValueError
    return list(entries)
