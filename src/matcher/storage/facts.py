"""What matching reads of a volunteer and of a request: plain columns, much cheaper than whole rows.

What a caller wrote as JSON stays text: equal texts, of which there are many, are then read once.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Text, cast

from matcher.storage.tables.base import Base
from matcher.storage.tables.people import RequestRow, VolunteerRow

__all__ = ["REQUEST_COLUMNS", "VOLUNTEER_COLUMNS", "RequestFacts", "VolunteerFacts"]


class VolunteerFacts(NamedTuple):
    """Of a volunteer."""

    no: int
    external_id: str
    region: str
    latitude: float | None
    longitude: float | None
    max_distance_m: int | None
    max_travel_min: int | None
    travel_mode: str
    skills: str
    trainings: Sequence[str]
    insured_until: date | None
    gender: str | None
    birth_year: int | None
    guardian_consent: bool
    paused: bool
    availability: str | None
    busy: str
    max_assignments: int | None
    max_minutes: int | None
    max_assignments_per_day: int | None
    max_minutes_per_day: int | None
    recent_minutes: int


class RequestFacts(NamedTuple):
    """Of a request."""

    no: int
    external_id: str
    region: str
    requester: str | None
    latitude: float | None
    longitude: float | None
    windows: str | None
    duration_min: int
    roles: str
    by_role: bool
    places: Sequence[int]
    taken: Sequence[int]
    min_headcount: int
    urgency: int
    gender: str | None
    adults_only: bool
    needs_insurance: bool
    trainings: Sequence[str]
    preferred_volunteers: Sequence[str]
    excluded_volunteers: Sequence[str]
    requested_at: datetime | None
    status: str
    verified: bool


def _columns(table: type[Base], fields: Sequence[str], as_text: frozenset[str]) -> tuple[ColumnElement[Any], ...]:
    return tuple(
        cast(getattr(table, name), Text).label(name) if name in as_text else getattr(table, name) for name in fields
    )


# In the order of the fields: ``VolunteerFacts._make(row)``.
VOLUNTEER_COLUMNS: Final = _columns(VolunteerRow, VolunteerFacts._fields, frozenset({"skills", "availability", "busy"}))
REQUEST_COLUMNS: Final = _columns(RequestRow, RequestFacts._fields, frozenset({"windows", "roles"}))
