"""The audit trail: rows are added with what they tell of, and read; no key can change or delete one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, text

from matcher import telemetry
from matcher.domain.access import Principal
from matcher.domain.audit import Action
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.access import AuditRow, KeyRow

__all__ = [
    "AuditRow",
    "Filter",
    "Revealed",
    "add",
    "count_revealed",
    "find_key_id",
    "list_page",
    "lock_reveals",
    "was_refused",
]


_LOCK_REVEALS = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_REVEALED = text("""
    SELECT count(DISTINCT subject_id), coalesce(bool_or(subject_id = :request_id), false) FROM audit
    WHERE client_no = :client_no AND key_no = :key_no AND action = :action AND at > now() - :within
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; what is None does not matter."""

    action: Action | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    key_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Revealed:
    """Of how many requests a key has seen the place lately, and whether of the one in question."""

    requests: int
    has_request: bool


def add(  # noqa: PLR0913 - one argument a column
    session: Session,
    action: Action,
    *,
    client_no: int,
    region: str | None,
    subject_kind: str,
    subject_id: str,
    principal: Principal | None = None,
    on_behalf_of: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add a line, in the transaction of what it tells of; ids, codes and counts only."""
    session.execute(
        insert(AuditRow).values(
            client_no=client_no,
            region=region,
            key_no=None if principal is None else principal.key_no,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            on_behalf_of=on_behalf_of,
            request_id=telemetry.request_id.get(),
            data=None if data is None else dict(data),
        )
    )


def list_page(
    session: Session, wanted: Filter, *, client_no: int, regions: Sequence[str], cursor: Cursor | None, limit: int
) -> Page[tuple[AuditRow, UUID | None]]:
    """Return a page of the lines of a client within some regions, the oldest first, each with the id of its key."""
    statement = (
        select(AuditRow, KeyRow.id)
        .outerjoin(KeyRow, KeyRow.no == AuditRow.key_no)
        .where(AuditRow.client_no == client_no, or_(AuditRow.region.is_(None), within(AuditRow.region, regions)))
    )
    equal = {
        AuditRow.action: wanted.action,
        AuditRow.subject_kind: wanted.subject_kind,
        AuditRow.subject_id: wanted.subject_id,
        KeyRow.id: wanted.key_id,
    }
    statement = statement.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since is not None:
        statement = statement.where(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(AuditRow.at < wanted.until)
    rows = session.execute(pages.after(statement, [AuditRow.no], cursor, limit=limit)).all()
    return pages.cut([(row[0], row[1]) for row in rows], limit=limit, key=lambda row: (row[0].no,))


def find_key_id(session: Session, key_no: int) -> UUID:
    """Return the id of a key, as its client knows it."""
    return session.scalars(select(KeyRow.id).where(KeyRow.no == key_no)).one()


def lock_reveals(session: Session, key_no: int) -> None:
    """Let one transaction at a time count and reveal for a key."""
    session.execute(_LOCK_REVEALS, {"name": f"reveals {key_no}"})


def count_revealed(session: Session, *, client_no: int, key_no: int, request_id: str, within_s: timedelta) -> Revealed:
    """Count the requests whose places a key was shown lately, and tell whether one is among them."""
    found = session.execute(
        _REVEALED,
        {
            "client_no": client_no,
            "key_no": key_no,
            "action": Action.PLACE_REVEALED,
            "request_id": request_id,
            "within": within_s,
        },
    ).one()
    return Revealed(*found)


def was_refused(session: Session, *, client_no: int, key_no: int, within_s: timedelta) -> bool:
    """Tell whether a key was refused a place lately."""
    statement = select(AuditRow.no).where(*_lately(Action.REVEAL_REFUSED, client_no, key_no, within_s))
    return session.execute(statement.limit(1)).first() is not None


def _lately(action: Action, client_no: int, key_no: int, within_s: timedelta) -> tuple[Any, ...]:
    return (
        AuditRow.client_no == client_no,
        AuditRow.key_no == key_no,
        AuditRow.action == action,
        AuditRow.at > func.now() - within_s,
    )
