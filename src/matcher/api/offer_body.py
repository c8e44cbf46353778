"""An offer as it travels."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from matcher.api.fields import Body, Id, Instant
from matcher.domain.errors import Language
from matcher.domain.geo import Crs, Point
from matcher.domain.offers import DeclineReason, OfferStatus, Side, WithdrawReason
from matcher.services.asking import Asked
from matcher.services.offer_views import OfferView
from matcher.storage.tables.outcomes import StepRow

__all__ = [
    "AskBody",
    "AskedBody",
    "Offer",
    "OfferPlace",
    "OfferStep",
    "ReasonedStepBody",
    "StepBody",
    "present",
    "present_asked",
    "present_step",
]


class AskBody(Body):
    """Whom to ask for which place of a request, from when on."""

    request_id: Id
    volunteer_ids: Annotated[list[Id], Field(min_length=1, max_length=50)]
    role: Annotated[int, Field(ge=0, le=49, description="Position in the request's roles.")] = 0
    start: Annotated[
        Instant | None, Field(description="Needed if the request has windows: inside one of them, and to come.")
    ] = None
    answer_within_min: Annotated[
        int | None,
        Field(
            ge=1, le=10_080, description="Left out: 10 minutes if it begins within 2 hours, 45 today, 6 hours later."
        ),
    ] = None


class StepBody(Body):
    """For whom a step is taken, if station staff take it for somebody else; it is written down."""

    on_behalf_of: Annotated[Side | None, Field(strict=False)] = None


class ReasonedStepBody(StepBody):
    """The same, with a reason that is never held against anybody."""

    reason: Annotated[DeclineReason | None, Field(strict=False)] = None


class OfferPlace(BaseModel):
    """Where the service is: the middle of a cell, or the place itself while the volunteer is coming or there."""

    is_exact: bool
    latitude: float
    longitude: float
    crs: Crs
    radius_m: Annotated[int | None, Field(description="The place lies within so many metres; null if it is exact.")]
    cell: Annotated[str, Field(description="The H3 cell of resolution 8.")]


class Offer(BaseModel):
    """A volunteer is asked to help with a request."""

    id: UUID
    request_id: str
    volunteer_id: Annotated[str | None, Field(description="Null once the volunteer was erased.")]
    run_id: Annotated[UUID | None, Field(description="The run whose plan it is of; null if asked by name.")]
    region: str
    wave: Annotated[int, Field(description="Volunteers of one wave were asked at the same time.")]
    role: int
    status: OfferStatus
    reason: Annotated[DeclineReason | WithdrawReason | None, Field(description="Why it was left or withdrawn.")]
    starts_at: datetime | None
    ends_at: datetime | None
    duration_min: int
    urgency: int
    place: Annotated[OfferPlace | None, Field(description="Null if the request has none.")]
    distance_km: Annotated[
        float | None,
        Field(description="From where the volunteer lives to the place as shown; null if one is not known to the key."),
    ]
    offered_at: datetime
    expires_at: Annotated[datetime, Field(description="A yes after that still counts while a place is left.")]
    answered_at: datetime | None
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    confirmed_at: datetime | None
    version: int


class OfferStep(BaseModel):
    """One step in the life of an offer."""

    version: int
    from_status: OfferStatus | None
    to_status: OfferStatus
    at: datetime
    on_behalf_of: Side | None
    reason: DeclineReason | WithdrawReason | None


class RefusedBody(BaseModel):
    """A volunteer who was not asked."""

    volunteer_id: str
    reason: Annotated[str, Field(description="The code of a reason, such as `busy` or `already-asked`.")]
    detail: str


class AskedBody(BaseModel):
    """The offers that were made, as one wave, and who could not be asked."""

    wave: int
    data: list[Offer]
    refused: list[RefusedBody]


def present(view: OfferView, crs: Crs) -> Offer:
    """Return an offer as it travels, its place in ``crs``."""
    offer = view.offer
    return Offer(
        id=offer.id,
        request_id=view.request.external_id,
        volunteer_id=view.volunteer_id,
        run_id=view.run_id,
        region=offer.region,
        wave=offer.wave,
        role=offer.role,
        status=view.status,
        reason=_reason(offer.reason),
        starts_at=offer.starts_at,
        ends_at=offer.ends_at,
        duration_min=view.request.duration_min,
        urgency=view.request.urgency,
        place=_place(view, crs),
        distance_km=None if view.distance_m is None else view.distance_m / 1000,
        offered_at=offer.offered_at,
        expires_at=offer.expires_at,
        answered_at=offer.answered_at,
        checked_in_at=offer.checked_in_at,
        checked_out_at=offer.checked_out_at,
        confirmed_at=offer.confirmed_at,
        version=view.version,
    )


def present_step(step: StepRow) -> OfferStep:
    """Return a step as it travels."""
    return OfferStep(
        version=step.version,
        from_status=None if step.from_status is None else OfferStatus(step.from_status),
        to_status=OfferStatus(step.to_status),
        at=step.at,
        on_behalf_of=None if step.on_behalf_of is None else Side(step.on_behalf_of),
        reason=_reason(step.reason),
    )


def present_asked(asked: Asked, views: list[OfferView], crs: Crs, *, language: Language) -> AskedBody:
    """Return what came of a question as it travels."""
    return AskedBody(
        wave=asked.wave,
        data=[present(view, crs) for view in views],
        refused=[
            RefusedBody(volunteer_id=each.volunteer_id, reason=each.reason, detail=each.detail.in_language(language))
            for each in asked.refused
        ],
    )


def _place(view: OfferView, crs: Crs) -> OfferPlace | None:
    if view.cell is None:
        return None
    point: Point = view.point or view.cell.centre
    latitude, longitude = point.shown_in(crs)
    return OfferPlace(
        is_exact=view.point is not None,
        latitude=latitude,
        longitude=longitude,
        crs=crs,
        radius_m=None if view.point is not None else view.cell.radius_m,
        cell=view.cell.index,
    )


def _reason(code: str | None) -> DeclineReason | WithdrawReason | None:
    if code is None:
        return None
    return DeclineReason(code) if code in set(DeclineReason) else WithdrawReason(code)
