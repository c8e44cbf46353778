"""Volunteers: pushed by client systems under their own ids, paused, and asked for."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.offers import OfferStatus, WithdrawReason
from matcher.services import offers, upserts
from matcher.services.upserts import Content, Effect, Result
from matcher.storage import events, volunteers
from matcher.storage.database import Session
from matcher.storage.events import Event
from matcher.storage.pages import Cursor, Page
from matcher.storage.volunteers import VolunteerContent, VolunteerFilter, VolunteerRow

__all__ = [
    "as_created",
    "get",
    "get_for_update",
    "list_page",
    "pause",
    "resume",
    "set_availability",
    "show",
    "upsert_many",
]

_EVENTS = {Effect.CREATED: EventType.VOLUNTEER_CREATED, Effect.UPDATED: EventType.VOLUNTEER_UPDATED}


def upsert_many(
    session: Session,
    principal: Principal,
    contents: Sequence[VolunteerContent],
    now: datetime,
    *,
    versions: Collection[int] | None = None,
) -> list[Result]:
    """Create or replace volunteers, and return what came of each, in their order.

    What one item does wrong keeps no other from being written.

    Parameters
    ----------
    versions
        Only volunteers of one of these versions are changed; None stands for any.
    """
    results = upserts.write(session, principal, volunteers.UPSERT, contents, named=_named, versions=versions, now=now)
    events.publish_many(
        session,
        [
            _event(principal, _EVENTS[result.effect], content["external_id"], content["region"], result.version)
            for content, result in zip(contents, results, strict=True)
            if result.effect in _EVENTS
        ],
    )
    return results


def as_created(content: VolunteerContent, *, now: datetime) -> VolunteerRow:
    """Return the row of a volunteer who was just created: it holds what was sent, so nobody need read it."""
    insured_until = content["insured_until"]
    return VolunteerRow(
        **(content | {"insured_until": None if insured_until is None else date.fromisoformat(insured_until)}),
        version=1,
        created_at=now,
        updated_at=now,
    )


def get(session: Session, principal: Principal, external_id: str) -> VolunteerRow:
    """Return a volunteer.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(volunteers.find(session, principal.client_no, external_id, regions=principal.regions))


def show(session: Session, principal: Principal, external_id: str) -> VolunteerRow:
    """Return what is shown of a volunteer; it has the names of the row, and cannot be changed.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(volunteers.find_shown(session, principal.client_no, external_id, regions=principal.regions))


def get_for_update(session: Session, principal: Principal, external_id: str) -> VolunteerRow:
    """Return a volunteer, held for the rest of the transaction.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(volunteers.find_for_update(session, principal.client_no, external_id, regions=principal.regions))


def list_page(
    session: Session, principal: Principal, wanted: VolunteerFilter, *, cursor: Cursor | None, limit: int
) -> Page[VolunteerRow]:
    """Return a page of the volunteers within the principal's regions, by region and id."""
    return volunteers.list_page(
        session, principal.client_no, wanted, regions=principal.regions, cursor=cursor, limit=limit
    )


def pause(session: Session, principal: Principal, external_id: str, *, now: datetime) -> VolunteerRow:
    """Make no new offers to a volunteer for now. Pausing twice is no error.

    Offers without an answer are withdrawn, so that somebody else is asked; what is promised holds.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    row = get(session, principal, external_id)
    if row.paused:
        return row
    # First this, since requests are locked before volunteers.
    offers.withdraw_of_volunteer(
        session,
        row,
        reason=WithdrawReason.VOLUNTEER_PAUSED,
        now=now,
        principal=principal,
        statuses=[OfferStatus.OFFERED],
    )
    row = get_for_update(session, principal, external_id)
    if not row.paused:
        row.paused = True
        _change(session, principal, row, EventType.VOLUNTEER_PAUSED, now)
    return row


def resume(session: Session, principal: Principal, external_id: str, *, now: datetime) -> VolunteerRow:
    """Make offers to a volunteer again. Resuming twice is no error.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    row = get_for_update(session, principal, external_id)
    if row.paused:
        row.paused = False
        _change(session, principal, row, EventType.VOLUNTEER_RESUMED, now)
    return row


def set_availability(
    session: Session, principal: Principal, row: VolunteerRow, availability: dict[str, Any], *, now: datetime
) -> None:
    """Say anew when a volunteer, whose row is held, has time."""
    if row.availability != availability:
        row.availability = availability
        _change(session, principal, row, EventType.VOLUNTEER_UPDATED, now)


def _change(session: Session, principal: Principal, row: VolunteerRow, type_: EventType, now: datetime) -> None:
    row.version += 1
    row.updated_at = now
    session.flush()
    events.publish_many(session, [_event(principal, type_, row.external_id, row.region, row.version)])


def _event(principal: Principal, type_: EventType, external_id: str, region: str, version: int | None) -> Event:
    return Event(
        type=type_,
        client_no=principal.client_no,
        region=region,
        subject_kind=SubjectKind.VOLUNTEER,
        subject_id=external_id,
        key_no=principal.key_no,
        data={"version": version},
    )


def _named(content: Content) -> Iterator[tuple[str, str]]:
    return ((f"/skills/{place}/code", skill["code"]) for place, skill in enumerate(content["skills"]))


def _found(row: VolunteerRow | None) -> VolunteerRow:
    if row is None:
        raise NotFoundError(Text(en="There is no volunteer with this id.", zh="没有该编号的志愿者。"))
    return row
