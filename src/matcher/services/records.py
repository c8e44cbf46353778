"""Service records: made when a service ends, confirmed, corrected, exported; each word of it in a chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from matcher.domain import records as rules
from matcher.domain.access import Principal
from matcher.domain.audit import Action
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.records import CorrectionReason, EntryKind, ErasedError
from matcher.services.steps import Actor
from matcher.storage import audit, events, offers, records, scopes
from matcher.storage.database import Session
from matcher.storage.offers import OfferRow, RequestRow, VolunteerRow
from matcher.storage.pages import Cursor, Page
from matcher.storage.records import EntryRow, Filter, Found, RecordRow

__all__ = [
    "Export",
    "Served",
    "confirm",
    "correct",
    "create",
    "entries",
    "export",
    "get",
    "list_page",
    "volunteer_id_of",
]

_TOLD: Final[Mapping[EntryKind, EventType]] = {
    EntryKind.SERVICE: EventType.RECORD_CREATED,
    EntryKind.CONFIRMATION: EventType.RECORD_CONFIRMED,
    EntryKind.CORRECTION: EventType.RECORD_CORRECTED,
}
_NOT_FOUND = Text(en="There is no such record.", zh="没有该记录。")
_NO_VOLUNTEER = Text(en="There is no such volunteer.", zh="没有该志愿者。")


@dataclass(frozen=True, slots=True)
class Export:
    """The chain of a volunteer, as it is handed out."""

    client_id: str
    volunteer_id: str
    volunteer_no: str | None
    entries: list[Mapping[str, Any]]

    @property
    def total_minutes(self) -> int:
        """The minutes of all records, each as it was last corrected."""
        return sum({entry["record_id"]: entry["minutes"] for entry in self.entries}.values())

    @property
    def last_hash(self) -> str:
        """The hash that stands for all of it."""
        return str(self.entries[-1]["hash"]) if self.entries else rules.FIRST


@dataclass(frozen=True, slots=True)
class Served:
    """A service, and who says something of it now; all its rows are locked."""

    offer: OfferRow
    request: RequestRow
    volunteer: VolunteerRow
    actor: Actor
    now: datetime


def create(session: Session, served: Served) -> RecordRow:
    """Record the service of an offer that was just completed."""
    offer = served.offer
    starts_at, ends_at = offer.checked_in_at or served.now, offer.checked_out_at or served.now
    record = RecordRow(
        client_no=offer.client_no,
        region=offer.region,
        offer_no=offer.no,
        request_no=served.request.no,
        volunteer_no=served.volunteer.no,
        starts_at=starts_at,
        ends_at=ends_at,
        minutes=rules.minutes_between(starts_at, ends_at),
    )
    records.add(session, record)
    _say(session, record, served, EntryKind.SERVICE)
    return record


def confirm(session: Session, served: Served) -> None:
    """Confirm the record of an offer that was just confirmed."""
    record = records.get_of_offer(session, served.offer.no)
    record.confirmed_at = served.now
    _change(record, served.now)
    _say(session, record, served, EntryKind.CONFIRMATION)


def correct(
    session: Session,
    principal: Principal,
    record_id: UUID,
    *,
    minutes: int,
    reason: CorrectionReason,
    now: datetime,
) -> Found:
    """Correct the minutes of a record; what was recorded before stays in its history.

    Raises
    ------
    NotFoundError
        If the record does not exist in the principal's regions.
    ErasedError
        If its volunteer was erased.
    """
    found = get(session, principal, record_id)
    if found.record.volunteer_no is None:
        raise ErasedError
    with scopes.crossing(session):
        request = offers.lock_requests(session, [found.record.request_no])[0]
        volunteer = offers.lock_volunteer(session, found.record.volunteer_no)
        if volunteer is None:
            raise ErasedError
        record = records.lock(session, found.record.no)
        record.minutes = minutes
        _change(record, now)
        served = Served(found.offer, request, volunteer, Actor(principal), now)
        _say(session, record, served, EntryKind.CORRECTION, reason=reason)
        audit.add(
            session,
            Action.RECORD_CORRECTED,
            client_no=record.client_no,
            region=record.region,
            subject_kind=SubjectKind.RECORD,
            subject_id=str(record.id),
            principal=principal,
            data={"minutes": minutes, "reason": str(reason)},
        )
    return found


def get(session: Session, principal: Principal, record_id: UUID) -> Found:
    """Return a record.

    Raises
    ------
    NotFoundError
        If it does not exist in the principal's regions.
    """
    found = records.find(session, record_id, client_no=principal.client_no, regions=principal.regions)
    if found is None:
        raise NotFoundError(_NOT_FOUND)
    return found


def entries(session: Session, found: Found) -> list[Mapping[str, Any]]:
    """Return all that was said of a record, in order."""
    return [_as_said(entry) for entry in records.entries_of_record(session, found.record.no)]


def list_page(
    session: Session,
    principal: Principal,
    wanted: Filter,
    *,
    volunteer_id: str | None,
    cursor: Cursor | None,
    limit: int,
) -> Page[Found]:
    """Return a page of the records within the principal's regions, the oldest first."""
    if volunteer_id is not None:
        with scopes.crossing(session):
            volunteers = offers.find_volunteers(session, principal.client_no, [volunteer_id])
        if volunteer_id not in volunteers:
            return Page([], None)
        wanted = Filter(wanted.region, volunteers[volunteer_id].no, wanted.since, wanted.until)
    return records.list_page(
        session, wanted, client_no=principal.client_no, regions=principal.regions, cursor=cursor, limit=limit
    )


