"""Steps of offers, as they are taken: the offer itself, its history, the event, and for whom it was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from matcher.domain.access import Principal
from matcher.domain.audit import Action as AuditAction
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.offers import OfferStatus, Side
from matcher.domain.requests import RequestStatus
from matcher.storage import audit, events, offers
from matcher.storage.database import Session
from matcher.storage.events import Event
from matcher.storage.offers import OfferRow, RequestRow, VolunteerRow

__all__ = ["NOBODY", "Actor", "Taken", "describe", "first", "take", "tell_of_request"]

# When something was done, by what it led to.
_STAMPS: Final[Mapping[OfferStatus, str]] = {
    OfferStatus.ACCEPTED: "answered_at",
    OfferStatus.DECLINED: "answered_at",
    OfferStatus.IN_PROGRESS: "checked_in_at",
    OfferStatus.COMPLETED: "checked_out_at",
    OfferStatus.CONFIRMED: "confirmed_at",
}
_TOLD: Final[Mapping[RequestStatus, EventType]] = {
    RequestStatus.OPEN: EventType.REQUEST_OPENED,
    RequestStatus.PLANNED: EventType.REQUEST_PLANNED,
    RequestStatus.FILLED: EventType.REQUEST_FILLED,
    RequestStatus.IN_PROGRESS: EventType.REQUEST_STARTED,
    RequestStatus.COMPLETED: EventType.REQUEST_COMPLETED,
    RequestStatus.FAILED: EventType.REQUEST_FAILED,
    RequestStatus.CANCELLED: EventType.REQUEST_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step, and for whom; without a principal it is the service itself."""

    principal: Principal | None = None
    on_behalf_of: Side | None = None


NOBODY: Final = Actor()


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of an offer of a request; both are locked."""

    request: RequestRow
    offer: OfferRow
    to: OfferStatus
    reason: str | None = None


def take(
    session: Session, taken: Sequence[Taken], actor: Actor, *, now: datetime, volunteer: VolunteerRow | None = None
) -> None:
    """Take steps that may be taken.

    Parameters
    ----------
    volunteer
        Whose offers all of them are, if that is known.

    Raises
    ------
    VolunteerBusyError
        If a volunteer would be in two places at once.
    """
    if not taken:
        return
    rows = [_change(each, actor, now) for each in taken]
    offers.add_steps(session, rows)
    names = _names(session, taken) if volunteer is None else {volunteer.no: volunteer.external_id}
    events.publish_many(
        session,
        [
            describe(each.request, each.offer, names.get(each.offer.volunteer_no or 0), row, actor)
            for each, row in zip(taken, rows, strict=True)
        ],
    )
    if actor.on_behalf_of is not None:
        for each in taken:
            _audit(session, each, actor)


def first(offer: OfferRow, actor: Actor) -> dict[str, Any]:
    """Return the first line of the history of a new offer."""
    return _line(offer, None, actor)


def describe(
    request: RequestRow, offer: OfferRow, volunteer_id: str | None, step: Mapping[str, Any], actor: Actor
) -> Event:
    """Return the event of a step."""
    data = {
        "status": str(step["to_status"]),
        "version": step["version"],
        "request_id": request.external_id,
        "volunteer_id": volunteer_id,
    }
    return Event(
        type=EventType(f"offer.{step['to_status']}"),
        client_no=offer.client_no,
        region=offer.region,
        subject_kind=SubjectKind.OFFER,
        subject_id=str(offer.id),
        key_no=None if actor.principal is None else actor.principal.key_no,
        on_behalf_of=actor.on_behalf_of,
        data=data if step["reason"] is None else {**data, "reason": str(step["reason"])},
    )


def tell_of_request(request: RequestRow, actor: Actor) -> Event:
    """Return the event of the status that a request has now."""
    data = {"status": str(request.status), "version": request.version}
    return Event(
        type=_TOLD[RequestStatus(request.status)],
        client_no=request.client_no,
        region=request.region,
        subject_kind=SubjectKind.REQUEST,
        subject_id=request.external_id,
        key_no=None if actor.principal is None else actor.principal.key_no,
        data=data if request.closed_reason is None else {**data, "reason": str(request.closed_reason)},
    )


def _names(session: Session, taken: Sequence[Taken]) -> Mapping[int, str]:
    homes = offers.homes_of(session, (each.offer.volunteer_no for each in taken))
    return {no: home.external_id for no, home in homes.items()}


def _change(taken: Taken, actor: Actor, now: datetime) -> dict[str, Any]:
    """Change an offer, and return the line of its history."""
    offer, before = taken.offer, taken.offer.status
    offer.status = taken.to
    offer.reason = taken.reason
    offer.version += 1
    offer.updated_at = now
    if (stamp := _STAMPS.get(taken.to)) is not None:
        setattr(offer, stamp, now)
    return _line(offer, before, actor)


def _line(offer: OfferRow, before: str | None, actor: Actor) -> dict[str, Any]:
    return {
        "offer_no": offer.no,
        "client_no": offer.client_no,
        "region": offer.region,
        "version": offer.version,
        "from_status": before,
        "to_status": offer.status,
        "key_no": None if actor.principal is None else actor.principal.key_no,
        "on_behalf_of": actor.on_behalf_of,
        "reason": offer.reason,
    }


def _audit(session: Session, taken: Taken, actor: Actor) -> None:
    audit.add(
        session,
        AuditAction.STEP_ON_BEHALF,
        client_no=taken.offer.client_no,
        region=taken.offer.region,
        subject_kind=SubjectKind.OFFER,
        subject_id=str(taken.offer.id),
        principal=actor.principal,
        on_behalf_of=actor.on_behalf_of,
        data={"to": str(taken.to)},
    )
