"""A volunteer: where they live, what they can do, when they have time, how much they take on."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from matcher.domain.geo import Point
from matcher.domain.requests import Gender
from matcher.domain.windows import Availability

__all__ = ["SPEED_M_PER_H", "Busy", "Skill", "TravelMode", "Volunteer"]


class TravelMode(StrEnum):
    """How a volunteer travels."""

    WALK = "walk"
    BICYCLE = "bicycle"
    EBIKE = "ebike"
    TRANSIT = "transit"
    CAR = "car"


# Straight-line metres an hour, door to door: detours, lights and waiting are inside.
SPEED_M_PER_H: dict[TravelMode, int] = {
    TravelMode.WALK: 4_000,
    TravelMode.BICYCLE: 15_000,
    TravelMode.EBIKE: 18_000,
    TravelMode.TRANSIT: 15_000,
    TravelMode.CAR: 24_000,
}


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill with its level and the last day on which its certificate counts."""

    code: str
    level: int = 1
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """A time already promised elsewhere, with its place where it is known.

    ``is_assignment`` says that it is help given here as well: it counts against the volunteer's
    limits, as a pinned assignment does.
    """

    start: datetime
    end: datetime
    point: Point | None = None
    is_assignment: bool = False


@dataclass(frozen=True, slots=True)
class Volunteer:
    """Someone who offers help.

    ``availability`` is None for "at any time". A limit that is None does not bind.
    ``birth_year`` is all that is known of the age: a volunteer counts as a minor through the
    year of the 18th birthday.
    """

    id: str
    point: Point | None = None
    region: str | None = None
    max_distance_m: int | None = None
    max_travel_min: int | None = None
    travel_mode: TravelMode = TravelMode.BICYCLE
    skills: tuple[Skill, ...] = ()
    trainings: tuple[str, ...] = ()
    insured_until: date | None = None
    gender: Gender | None = None
    birth_year: int | None = None
    guardian_consent: bool = False
    paused: bool = False
    availability: Availability | None = None
    busy: tuple[Busy, ...] = ()
    max_assignments: int | None = None
    max_minutes: int | None = None
    max_assignments_per_day: int | None = None
    max_minutes_per_day: int | None = None
    recent_minutes: int = 0
