"""Imports in the database: the lines as they came, until they are taken in, and what was wrong with them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TextClause, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.imports import ImportFormat, ImportKind, ImportStatus
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.delivery import ChunkRow, FaultRow, ImportRow

__all__ = [
    "ChunkRow",
    "FaultRow",
    "ImportRow",
    "add",
    "add_chunk",
    "add_faults",
    "delete_chunk",
    "delete_chunks",
    "delete_receiving",
    "end",
    "find_abandoned",
    "find_chunk",
    "get",
    "get_for_update",
    "hold",
    "list_faults",
    "list_page",
    "no_such_import",
    "start",
]

_INSIDE: Final = text("""
    NOT EXISTS (
        SELECT FROM jsonb_array_elements_text(imports.regions) AS granted
        WHERE NOT granted ^@ ANY(CAST(:reach AS text[]))
    )
""")


def add(
    session: Session, principal: Principal, *, kind: ImportKind, format_: ImportFormat, header: list[str] | None
) -> ImportRow:
    """Add an import whose lines are about to come."""
    row = ImportRow(
        client_no=principal.client_no,
        key_no=principal.key_no,
        regions=list(principal.regions),
        crs=principal.crs,
        kind=kind,
        format=format_,
        header=header,
        status=ImportStatus.RECEIVING,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def add_chunk(
    session: Session, import_no: int, *, client_no: int, position: int, first_line: int, lines: int, content: bytes
) -> bool:
    """Keep some lines, and tell whether the import still takes any."""
    took = session.execute(
        update(ImportRow)
        .where(ImportRow.no == import_no, ImportRow.client_no == client_no, ImportRow.status == ImportStatus.RECEIVING)
        .values(line_count=ImportRow.line_count + lines, updated_at=func.now(), version=ImportRow.version + 1)
        .returning(ImportRow.no)
    )
    if took.first() is None:
        return False
    session.execute(
        insert(ChunkRow).values(
            import_no=import_no, position=position, client_no=client_no, first_line=first_line, content=content
        )
    )
    return True


def get(session: Session, import_id: UUID, *, client_no: int, regions: Sequence[str]) -> ImportRow:
    """Return an import of a client whose grants lie within some regions.

    Raises
    ------
    NotFoundError
        If there is none with this id.
    """
    return _one(session, select(ImportRow).where(ImportRow.id == import_id, *_reach(client_no, regions)))


def get_for_update(session: Session, import_id: UUID, *, client_no: int, regions: Sequence[str]) -> ImportRow:
    """Return such an import, which nobody else changes until the end of the transaction.

    Raises
    ------
    NotFoundError
        If there is none with this id.
    """
    statement = select(ImportRow).where(ImportRow.id == import_id, *_reach(client_no, regions))
    return _one(session, statement.with_for_update())


def hold(session: Session, import_no: int) -> ImportRow | None:
    """Return an import by its number, for a worker, which nobody else changes until the end of the transaction."""
    return session.scalars(
        select(ImportRow).where(ImportRow.no == import_no).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()


def list_page(
    session: Session,
    *,
    client_no: int,
    regions: Sequence[str],
    kinds: Iterable[ImportKind],
    cursor: Cursor | None,
    limit: int,
) -> Page[ImportRow]:
    """Return a page of such imports, the oldest first."""
    statement = select(ImportRow).where(*_reach(client_no, regions), ImportRow.kind.in_(list(kinds)))
    rows = session.scalars(pages.after(statement, [ImportRow.no], cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.no,))


def list_faults(session: Session, import_no: int, *, cursor: Cursor | None, limit: int) -> Page[FaultRow]:
    """Return a page of what was wrong with the lines of an import, in their order."""
    statement = select(FaultRow).where(FaultRow.import_no == import_no)
    rows = session.scalars(pages.after(statement, [FaultRow.no], cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.no,))


def find_chunk(session: Session, import_no: int, *, after: int) -> ChunkRow | None:
    """Return the first lines after a position that have not been taken in."""
    statement = select(ChunkRow).where(ChunkRow.import_no == import_no, ChunkRow.position > after)
    return session.scalars(statement.order_by(ChunkRow.position).limit(1)).one_or_none()


def delete_chunk(session: Session, import_no: int, position: int) -> bool:
    """Delete some lines, and tell whether they were still there."""
    statement = delete(ChunkRow).where(ChunkRow.import_no == import_no, ChunkRow.position == position)
    return session.execute(statement.returning(ChunkRow.position)).first() is not None


def delete_chunks(session: Session, import_no: int) -> None:
    """Delete all lines that have not been taken in."""
    session.execute(delete(ChunkRow).where(ChunkRow.import_no == import_no))


def add_faults(session: Session, faults: Sequence[dict[str, Any]]) -> None:
    """Keep what was wrong, each as the columns of its row; of two at one place the first."""
    if faults:
        session.execute(insert_or_not(FaultRow).on_conflict_do_nothing(), faults)


def start(session: Session, row: ImportRow) -> None:
    """Let an import that the transaction holds be worked off."""
    row.status = ImportStatus.RUNNING
    _touch(session, row)


def end(session: Session, row: ImportRow, status: ImportStatus, *, error: str | None) -> None:
    """End an import that the transaction holds, and delete the lines that were not taken in."""
    delete_chunks(session, row.no)
    row.status = status
    row.error = error
    _touch(session, row, finished_at=func.now())


def delete_receiving(session: Session, import_no: int) -> None:
    """Delete an import with its lines, if it is still taking them."""
    session.execute(delete(ImportRow).where(ImportRow.no == import_no, ImportRow.status == ImportStatus.RECEIVING))


def find_abandoned(session: Session, *, silent: timedelta, limit: int) -> Sequence[int]:
    """Return the numbers of imports whose lines stopped coming: whoever received them was killed."""
    return session.scalars(
        select(ImportRow.no)
        .where(ImportRow.status == ImportStatus.RECEIVING, ImportRow.updated_at < func.now() - silent)
        .order_by(ImportRow.no)
        .limit(limit)
    ).all()


def _touch(session: Session, row: ImportRow, **values: Any) -> None:
    """Write what was changed, by the clock of the database: lines come in for as long as they like."""
    row.version += 1
    session.flush()
    session.execute(update(ImportRow).where(ImportRow.no == row.no).values(updated_at=func.now(), **values))
    session.refresh(row)


def _reach(client_no: int, regions: Sequence[str]) -> tuple[ColumnElement[bool] | TextClause, ...]:
    """Return the condition that an import is of a client, and that all its own grants lie within some regions."""
    return ImportRow.client_no == client_no, _INSIDE.bindparams(reach=list(regions))


def _one(session: Session, statement: Select[ImportRow]) -> ImportRow:
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise no_such_import()
    return row


def no_such_import() -> NotFoundError:
    """Return the error of an import that is not there."""
    return NotFoundError(Text(en="There is no import with this id.", zh="没有该编号的导入。"))