def volunteer_id_of(session: Session, founds: Sequence[Found]) -> Mapping[int, str]:
    """Return how the volunteers of records are called, by their numbers."""
    with scopes.crossing(session):
        homes = offers.homes_of(session, (found.record.volunteer_no for found in founds))
    return {no: home.external_id for no, home in homes.items()}


def export(session: Session, principal: Principal, volunteer_id: str) -> Export:
    """Return all that was ever recorded of a volunteer, wherever they served.

    Raises
    ------
    NotFoundError
        If the volunteer does not exist, or lives outside the principal's regions.
    """
    volunteer = offers.find_volunteers(session, principal.client_no, [volunteer_id]).get(volunteer_id)
    if volunteer is None or not principal.covers(volunteer.region):
        raise NotFoundError(_NO_VOLUNTEER)
    with scopes.crossing(session):
        chain = [_as_said(entry) for entry in records.entries_of_volunteer(session, volunteer.no)]
    audit.add(
        session,
        Action.RECORDS_EXPORTED,
        client_no=volunteer.client_no,
        region=volunteer.region,
        subject_kind=SubjectKind.VOLUNTEER,
        subject_id=volunteer.external_id,
        principal=principal,
        data={"entries": len(chain)},
    )
    client_id = records.client_id(session, principal.client_no)
    return Export(client_id, volunteer.external_id, volunteer.volunteer_no, chain)


def _change(record: RecordRow, now: datetime) -> None:
    record.version += 1
    record.updated_at = now


def _say(
    session: Session, record: RecordRow, served: Served, kind: EntryKind, *, reason: CorrectionReason | None = None
) -> None:
    """Add an entry to the chain of the volunteer, who is locked, and tell of it."""
    principal = served.actor.principal
    last = records.find_last_entry(session, served.volunteer.no)
    position = 1 if last is None else last.position + 1
    previous = rules.FIRST if last is None else last.hash
    # Nothing here names a person or a place: it has to hold when either is erased.
    content = {
        "position": position,
        "kind": str(kind),
        "record_id": str(record.id),
        "offer_id": str(served.offer.id),
        "region": record.region,
        "starts_at": _text(record.starts_at),
        "ends_at": _text(record.ends_at),
        "minutes": record.minutes,
        "reason": None if reason is None else str(reason),
        "on_behalf_of": None if served.actor.on_behalf_of is None else str(served.actor.on_behalf_of),
        "key_id": None if principal is None else str(records.key_id(session, principal.key_no)),
        "at": _text(served.now),
    }
    entry = EntryRow(
        record_no=record.no,
        volunteer_no=served.volunteer.no,
        client_no=record.client_no,
        region=record.region,
        position=position,
        kind=kind,
        content=content,
        previous_hash=previous,
        hash=rules.digest(previous, content),
        at=served.now,
        key_no=None if principal is None else principal.key_no,
    )
    records.add_entry(session, entry)
    _tell(session, record, served, kind, reason)


def _tell(
    session: Session, record: RecordRow, served: Served, kind: EntryKind, reason: CorrectionReason | None
) -> None:
    data = {
        "version": record.version,
        "offer_id": str(served.offer.id),
        "request_id": served.request.external_id,
        "volunteer_id": served.volunteer.external_id,
        "minutes": record.minutes,
    }
    events.publish(
        session,
        _TOLD[kind],
        client_no=record.client_no,
        region=record.region,
        subject_kind=SubjectKind.RECORD,
        subject_id=str(record.id),
        principal=served.actor.principal,
        on_behalf_of=served.actor.on_behalf_of,
        data=data if reason is None else {**data, "reason": str(reason)},
    )


def _as_said(entry: EntryRow) -> Mapping[str, Any]:
    return {**entry.content, "previous_hash": entry.previous_hash, "hash": entry.hash}


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
