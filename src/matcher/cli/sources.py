"""Where a problem comes from: one JSON file, or tables of requests and volunteers."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from matcher.api import faults, match
from matcher.api.columns import PAIRS, REQUESTS, VOLUNTEERS
from matcher.api.match import ProblemBody
from matcher.cli import output, tables
from matcher.cli.faults import BadInputError, FileFault
from matcher.cli.tables import Rows
from matcher.domain.errors import Fault, InvalidProblemError
from matcher.domain.plans import Plan, Problem
from matcher.services.plan_body import PlanBody

__all__ = ["ProblemFile", "ProblemTables", "Source", "read_plan"]


class Source(ABC):
    """One or more files that hold a problem, and the way from a fault of it back into them."""

    def read(self, *, now: datetime) -> Problem:
        """Read the problem; ``now`` is when the plan is made, if the files do not say.

        Raises
        ------
        BadInputError
            With every fault of the files.
        """
        with self.located():
            return match.to_problem(self._body(), now=now)

    @contextmanager
    def located(self) -> Iterator[None]:
        """Tell the faults that anybody finds in the problem as faults of the files.

        Raises
        ------
        BadInputError
            Instead of InvalidProblemError.
        """
        try:
            yield
        except ValidationError as error:
            raise BadInputError([self._locate(fault) for fault in faults.from_validation(error)]) from None
        except InvalidProblemError as error:
            raise BadInputError([self._locate(fault) for fault in error.faults]) from None

    @abstractmethod
    def _body(self) -> ProblemBody: ...

    @abstractmethod
    def _locate(self, fault: Fault) -> FileFault: ...


class ProblemFile(Source):
    """A body of ``POST /v1/match`` in a file; ``-`` is standard input."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _body(self) -> ProblemBody:
        return match.read(_content(self._path))

    def _locate(self, fault: Fault) -> FileFault:
        return _in_file(self._path, fault)


class ProblemTables(Source):
    """Tables of requests and volunteers, perhaps of pairs; CSV or NDJSON.

    Parameters
    ----------
    requests, volunteers, pairs
        The files.
    head
        The other members of the body: now, time zone, coordinate system.
    """

    def __init__(self, requests: Path, volunteers: Path, pairs: Path | None, *, head: Mapping[str, Any]) -> None:
        self._paths = {REQUESTS.name: requests, VOLUNTEERS.name: volunteers, PAIRS.name: pairs}
        self._head = head
        self._rows: dict[str, Rows] = {}

    def _body(self) -> ProblemBody:
        wrong: list[FileFault] = []
        for table in (REQUESTS, VOLUNTEERS, PAIRS):
            path = self._paths[table.name]
            if path is None:
                continue
            try:
                self._rows[table.name] = tables.read(path, table)
            except BadInputError as error:
                wrong += error.faults
        if wrong:
            raise BadInputError(wrong)
        return ProblemBody.model_validate({**self._head, **{name: rows.items for name, rows in self._rows.items()}})

    def _locate(self, fault: Fault) -> FileFault:
        place = self._find(fault.pointer)
        if place is None:
            option = "--" + fault.pointer.removeprefix("/").replace("_", "-")
            return FileFault("", option, fault.detail.in_language("en"))
        rows, row, rest = place
        return rows.locate(row, rest, self._with_first_located(fault))

    def _with_first_located(self, fault: Fault) -> Fault:
        """Return the fault with a pointer to something earlier, if it tells of one, as a place in a file."""
        first = fault.detail.values.get("first")
        place = self._find(first) if isinstance(first, str) else None
        if place is None:
            return fault
        rows, row, _ = place
        values = {**fault.detail.values, "first": rows.place(row)}
        return replace(fault, detail=replace(fault.detail, values=values))

    def _find(self, pointer: str) -> tuple[Rows, int, tuple[str, ...]] | None:
        """Return the table, the row and the path inside it that a pointer such as ``/requests/3/id`` names."""
        name, _, rest = pointer.removeprefix("/").partition("/")
        row, *path = rest.split("/")
        return (self._rows[name], int(row), tuple(path)) if name in self._rows and row.isdecimal() else None


def read_plan(path: Path) -> Plan:
    """Read a plan as ``matcher match`` and ``POST /v1/match`` write it.

    Raises
    ------
    BadInputError
        With every fault of the file.
    """
    try:
        return match.to_plan(PlanBody.model_validate_json(_content(path)))
    except ValidationError as error:
        raise BadInputError([_in_file(path, fault) for fault in faults.from_validation(error)]) from None


def _content(path: Path) -> bytes:
    return sys.stdin.buffer.read() if path == output.STANDARD else path.read_bytes()


def _in_file(path: Path, fault: Fault) -> FileFault:
    name = "standard input" if path == output.STANDARD else str(path)
    return FileFault(name, fault.pointer, fault.detail.in_language("en"))
