"""Events: written by whoever causes them, put in order by one publisher at a time, read by position."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import func, select, text

from matcher.domain.access import Principal
from matcher.domain.events import PAYLOADS, EventType, SubjectKind
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.tables.delivery import EventRow

__all__ = ["Event", "EventRow", "list_after", "order", "publish", "publish_many"]

# One number for all processes: whoever holds it gives positions.
_PUBLISHER: Final = 6_201

# In the order of the list: the numbers of the rows are.
_INSERT = text("""
    INSERT INTO events (client_no, region, type, subject_kind, subject_id, key_no, on_behalf_of, data)
    SELECT client_no, region, type, subject_kind, subject_id, key_no, on_behalf_of, data
    FROM ROWS FROM (jsonb_to_recordset(CAST(:events AS jsonb)) AS (
        client_no bigint, region text, type text, subject_kind text, subject_id text, key_no bigint,
        on_behalf_of text, data jsonb
    )) WITH ORDINALITY AS event
    ORDER BY ordinality
""")

_ORDER = text("""
    UPDATE events SET position = ordered.position
    FROM (
        SELECT no, nextval('event_positions') AS position
        FROM (SELECT no FROM events WHERE position IS NULL ORDER BY no LIMIT :limit) AS waiting
    ) AS ordered
    WHERE events.no = ordered.no
""")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a subject; ``data`` holds what `PAYLOADS` names and nothing else."""

    type: EventType
    client_no: int
    region: str
    subject_kind: SubjectKind
    subject_id: str
    key_no: int | None = None
    on_behalf_of: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def publish(  # noqa: PLR0913 - one argument a part of the event
    session: Session,
    type: EventType,  # noqa: A002 - the word of the table and of the API
    *,
    client_no: int,
    region: str,
    subject_kind: SubjectKind,
    subject_id: str,
    principal: Principal | None = None,
    on_behalf_of: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write that something happened, in the transaction in which it does.

    The events of one subject come in the order in which they are written, provided that its row is
    locked first.

    Raises
    ------
    ValueError
        If the payload holds what an event may not tell.
    """
    event = Event(
        type=type,
        client_no=client_no,
        region=region,
        subject_kind=subject_kind,
        subject_id=subject_id,
        key_no=None if principal is None else principal.key_no,
        on_behalf_of=on_behalf_of,
        data=data or {},
    )
    publish_many(session, [event])


def publish_many(session: Session, events: Iterable[Event]) -> None:
    """Write that several things happened, in this order, in one statement.

    Raises
    ------
    ValueError
        If a payload holds what an event may not tell.
    """
    rows = [_row(event) for event in events]
    if rows:
        session.execute(_INSERT, {"events": to_json(rows).decode()})


def order(session: Session, *, limit: int = 10_000) -> int:
    """Give committed events their positions, and return how many got one.

    An event is visible only once its transaction has committed, which may be after that of a later
    number; so positions are given afterwards, by one publisher at a time: a reader who has seen a
    position has seen all before it. Called in a transaction of the system that does nothing else.
    """
    # Most calls find nothing to do and need not wait for each other.
    if session.execute(select(EventRow.no).where(EventRow.position.is_(None)).limit(1)).first() is None:
        return 0
    session.execute(select(func.pg_advisory_xact_lock(_PUBLISHER)))
    # Only now, so that it sees what the publisher before gave.
    return session.execute(_ORDER, {"limit": limit}).rowcount  # type: ignore[attr-defined, no-any-return]


def list_after(
    session: Session,
    *,
    client_no: int,
    regions: Sequence[str],
    position: int,
    types: Collection[EventType] | None,
    limit: int,
) -> tuple[Sequence[EventRow], int]:
    """Return the first events after a position, and the position to go on from, up to which all were looked at."""
    latest = session.execute(
        select(func.max(EventRow.position)).where(EventRow.client_no == client_no, EventRow.position > position)
    ).scalar_one()
    if latest is None:
        return [], position
    # What is published meanwhile is for the next call; up to the latest there is nothing more to come.
    statement = (
        select(EventRow)
        .where(
            EventRow.client_no == client_no,
            EventRow.position > position,
            EventRow.position <= latest,
            within(EventRow.region, regions),
        )
        .order_by(EventRow.position)
        .limit(limit)
    )
    if types is not None:
        statement = statement.where(EventRow.type.in_(types))
    rows = session.scalars(statement).all()
    if len(rows) == limit:
        return rows, rows[-1].position or position
    return rows, latest


def _row(event: Event) -> dict[str, Any]:
    if strange := set(event.data) - PAYLOADS[event.subject_kind]:
        raise ValueError(f"An event about a {event.subject_kind} does not tell {', '.join(sorted(strange))}.")
    return {
        "client_no": event.client_no,
        "region": event.region,
        "type": event.type,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "key_no": event.key_no,
        "on_behalf_of": event.on_behalf_of,
        "data": dict(event.data),
    }
