"""Where a problem comes from: one JSON file, or tables of requests and volunteers."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from matcher.api import faults, match
from matcher.api.match import ProblemBody
from matcher.api.plan_body import PlanBody
from matcher.cli import output, tables
from matcher.cli.columns import PAIRS, REQUESTS, VOLUNTEERS
from matcher.cli.faults import BadInputError, FileFault
from matcher.cli.tables import Rows
from matcher.domain.errors import Fault, InvalidProblemError
from matcher.domain.plans import Plan, Problem

__all__ = ["read_json", "read_plan", "read_problem", "read_tables"]


def read_problem(path: Path, *, now: datetime) -> Problem:
    """Read a problem file; ``-`` is standard input.

    Parameters
    ----------
    path
        A body of ``POST /v1/match``.
    now
        When the plan is made, if the file does not say.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    try:
        return match.to_problem(match.read(read_json(path)), now=now)
    except InvalidProblemError as error:
        raise _in_file(path, error.faults) from None


def read_tables(
    requests: Path, volunteers: Path, pairs: Path | None, *, head: dict[str, Any], now: datetime
) -> Problem:
    """Read a problem out of two or three tables.

    Parameters
    ----------
    requests, volunteers, pairs
        CSV or NDJSON files.
    head
        The other members of the body: now, time zone, coordinate system.
    now
        When the plan is made, if ``head`` does not say.

    Raises
    ------
    BadInputError
        With every fault of all files.
    """
    found: list[Rows] = []
    wrong: list[FileFault] = []
    for path, table in ((requests, REQUESTS), (volunteers, VOLUNTEERS), (pairs, PAIRS)):
        if path is None:
            continue
        try:
            found.append(tables.read(path, table))
        except BadInputError as error:
            wrong += error.faults
    if wrong:
        raise BadInputError(wrong)
    try:
        body = ProblemBody.model_validate(head | {rows.table.name: rows.items for rows in found})
        return match.to_problem(body, now=now)
    except ValidationError as error:
        raise BadInputError([_locate(fault, found) for fault in faults.from_validation(error)]) from None
    except InvalidProblemError as error:
        raise BadInputError([_locate(fault, found) for fault in error.faults]) from None


def read_plan(path: Path) -> Plan:
    """Read a plan as ``matcher match`` and ``POST /v1/match`` write it.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    try:
        return match.to_plan(PlanBody.model_validate_json(read_json(path)))
    except ValidationError as error:
        raise _in_file(path, faults.from_validation(error)) from None


def read_json(path: Path) -> bytes:
    """Return the content of a file, or of standard input for ``-``."""
    return sys.stdin.buffer.read() if path == output.STANDARD else path.read_bytes()


def _in_file(path: Path, found: Sequence[Fault]) -> BadInputError:
    name = "standard input" if path == output.STANDARD else str(path)
    return BadInputError([FileFault(name, fault.pointer, fault.detail.in_language("en")) for fault in found])


def _locate(fault: Fault, found: Sequence[Rows]) -> FileFault:
    """Return a fault of the body as one of the file that the value came from."""
    first = fault.detail.values.get("first")
    if isinstance(first, str):
        place = _split(first, found)
        if place is not None:
            rows, row, _ = place
            fault = replace(
                fault, detail=replace(fault.detail, values={**fault.detail.values, "first": rows.place(row)})
            )
    place = _split(fault.pointer, found)
    if place is None:
        option = "--" + fault.pointer.removeprefix("/").replace("_", "-")
        return FileFault("", option, fault.detail.in_language("en"))
    rows, row, rest = place
    return rows.locate(row, rest, fault)


def _split(pointer: str, found: Sequence[Rows]) -> tuple[Rows, int, tuple[str, ...]] | None:
    """Return the table, the row and the path inside it that a pointer such as ``/requests/3/id`` names."""
    name, _, rest = pointer.removeprefix("/").partition("/")
    row, *path = rest.split("/")
    rows = next((rows for rows in found if rows.table.name == name), None)
    return (rows, int(row), tuple(path)) if rows and row.isdecimal() else None
