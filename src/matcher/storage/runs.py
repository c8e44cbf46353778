"""Runs as rows: a worker changes one only under the number of its own attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, DateTime, Select, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer

from matcher.domain.runs import PUBLISHING, RunMode, RunStatus
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.outcomes import RunRow, SnapshotRow

__all__ = [
    "CLOCK",
    "Claim",
    "RunRow",
    "add",
    "add_snapshot",
    "ask_to_end",
    "begin_publication",
    "cancel",
    "claim",
    "end",
    "end_publication",
    "find",
    "find_active",
    "find_by_no",
    "find_latest",
    "find_plan",
    "find_plan_by_no",
    "find_problem",
    "get_for_update",
    "hold",
    "hold_publication",
    "list_page",
    "report",
]

_ACTIVE: Final = RunRow.status.in_((RunStatus.QUEUED, RunStatus.RUNNING))
# Megabytes that few callers want.
_LIGHT: Final = (defer(RunRow.plan, raiseload=True),)
_FRESH: Final = {"populate_existing": True}

# When something happens, by the clock of the database.
CLOCK: Final[Any] = func.clock_timestamp(type_=DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Claim:
    """One taking up of a run by a worker: only the latest one may write."""

    no: int
    attempt: int


def add(session: Session, row: RunRow) -> bool:
    """Add a run, and tell whether it could be: not beside an active one of a region that overlaps."""
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.errors.ExclusionViolation):
            return False
        raise
    session.refresh(row)
    return True


def find_active(session: Session, region: str, *, client_no: int) -> UUID | None:
    """Return the active run of a region that holds this one or lies in it."""
    above = [region[:length] for length in (2, 4, 6, 9) if length < len(region)]
    return session.scalars(
        select(RunRow.id)
        .where(RunRow.client_no == client_no, _ACTIVE, or_(within(RunRow.region, [region]), RunRow.region.in_(above)))
        .order_by(RunRow.no)
        .limit(1)
    ).first()


def find(session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]) -> RunRow | None:
    """Return a run without its plan."""
    return session.scalars(_one(id_, client_no, regions).options(*_LIGHT).execution_options(**_FRESH)).one_or_none()


def get_for_update(session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]) -> RunRow | None:
    """Return a run without its plan, held for the rest of the transaction."""
    statement = _one(id_, client_no, regions).options(*_LIGHT).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(**_FRESH)).one_or_none()


def find_by_no(session: Session, no: int) -> RunRow | None:
    """Return a run with its plan."""
    return session.scalars(select(RunRow).where(RunRow.no == no)).one_or_none()


def find_plan(session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]) -> bytes | None:
    """Return the gzipped plan of a run; None if there is no such run, or no plan yet."""
    return session.scalars(_one(id_, client_no, regions).with_only_columns(RunRow.plan)).one_or_none()


def find_latest(session: Session, region: str, *, client_no: int) -> int | None:
    """Return the number of the latest run with a plan that a region was a part of."""
    holding = [region[:length] for length in (2, 4, 6, 9) if length <= len(region)]
    return session.scalars(
        select(RunRow.no)
        .where(RunRow.client_no == client_no, RunRow.region.in_(holding), RunRow.plan.is_not(None))
        .order_by(RunRow.no.desc())
        .limit(1)
    ).one_or_none()


def find_plan_by_no(session: Session, run_no: int) -> bytes | None:
    """Return the gzipped plan of a run; None if there is none, or none any more."""
    return session.scalars(select(RunRow.plan).where(RunRow.no == run_no)).one_or_none()


def find_problem(session: Session, run_no: int, *, client_no: int) -> bytes | None:
    """Return the gzipped problem of a run; None if there is none, or none any more."""
    return session.scalars(
        select(SnapshotRow.problem).where(SnapshotRow.run_no == run_no, SnapshotRow.client_no == client_no)
    ).one_or_none()


def list_page(
    session: Session,
    *,
    client_no: int,
    regions: Sequence[str],
    region: str | None,
    status: RunStatus | None,
    cursor: Cursor | None,
    limit: int,
) -> Page[RunRow]:
    """Return a page of runs, the oldest first."""
    statement = select(RunRow).where(RunRow.client_no == client_no, within(RunRow.region, regions)).options(*_LIGHT)
    if region is not None:
        statement = statement.where(within(RunRow.region, [region]))
    if status is not None:
        statement = statement.where(RunRow.status == status)
    rows = session.scalars(pages.after(statement, [RunRow.no], cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.no,))


def claim(session: Session, no: int) -> RunRow | None:
    """Take up a run that is not over, and return it: whoever had it before may not write any more."""
    row = session.scalars(
        select(RunRow).where(RunRow.no == no, _ACTIVE).options(*_LIGHT).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        return None
    row.status = RunStatus.RUNNING
    row.attempt += 1
    row.stage, row.fraction = "reading", 0.0
    row.started_at = row.started_at or session.execute(select(CLOCK)).scalar_one()
    return _changed(session, row)


def report(session: Session, mine: Claim, *, stage: str, fraction: float) -> bool | None:
    """Write how far a run is, and tell whether it is to end; None if it is not this worker's any more."""
    return session.scalars(
        update(RunRow).where(_is_held(mine)).values(stage=stage, fraction=fraction).returning(RunRow.cancel_requested)
    ).one_or_none()


