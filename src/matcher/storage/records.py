"""Service records as rows, and the entries of their chains."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.access import ClientRow, KeyRow
from matcher.storage.tables.outcomes import EntryRow, OfferRow, RecordRow
from matcher.storage.tables.people import RequestRow

__all__ = [
    "EntryRow",
    "Filter",
    "Found",
    "RecordRow",
    "add",
    "add_entry",
    "client_id",
    "entries_of_record",
    "entries_of_volunteer",
    "find",
    "find_last_entry",
    "get_of_offer",
    "key_id",
    "list_page",
    "lock",
]

_FRESH: Final = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are wanted; what is None does not matter."""

    region: str | None = None
    volunteer_no: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and what it rests on."""

    record: RecordRow
    request_id: str
    offer: OfferRow


def add(session: Session, record: RecordRow) -> None:
    """Add a record."""
    session.add(record)
    session.flush()
    session.refresh(record)


def find(session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]) -> Found | None:
    """Return a record."""
    statement = (
        select(RecordRow, RequestRow.external_id, OfferRow)
        .join(RequestRow, RequestRow.no == RecordRow.request_no)
        .join(OfferRow, OfferRow.no == RecordRow.offer_no)
        .where(RecordRow.id == id_, RecordRow.client_no == client_no, within(RecordRow.region, regions))
    )
    found = session.execute(statement.execution_options(**_FRESH)).one_or_none()
    return None if found is None else Found(*found)


def lock(session: Session, no: int) -> RecordRow:
    """Lock a record, after its volunteer."""
    statement = select(RecordRow).where(RecordRow.no == no).with_for_update()
    return session.scalars(statement.execution_options(**_FRESH)).one()


def get_of_offer(session: Session, offer_no: int) -> RecordRow:
    """Return the record of an offer that was completed."""
    statement = select(RecordRow).where(RecordRow.offer_no == offer_no).with_for_update()
    return session.scalars(statement.execution_options(**_FRESH)).one()


def list_page(
    session: Session, wanted: Filter, *, client_no: int, regions: Sequence[str], cursor: Cursor | None, limit: int
) -> Page[Found]:
    """Return a page of records, the oldest first."""
    statement = select(RecordRow).where(RecordRow.client_no == client_no, within(RecordRow.region, regions))
    if wanted.region is not None:
        statement = statement.where(within(RecordRow.region, [wanted.region]))
    if wanted.volunteer_no is not None:
        statement = statement.where(RecordRow.volunteer_no == wanted.volunteer_no)
    if wanted.since is not None:
        statement = statement.where(RecordRow.starts_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(RecordRow.starts_at < wanted.until)
    rows = session.scalars(pages.after(statement, [RecordRow.no], cursor, limit=limit)).all()
    page = pages.cut(rows, limit=limit, key=lambda row: (row.no,))
    # By itself: joined, the planner would take all records and what they rest on before it takes fifty.
    grounds = (
        select(OfferRow, RequestRow.external_id)
        .join(RequestRow, RequestRow.no == OfferRow.request_no)
        .where(OfferRow.no.in_([row.offer_no for row in page.rows]))
    )
    ground = {offer.no: (request_id, offer) for offer, request_id in session.execute(grounds)}
    return Page([Found(row, *ground[row.offer_no]) for row in page.rows], page.next_cursor)


def add_entry(session: Session, entry: EntryRow) -> None:
    """Add an entry to the chain of a volunteer who is locked."""
    session.add(entry)
    session.flush()


def find_last_entry(session: Session, volunteer_no: int) -> EntryRow | None:
    """Return the last entry of the chain of a volunteer who is locked."""
    statement = select(EntryRow).where(EntryRow.volunteer_no == volunteer_no).order_by(EntryRow.position.desc())
    return session.scalars(statement.limit(1)).one_or_none()


def entries_of_record(session: Session, record_no: int) -> Sequence[EntryRow]:
    """Return all that was said of a record, in order."""
    return session.scalars(select(EntryRow).where(EntryRow.record_no == record_no).order_by(EntryRow.no)).all()


def entries_of_volunteer(session: Session, volunteer_no: int) -> Sequence[EntryRow]:
    """Return the chain of a volunteer."""
    statement = select(EntryRow).where(EntryRow.volunteer_no == volunteer_no).order_by(EntryRow.position)
    return session.scalars(statement).all()


def key_id(session: Session, key_no: int) -> UUID:
    """Return the id of a key, as its client knows it."""
    return session.scalars(select(KeyRow.id).where(KeyRow.no == key_no)).one()


def client_id(session: Session, client_no: int) -> str:
    """Return how a client system is called."""
    return session.scalars(select(ClientRow.id).where(ClientRow.no == client_no)).one()
