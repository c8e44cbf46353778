"""Help requests as they travel: from what a caller pushes to the row, and back."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from matcher.api import stored
from matcher.api.fields import NOTE_PATTERN, Id
from matcher.api.meaning import Meaning
from matcher.api.problem_body import NeedBody, RequestTraits, RoleBody
from matcher.api.stored import BelongingBody, ExternalId, Place
from matcher.domain.geo import Crs
from matcher.domain.requests import CloseReason, Gender, RequestStatus, Risk
from matcher.storage.requests import RequestContent, RequestRow

__all__ = ["HelpRequest", "RequestItem", "RequestPut", "Window", "present", "put_content", "to_content"]


class _Circumstances(BelongingBody):
    requester: Annotated[
        Id | None,
        Field(description="The caller's own opaque name of the person who asks; pairs are blocked by it."),
    ] = None
    risk: Annotated[
        Risk, Field(strict=False, description="The danger to the volunteer, as whoever asks has to state it.")
    ] = Risk.NONE
    verified: Annotated[bool, Field(description="Only a verified request is matched.")] = True
    note: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NOTE_PATTERN)] | None,
        Field(description="For the station; nobody else is told, and it is never logged. No names, no phone numbers."),
    ] = None


class RequestPut(RequestTraits, _Circumstances):
    """Someone asks for help.

    Without ``windows`` the request has no time, without ``location`` no distance. ``roles`` stands
    instead of ``skills`` and ``headcount``; ``min_headcount`` then counts whole roles. Left out,
    ``min_headcount`` is everybody who is asked for, and 20 if that is more.
    """


class _Named(_Circumstances):
    external_id: ExternalId


class RequestItem(RequestTraits, _Named):
    """A request of a batch or an import."""


class Window(BaseModel):
    """A stretch of time from ``start`` up to, but without, ``end``."""

    start: datetime
    end: datetime


class HelpRequest(BaseModel):
    """A help request.

    ``places`` and ``taken`` have one entry a role: how many are asked for, and how many have
    accepted or served. A request that names no roles has one.
    """

    external_id: str
    region: str
    community: str | None
    requester: str | None
    location: Place | None
    windows: list[Window] | None
    duration_min: int
    skills: list[NeedBody] | None
    headcount: int | None
    min_headcount: int
    roles: list[RoleBody] | None
    urgency: int
    gender: Gender | None
    adults_only: bool
    needs_insurance: bool
    risk: Risk
    trainings: list[str]
    preferred_volunteers: list[str]
    excluded_volunteers: list[str]
    requested_at: datetime | None
    verified: bool
    note: str | None
    status: RequestStatus
    closed_reason: CloseReason | None
    places: list[int]
    taken: list[int]
    version: Annotated[int, Field(description="Counts the changes; the ETag is the same in quotation marks.")]
    created_at: datetime
    updated_at: datetime


def to_content(item: RequestItem, crs: Crs) -> RequestContent:
    """Return what is kept of an item; places that name no ``crs`` are in the one given.

    Raises
    ------
    InvalidBodyError
        If fields contradict each other, or no region has the code.
    """
    return put_content(item, item.external_id, crs)


def put_content(body: RequestPut | RequestItem, external_id: str, crs: Crs) -> RequestContent:
    """Return what is kept of a request; places that name no ``crs`` are in the one given.

    Raises
    ------
    InvalidBodyError
        If fields contradict each other, or no region has the code.
    """
    meaning = Meaning(crs)
    request = meaning.request(body, external_id, body.region, ())
    stored.check_region(meaning, body.region)
    stored.check(meaning)
    point = request.point
    roles = body.roles or [RoleBody(skills=body.skills or [], count=request.roles[0].count)]
    windows = request.windows
    return {
        "external_id": external_id,
        "region": body.region,
        "community": body.community,
        "requester": body.requester,
        "latitude": None if point is None else point.latitude,
        "longitude": None if point is None else point.longitude,
        "windows": None
        if windows is None
        else [{"start": stored.text(window.start), "end": stored.text(window.end)} for window in windows],
        "opens_at": None if windows is None else stored.text(min(window.start for window in windows)),
        "closes_at": None if windows is None else stored.text(max(window.end for window in windows)),
        "duration_min": request.duration_min,
        "roles": [
            {
                "skills": [{"code": need.code, "level": need.level} for need in role.skills],
                "count": role.count,
                "gender": role.gender,
            }
            for role in roles
        ],
        "by_role": request.by_role,
        "places": [role.count for role in roles],
        "min_headcount": request.min_headcount,
        "skill_codes": sorted({need.code for role in roles for need in role.skills}),
        "urgency": request.urgency,
        "gender": body.gender,
        "adults_only": request.adults_only,
        "needs_insurance": request.needs_insurance,
        "risk": body.risk,
        "trainings": body.trainings,
        "preferred_volunteers": body.preferred_volunteers,
        "excluded_volunteers": body.excluded_volunteers,
        "requested_at": stored.instant(request.requested_at),
        "verified": body.verified,
        "note": body.note,
    }


def present(row: RequestRow, crs: Crs) -> dict[str, Any]:
    """Return a request as ``HelpRequest`` describes it, its place in ``crs``."""
    return {
        "external_id": row.external_id,
        "region": row.region,
        "community": row.community,
        "requester": row.requester,
        "location": stored.place(row.latitude, row.longitude, crs),
        "windows": row.windows,
        "duration_min": row.duration_min,
        "skills": None if row.by_role else row.roles[0]["skills"],
        "headcount": None if row.by_role else row.places[0],
        "min_headcount": row.min_headcount,
        "roles": row.roles if row.by_role else None,
        "urgency": row.urgency,
        "gender": row.gender,
        "adults_only": row.adults_only,
        "needs_insurance": row.needs_insurance,
        "risk": row.risk,
        "trainings": row.trainings,
        "preferred_volunteers": row.preferred_volunteers,
        "excluded_volunteers": row.excluded_volunteers,
        "requested_at": stored.instant(row.requested_at),
        "verified": row.verified,
        "note": row.note,
        "status": row.status,
        "closed_reason": row.closed_reason,
        "places": row.places,
        "taken": row.taken,
        "version": row.version,
        "created_at": stored.text(row.created_at),
        "updated_at": stored.text(row.updated_at),
    }
