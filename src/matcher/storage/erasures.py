"""Erasures as rows, and the clock by which they are finished."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from matcher.domain.access import Principal
from matcher.domain.erasures import ErasureKind, ErasureStatus
from matcher.domain.imports import ImportStatus
from matcher.domain.runs import PUBLISHING, RunStatus
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.access import ClientRow
from matcher.storage.tables.delivery import ErasureRow, ImportRow
from matcher.storage.tables.outcomes import RunRow

__all__ = ["ErasureRow", "add_if_new", "find", "hold", "is_settled", "list_page", "secret"]


def secret(session: Session, client_no: int) -> bytes:
    """Return with what the ids of a client's erased persons are hashed."""
    return session.scalars(select(ClientRow.secret).where(ClientRow.no == client_no)).one()


def add_if_new(
    session: Session, principal: Principal, *, kind: ErasureKind, subject: str, subject_hash: str, region: str
) -> tuple[ErasureRow, bool]:
    """Return the erasure of a subject that is not finished, and whether it was made here."""
    made = session.execute(
        insert(ErasureRow)
        .values(
            client_no=principal.client_no,
            key_no=principal.key_no,
            region=region,
            regions=list(principal.regions),
            kind=kind,
            subject=subject,
            subject_hash=subject_hash,
            status=ErasureStatus.RUNNING,
        )
        .on_conflict_do_nothing()
        .returning(ErasureRow.no)
    ).first()
    row = session.scalars(
        select(ErasureRow).where(
            ErasureRow.client_no == principal.client_no,
            ErasureRow.kind == kind,
            ErasureRow.subject_hash == subject_hash,
            ErasureRow.status == ErasureStatus.RUNNING,
        )
    ).one()
    return row, made is not None


def find(session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]) -> ErasureRow | None:
    """Return an erasure of a client within some regions."""
    return session.scalars(
        select(ErasureRow).where(
            ErasureRow.id == id_, ErasureRow.client_no == client_no, within(ErasureRow.region, regions)
        )
    ).one_or_none()


def hold(session: Session, no: int) -> ErasureRow:
    """Return an erasure by its number, which nobody else changes until the end of the transaction."""
    return session.scalars(
        select(ErasureRow).where(ErasureRow.no == no).with_for_update().execution_options(populate_existing=True)
    ).one()


def list_page(
    session: Session, *, client_no: int, regions: Sequence[str], cursor: Cursor | None, limit: int
) -> Page[ErasureRow]:
    """Return a page of the erasures of a client within some regions, the oldest first."""
    statement = select(ErasureRow).where(ErasureRow.client_no == client_no, within(ErasureRow.region, regions))
    rows = session.scalars(pages.after(statement, [ErasureRow.no], cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.no,))


def is_settled(session: Session, row: ErasureRow, *, settle: timedelta) -> bool:
    """Tell whether nothing is under way any more that may have read of the person before the rows were erased."""
    if row.erased_at is None:
        return False
    older_runs = exists().where(RunRow.client_no == row.client_no, RunRow.created_at <= row.erased_at, _is_at_work())
    older_imports = exists().where(
        ImportRow.client_no == row.client_no,
        ImportRow.created_at <= row.erased_at,
        ImportRow.status.in_((ImportStatus.RECEIVING, ImportStatus.RUNNING)),
    )
    settled: bool = session.execute(
        select(func.now() >= row.erased_at + settle, ~older_runs, ~older_imports)
    ).one() == (True, True, True)
    return settled


def _is_at_work() -> ColumnElement[bool]:
    return or_(RunRow.status.in_((RunStatus.QUEUED, RunStatus.RUNNING)), RunRow.stage == PUBLISHING)
