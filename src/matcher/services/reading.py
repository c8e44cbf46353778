"""From rows to the words of matching: the only place where the one becomes the other.

What was written as JSON is read once for each text: thousands of volunteers have the same free evenings.
"""

import json
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from matcher.domain.geo import Point
from matcher.domain.requests import Gender, HelpRequest, Need, Role
from matcher.domain.volunteers import Busy, Skill, TravelMode, Volunteer
from matcher.domain.windows import Availability, DayKind, Interval, Weekly
from matcher.storage.facts import RequestFacts, VolunteerFacts

__all__ = ["TIME_ZONE", "request_of", "volunteer_of"]

# In which a day begins and weekly rules are read that name no other.
TIME_ZONE: Final = ZoneInfo("Asia/Shanghai")

_TEXTS: Final = 65_536
_DAYS: Final = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_NOBODY: Final[AbstractSet[str]] = frozenset()


def volunteer_of(facts: VolunteerFacts, *, certified: AbstractSet[str] = _NOBODY) -> Volunteer:
    """Return the volunteer of a row, before anything that was promised here.

    Parameters
    ----------
    certified
        Codes of skills that need a certificate: without ``valid_until`` they do not count.
    """
    skills = _skills(facts.skills)
    if certified:
        skills = tuple(skill for skill in skills if skill.valid_until is not None or skill.code not in certified)
    return Volunteer(
        id=facts.external_id,
        point=_point(facts.latitude, facts.longitude),
        region=facts.region,
        max_distance_m=facts.max_distance_m,
        max_travel_min=facts.max_travel_min,
        travel_mode=TravelMode(facts.travel_mode),
        skills=skills,
        trainings=tuple(facts.trainings),
        insured_until=facts.insured_until,
        gender=None if facts.gender is None else Gender(facts.gender),
        birth_year=facts.birth_year,
        guardian_consent=facts.guardian_consent,
        paused=facts.paused,
        availability=None if facts.availability is None else _availability(facts.availability),
        busy=_busy(facts.busy),
        max_assignments=facts.max_assignments,
        max_minutes=facts.max_minutes,
        max_assignments_per_day=facts.max_assignments_per_day,
        max_minutes_per_day=facts.max_minutes_per_day,
        recent_minutes=facts.recent_minutes,
    )


def request_of(facts: RequestFacts) -> HelpRequest:
    """Return the request of a row with all its places, taken ones among them: offers that take them are pins."""
    gender = None if facts.gender is None else Gender(facts.gender)
    return HelpRequest(
        id=facts.external_id,
        roles=tuple(
            role if role.gender is not None or gender is None else Role(role.skills, role.count, gender)
            for role in _roles(facts.roles)
        ),
        min_headcount=facts.min_headcount,
        by_role=facts.by_role,
        point=_point(facts.latitude, facts.longitude),
        region=facts.region,
        windows=None if facts.windows is None else _intervals(facts.windows),
        duration_min=facts.duration_min,
        urgency=facts.urgency,
        adults_only=facts.adults_only,
        needs_insurance=facts.needs_insurance,
        trainings=tuple(facts.trainings),
        preferred_volunteers=tuple(facts.preferred_volunteers),
        excluded_volunteers=tuple(facts.excluded_volunteers),
        requested_at=facts.requested_at,
    )


def _point(latitude: float | None, longitude: float | None) -> Point | None:
    return None if latitude is None or longitude is None else Point(latitude, longitude)


@lru_cache(maxsize=_TEXTS)
def _skills(text: str) -> tuple[Skill, ...]:
    return tuple(Skill(item["code"], item.get("level", 1), _day(item.get("valid_until"))) for item in json.loads(text))


@lru_cache(maxsize=_TEXTS)
def _roles(text: str) -> tuple[Role, ...]:
    return tuple(
        Role(
            tuple(Need(need["code"], need.get("level", 1)) for need in item.get("skills", ())),
            item.get("count", 1),
            None if item.get("gender") is None else Gender(item["gender"]),
        )
        for item in json.loads(text)
    )


@lru_cache(maxsize=_TEXTS)
def _intervals(text: str) -> tuple[Interval, ...]:
    return tuple(map(_interval, json.loads(text)))


@lru_cache(maxsize=_TEXTS)
def _busy(text: str) -> tuple[Busy, ...]:
    return tuple(
        Busy(
            _instant(item["start"]),
            _instant(item["end"]),
            _point(item.get("latitude"), item.get("longitude")),
            item.get("is_assignment", False),
        )
        for item in json.loads(text)
    )


@lru_cache(maxsize=_TEXTS)
def _availability(text: str) -> Availability:
    body = json.loads(text)
    zone = body.get("time_zone")
    return Availability(
        weekly=tuple(map(_weekly, body.get("weekly", ()))),
        extra=tuple(map(_interval, body.get("extra", ()))),
        except_=tuple(map(_interval, body.get("except", ()))),
        time_zone=None if zone is None else ZoneInfo(zone),
    )


def _weekly(item: dict[str, Any]) -> Weekly:
    return Weekly(
        days=frozenset(_DAYS[day] for day in item["days"]),
        start=time.fromisoformat(item["start"]),
        end=time() if item["end"] == "24:00" else time.fromisoformat(item["end"]),
        day_kind=DayKind(item.get("calendar", DayKind.ALL)),
    )


def _interval(item: dict[str, str]) -> Interval:
    return Interval(_instant(item["start"]), _instant(item["end"]))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
