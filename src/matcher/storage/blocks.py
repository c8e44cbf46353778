"""Pairs of a volunteer and a requester who are never brought together."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from matcher.domain.requests import FINAL
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.people import BlockRow, RequestRow, VolunteerRow

__all__ = ["BlockRow", "Found", "add", "list_page", "list_requests_of", "remove"]


@dataclass(frozen=True, slots=True)
class Found:
    """A block, and how its volunteer is called."""

    block: BlockRow
    volunteer_id: str


def add(session: Session, volunteer: VolunteerRow, requester: str) -> bool:
    """Keep the two apart, and tell whether they were not before."""
    statement = (
        insert(BlockRow)
        .values(
            client_no=volunteer.client_no,
            region=volunteer.region,
            volunteer_no=volunteer.no,
            requester=requester,
        )
        .on_conflict_do_nothing(index_elements=["volunteer_no", "requester"])
        .returning(BlockRow.no)
    )
    return session.execute(statement).first() is not None


def remove(session: Session, volunteer: VolunteerRow, requester: str) -> bool:
    """Keep the two apart no longer, and tell whether they were."""
    statement = (
        delete(BlockRow)
        .where(BlockRow.volunteer_no == volunteer.no, BlockRow.requester == requester)
        .returning(BlockRow.no)
    )
    return session.execute(statement).first() is not None


def list_page(
    session: Session,
    *,
    client_no: int,
    regions: Sequence[str],
    volunteer_no: int | None,
    cursor: Cursor | None,
    limit: int,
) -> Page[Found]:
    """Return a page of blocks, the oldest first."""
    statement = (
        select(BlockRow, VolunteerRow.external_id)
        .join(VolunteerRow, VolunteerRow.no == BlockRow.volunteer_no)
        .where(BlockRow.client_no == client_no, within(BlockRow.region, regions))
    )
    if volunteer_no is not None:
        statement = statement.where(BlockRow.volunteer_no == volunteer_no)
    rows = session.execute(pages.after(statement, [BlockRow.no], cursor, limit=limit)).all()
    found = [Found(row[0], row[1]) for row in rows]
    return pages.cut(found, limit=limit, key=lambda each: (each.block.no,))


def list_requests_of(session: Session, client_no: int, requester: str) -> Sequence[int]:
    """Return the requests of a requester that are not closed."""
    statement = select(RequestRow.no).where(
        RequestRow.client_no == client_no, RequestRow.requester == requester, RequestRow.status.not_in(FINAL)
    )
    return session.scalars(statement).all()
