"""Volunteers as they travel: from what a caller pushes to the row, and back."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from matcher.api import stored
from matcher.api.fields import Code
from matcher.api.meaning import Meaning, metres
from matcher.api.problem_body import AvailabilityBody, SkillBody, VolunteerTraits
from matcher.api.stored import BelongingBody, ExternalId, Place
from matcher.domain.geo import Crs
from matcher.domain.requests import Gender
from matcher.domain.volunteers import TravelMode
from matcher.storage.volunteers import VolunteerContent, VolunteerRow

__all__ = [
    "Volunteer",
    "VolunteerItem",
    "VolunteerPut",
    "present",
    "put_content",
    "to_availability",
    "to_content",
]


class _Membership(BelongingBody):
    volunteer_no: Annotated[
        Code | None, Field(description="The unified number of the volunteer (MZ/T 061), never an identity number.")
    ] = None


class VolunteerPut(VolunteerTraits, _Membership):
    """Someone offers help. Without ``availability`` they have time whenever asked; a limit left out does not bind.

    A skill of the catalogue that needs a certificate counts only with ``valid_until``. Times already
    promised elsewhere are ``busy``; those promised by offers of this service need not be repeated.
    """


class _Named(_Membership):
    external_id: ExternalId


class VolunteerItem(VolunteerTraits, _Named):
    """A volunteer of a batch or an import."""


class BusyTime(BaseModel):
    """A time already promised elsewhere."""

    start: datetime
    end: datetime
    location: Place | None
    is_assignment: bool


class Volunteer(BaseModel):
    """A volunteer."""

    external_id: str
    region: str
    community: str | None
    volunteer_no: str | None
    location: Place | None
    max_distance_km: float | None
    max_travel_min: int | None
    travel_mode: TravelMode
    skills: list[SkillBody]
    trainings: list[str]
    insured_until: date | None
    gender: Gender | None
    birth_year: int | None
    guardian_consent: bool
    paused: bool
    availability: AvailabilityBody | None
    busy: list[BusyTime]
    max_assignments: int | None
    max_minutes: int | None
    max_assignments_per_day: int | None
    max_minutes_per_day: int | None
    recent_minutes: int
    version: Annotated[int, Field(description="Counts the changes; the ETag is the same in quotation marks.")]
    created_at: datetime
    updated_at: datetime


def to_content(item: VolunteerItem, crs: Crs) -> VolunteerContent:
    """Return what is kept of an item; places that name no ``crs`` are in the one given.

    Raises
    ------
    InvalidBodyError
        If fields contradict each other, or no region has the code.
    """
    return put_content(item, item.external_id, crs)


def put_content(body: VolunteerPut | VolunteerItem, external_id: str, crs: Crs) -> VolunteerContent:
    """Return what is kept of a volunteer; places that name no ``crs`` are in the one given.

    Raises
    ------
    InvalidBodyError
        If fields contradict each other, or no region has the code.
    """
    meaning = Meaning(crs)
    # Without making what matching reads later: thousands come at once.
    point = meaning.point(body.location)
    promised = [meaning.busy(busy, ("busy", place)) for place, busy in enumerate(body.busy)]
    if body.availability is not None:
        meaning.check_availability(body.availability, ("availability",))
    stored.check_region(meaning, body.region)
    stored.check(meaning)
    return {
        "external_id": external_id,
        "region": body.region,
        "community": body.community,
        "volunteer_no": body.volunteer_no,
        "latitude": None if point is None else point.latitude,
        "longitude": None if point is None else point.longitude,
        "max_distance_m": metres(body.max_distance_km),
        "max_travel_min": body.max_travel_min,
        "travel_mode": body.travel_mode,
        "skills": [
            {"code": skill.code, "level": skill.level, "valid_until": _day(skill.valid_until)} for skill in body.skills
        ],
        "skill_codes": sorted({skill.code for skill in body.skills}),
        "trainings": body.trainings,
        "insured_until": _day(body.insured_until),
        "gender": body.gender,
        "birth_year": body.birth_year,
        "guardian_consent": body.guardian_consent,
        "paused": body.paused,
        "availability": None if body.availability is None else _availability(body.availability),
        "busy": [
            {
                "start": stored.text(busy.start),
                "end": stored.text(busy.end),
                "latitude": None if busy.point is None else busy.point.latitude,
                "longitude": None if busy.point is None else busy.point.longitude,
                "is_assignment": busy.is_assignment,
            }
            for busy in promised
        ],
        "max_assignments": body.max_assignments,
        "max_minutes": body.max_minutes,
        "max_assignments_per_day": body.max_assignments_per_day,
        "max_minutes_per_day": body.max_minutes_per_day,
        "recent_minutes": body.recent_minutes,
    }


def to_availability(body: AvailabilityBody) -> dict[str, Any]:
    """Return what is kept of an availability that comes by itself.

    Raises
    ------
    InvalidBodyError
        If an interval ends before it starts, or there is no such time zone.
    """
    meaning = Meaning(Crs.WGS84)
    meaning.check_availability(body, ())
    stored.check(meaning)
    return _availability(body)


def present(row: VolunteerRow, crs: Crs) -> dict[str, Any]:
    """Return a volunteer as ``Volunteer`` describes it, places in ``crs``."""
    return {
        "external_id": row.external_id,
        "region": row.region,
        "community": row.community,
        "volunteer_no": row.volunteer_no,
        "location": stored.place(row.latitude, row.longitude, crs),
        "max_distance_km": None if row.max_distance_m is None else row.max_distance_m / 1000,
        "max_travel_min": row.max_travel_min,
        "travel_mode": row.travel_mode,
        "skills": row.skills,
        "trainings": row.trainings,
        "insured_until": _day(row.insured_until),
        "gender": row.gender,
        "birth_year": row.birth_year,
        "guardian_consent": row.guardian_consent,
        "paused": row.paused,
        "availability": row.availability,
        "busy": [
            {
                "start": busy["start"],
                "end": busy["end"],
                "location": stored.place(busy["latitude"], busy["longitude"], crs),
                "is_assignment": busy["is_assignment"],
            }
            for busy in row.busy
        ],
        "max_assignments": row.max_assignments,
        "max_minutes": row.max_minutes,
        "max_assignments_per_day": row.max_assignments_per_day,
        "max_minutes_per_day": row.max_minutes_per_day,
        "recent_minutes": row.recent_minutes,
        "version": row.version,
        "created_at": stored.text(row.created_at),
        "updated_at": stored.text(row.updated_at),
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _availability(body: AvailabilityBody) -> dict[str, Any]:
    return {
        "weekly": [
            {"days": rule.days, "start": rule.start, "end": rule.end, "calendar": rule.calendar} for rule in body.weekly
        ],
        "extra": [{"start": stored.text(window.start), "end": stored.text(window.end)} for window in body.extra],
        "except": [{"start": stored.text(window.start), "end": stored.text(window.end)} for window in body.except_],
        "time_zone": body.time_zone,
    }
