"""A problem as text: the one way to write it, which ``matcher match`` and ``POST /v1/match`` read.

Canonical: equal problems are equal texts, so that a hash names a problem. What has its default is
left out, instants are in UTC, places in WGS-84 as exact as they are.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import Any, Final

from matcher.domain.geo import Point
from matcher.domain.plans import Options, Pair, Pin, Problem
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Busy, Skill, TravelMode, Volunteer
from matcher.domain.windows import Availability, DayKind, Interval, Weekly

__all__ = ["write"]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BATCH: Final = 1_000


def write(problem: Problem) -> Iterator[bytes]:
    """Yield the text in parts, since a city's is long."""
    head = {
        "now": _instant(problem.now),
        "time_zone": problem.time_zone.key,
        "crs": "wgs84",
        "options": _options(problem.options),
    }
    writer = _Writer()
    lists: dict[str, Iterable[str]] = {
        "requests": (_text(_request(request)) for request in problem.requests),
        "volunteers": map(writer.volunteer, problem.volunteers),
        "pinned": (_text(_pin(pin)) for pin in problem.pinned),
    }
    if problem.pairs is not None:
        lists["pairs"] = (_text(_pair(pair)) for pair in problem.pairs)
    yield _text(head)[:-1].encode()
    for name, items in lists.items():
        yield f",{_text(name)}:[".encode()
        yield from _joined(items)
        yield b"]"
    yield b"}"


def _joined(items: Iterable[str]) -> Iterator[bytes]:
    batch: list[str] = []
    lead = ""
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield (lead + ",".join(batch)).encode()
            batch, lead = [], ","
    if batch:
        yield (lead + ",".join(batch)).encode()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class _Writer:
    """Writes volunteers; what many have in common is written once."""

    def __init__(self) -> None:
        self._availability: dict[int, tuple[Availability, str]] = {}

    def volunteer(self, volunteer: Volunteer) -> str:
        text = _text(_volunteer(volunteer))
        if volunteer.availability is None:
            return text
        return f'{text[:-1]},"availability":{self._written(volunteer.availability)}}}'

    def _written(self, availability: Availability) -> str:
        # By identity, which is much cheaper than by value; the object is kept so that its number stays its own.
        known = self._availability.get(id(availability))
        if known is None:
            known = self._availability[id(availability)] = availability, _text(_availability(availability))
        return known[1]


def _said(**parts: Any) -> dict[str, Any]:
    """Return the parts that say something: no default of the wire form is None, empty, false or zero."""
    return {name: value for name, value in parts.items() if value}


def _given(**parts: Any) -> dict[str, Any]:
    """Return the parts that are not None; zero says something here."""
    return {name: value for name, value in parts.items() if value is not None}


def _request(request: HelpRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "duration_min": request.duration_min,
        "min_headcount": request.min_headcount,
        "urgency": request.urgency,
        **(_several(request.roles) if request.by_role else _single(request.roles[0])),
        **_given(
            location=_place(request.point),
            region=request.region,
            windows=None if request.windows is None else _intervals(request.windows),
            requested_at=None if request.requested_at is None else _instant(request.requested_at),
        ),
        **_said(
            adults_only=request.adults_only,
            needs_insurance=request.needs_insurance,
            trainings=list(request.trainings),
            preferred_volunteers=list(request.preferred_volunteers),
            excluded_volunteers=list(request.excluded_volunteers),
        ),
    }


def _single(role: Role) -> dict[str, Any]:
    return {"headcount": role.count, **_said(skills=_needs(role.skills), gender=role.gender)}


def _several(roles: Sequence[Role]) -> dict[str, Any]:
    return {"roles": [{"count": role.count, **_said(skills=_needs(role.skills), gender=role.gender)} for role in roles]}


def _needs(needs: Iterable[Need]) -> list[dict[str, Any]]:
    return [{"code": need.code, "level": need.level} for need in needs]


def _volunteer(volunteer: Volunteer) -> dict[str, Any]:
    """Return everything but the availability."""
    mode = volunteer.travel_mode
    return {
        "id": volunteer.id,
        **_given(
            location=_place(volunteer.point),
            region=volunteer.region,
            max_distance_km=None if volunteer.max_distance_m is None else volunteer.max_distance_m / 1000,
            max_travel_min=volunteer.max_travel_min,
            travel_mode=None if mode is TravelMode.BICYCLE else mode,
            insured_until=None if volunteer.insured_until is None else volunteer.insured_until.isoformat(),
            gender=volunteer.gender,
            birth_year=volunteer.birth_year,
            max_assignments=volunteer.max_assignments,
            max_minutes=volunteer.max_minutes,
            max_assignments_per_day=volunteer.max_assignments_per_day,
            max_minutes_per_day=volunteer.max_minutes_per_day,
        ),
        **_said(
            skills=[_skill(skill) for skill in volunteer.skills],
            trainings=list(volunteer.trainings),
            guardian_consent=volunteer.guardian_consent,
            paused=volunteer.paused,
            busy=[_busy(busy) for busy in volunteer.busy],
            recent_minutes=volunteer.recent_minutes,
        ),
    }


def _skill(skill: Skill) -> dict[str, Any]:
    until = None if skill.valid_until is None else skill.valid_until.isoformat()
    return {"code": skill.code, "level": skill.level, **_given(valid_until=until)}


def _busy(busy: Busy) -> dict[str, Any]:
    return {
        "start": _instant(busy.start),
        "end": _instant(busy.end),
        **_said(location=_place(busy.point), is_assignment=busy.is_assignment),
    }


def _availability(availability: Availability) -> dict[str, Any]:
    zone = availability.time_zone
    return _said(
        weekly=[_weekly(rule) for rule in availability.weekly],
        extra=_intervals(availability.extra),
        time_zone=None if zone is None else zone.key,
    ) | ({"except": _intervals(availability.except_)} if availability.except_ else {})


def _weekly(rule: Weekly) -> dict[str, Any]:
    kind = rule.day_kind
    return {
        "days": [_DAYS[day] for day in sorted(rule.days)],
        "start": _wall_time(rule.start),
        "end": _wall_time(rule.end),
        **_given(calendar=None if kind is DayKind.ALL else kind),
    }


def _pin(pin: Pin) -> dict[str, Any]:
    start = None if pin.start is None else _instant(pin.start)
    return {"request_id": pin.request_id, "volunteer_id": pin.volunteer_id, **_given(start=start, role=pin.role)}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "request_id": pair.request_id,
        "volunteer_id": pair.volunteer_id,
        **_given(
            distance_km=None if pair.distance_m is None else pair.distance_m / 1000,
            travel_min=pair.travel_min,
            duration_min=pair.duration_min,
            cost=pair.cost,
        ),
    }


def _options(options: Options) -> dict[str, Any]:
    weights = options.weights
    return {
        "weights": {name: getattr(weights, name) for name in weights.__slots__},
        "time_limit_s": options.time_limit_s,
        "seed": options.seed,
        "explain": options.explain,
        **_given(iterations=options.iterations),
    }


def _place(point: Point | None) -> Mapping[str, float] | None:
    return None if point is None else {"latitude": point.latitude, "longitude": point.longitude}


def _intervals(intervals: Iterable[Interval]) -> list[dict[str, str]]:
    return [{"start": _instant(interval.start), "end": _instant(interval.end)} for interval in intervals]


@lru_cache(maxsize=65_536)
def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _wall_time(wall: time) -> str:
    return wall.isoformat("minutes")