def hold(session: Session, mine: Claim) -> RunRow | None:
    """Return a run, held for the rest of the transaction; None if it is not this worker's any more."""
    statement = select(RunRow).where(_is_held(mine)).options(*_LIGHT).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(**_FRESH)).one_or_none()


def end(session: Session, row: RunRow, status: RunStatus, values: Mapping[str, Any]) -> None:
    """End a run that is held, with all that came of it."""
    _set(row, {**values, "status": status, "stage": None, "finished_at": CLOCK})
    _changed(session, row)


def cancel(session: Session, row: RunRow) -> None:
    """End a run that is held and that nobody has taken up."""
    end(session, row, RunStatus.CANCELLED, {})


def ask_to_end(session: Session, row: RunRow) -> None:
    """Let the worker of a run that is held know that it is to end."""
    row.cancel_requested = True
    _changed(session, row)


def begin_publication(session: Session, row: RunRow) -> None:
    """Say of a run that is held that its plan is being published."""
    row.stage, row.mode, row.error = PUBLISHING, RunMode.PUBLISH, None
    _changed(session, row)


def hold_publication(session: Session, no: int) -> RunRow | None:
    """Return a run whose plan is being published, held for the rest of the transaction; None if that is over."""
    statement = (
        select(RunRow)
        .where(RunRow.no == no, RunRow.stage == PUBLISHING)
        .options(*_LIGHT)
        .with_for_update(key_share=True)
    )
    return session.scalars(statement.execution_options(**_FRESH)).one_or_none()


def end_publication(session: Session, row: RunRow, values: Mapping[str, Any]) -> None:
    """Say what came of a publication of a run that is held."""
    _set(row, {**values, "stage": None})
    _changed(session, row)


def add_snapshot(session: Session, row: RunRow, problem: bytes) -> None:
    """Keep the gzipped problem of a run."""
    session.execute(
        insert(SnapshotRow).values(run_no=row.no, client_no=row.client_no, region=row.region, problem=problem)
    )


def _one(id_: UUID, client_no: int, regions: Sequence[str]) -> Select[RunRow]:
    return select(RunRow).where(RunRow.id == id_, RunRow.client_no == client_no, within(RunRow.region, regions))


def _is_held(mine: Claim) -> ColumnElement[bool]:
    return and_(RunRow.no == mine.no, RunRow.status == RunStatus.RUNNING, RunRow.attempt == mine.attempt)


def _set(row: RunRow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _changed(session: Session, row: RunRow) -> RunRow:
    """Write the changes of a row as its next version."""
    row.version += 1
    row.updated_at = CLOCK
    session.flush()
    session.refresh(row, [column.key for column in RunRow.__mapper__.column_attrs if column.key != "plan"])
    return row
