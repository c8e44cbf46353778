"""Hypothesis strategies: problems that are small, and as nasty as small allows.

Each problem switches on a random set of features, so that a few of them meet in every
combination instead of all of them ruling everything out.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum, auto
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

import make
from matcher.domain.geo import Point
from matcher.domain.plans import Options, Pair, Pin, Problem, Weights
from matcher.domain.requests import Gender, HelpRequest, Need, Role
from matcher.domain.volunteers import Busy, Skill, TravelMode, Volunteer
from matcher.domain.windows import Availability, DayKind, Interval, Weekly

__all__ = ["Feature", "problems"]

Draw = st.DrawFn
SKILLS = ("lift", "nurse", "cook")
DURATIONS_MIN = (15, 30, 45, 60, 60, 90)
SCENES = (
    (make.NOW, make.ZONE),
    (make.NOW, make.ZONE),
    (make.NOW.replace(second=30), make.ZONE),
    (make.NOW.replace(hour=21, minute=40), make.ZONE),
    (datetime(2026, 10, 24, 22, tzinfo=UTC), ZoneInfo("Europe/Berlin")),
)


class Feature(StrEnum):
    """What a problem may have beside requests and volunteers."""

    TIME = auto()
    MANY_WINDOWS = auto()
    PLACE = auto()
    RADIUS = auto()
    TEAMS = auto()
    ROLES = auto()
    MINIMUM = auto()
    SKILLS = auto()
    EXPIRY = auto()
    PAPERS = auto()
    PEOPLE = auto()
    NAMED = auto()
    AVAILABILITY = auto()
    WEEKLY = auto()
    BUSY = auto()
    CAPS = auto()
    DAY_CAPS = auto()
    PINS = auto()
    PAIRS = auto()
    PAIR_NUMBERS = auto()
    WEIGHTS = auto()


# What makes no sense without another feature brings it along.
NEEDS = {
    Feature.MANY_WINDOWS: Feature.TIME,
    Feature.AVAILABILITY: Feature.TIME,
    Feature.WEEKLY: Feature.TIME,
    Feature.BUSY: Feature.TIME,
    Feature.DAY_CAPS: Feature.TIME,
    Feature.RADIUS: Feature.PLACE,
    Feature.MINIMUM: Feature.TEAMS,
    Feature.EXPIRY: Feature.SKILLS,
    Feature.PAIR_NUMBERS: Feature.PAIRS,
}


@st.composite
def problems(draw: Draw, *, requests: int = 4, volunteers: int = 5) -> Problem:
    """Draw a valid problem with at most so many requests and volunteers."""
    chosen = draw(st.frozensets(st.sampled_from(Feature), min_size=2, max_size=7))
    on = chosen | {NEEDS[feature] for feature in chosen & NEEDS.keys()}
    now, zone = draw(st.sampled_from(SCENES))
    people = [f"v{i}" for i in range(_size(draw, volunteers))]
    asked = [_request(draw, on, f"r{i}", now, people) for i in range(_size(draw, requests))]
    problem = Problem(
        now=now,
        time_zone=zone,
        requests=tuple(asked),
        volunteers=tuple(_volunteer(draw, on, id_, now) for id_ in people),
        options=Options(weights=_weights(draw, on), seed=draw(st.integers(0, 3))),
    )
    if Feature.PAIRS in on:
        problem = replace(problem, pairs=_pairs(draw, on, problem))
    if Feature.PINS in on:
        problem = replace(problem, pinned=_pins(draw, problem))
    return problem


def _size(draw: Draw, most: int) -> int:
    """Draw a number up to ``most``, the larger ones more often."""
    return max(draw(st.integers(0, most)), draw(st.integers(0, most)))


def _flag(draw: Draw, *, one_in: int = 2) -> bool:
    return draw(st.integers(1, one_in)) == one_in


def _pick(draw: Draw, *items: Any) -> Any:
    return draw(st.sampled_from(items))


def _instant(draw: Draw, now: datetime, first_min: int, last_min: int, step_min: int) -> datetime:
    steps = draw(st.integers(first_min // step_min, last_min // step_min))
    return now.astimezone(UTC).replace(second=0) + timedelta(minutes=steps * step_min)


def _interval(draw: Draw, now: datetime, lengths_min: Sequence[int]) -> Interval:
    first, last = (900, 1800) if _flag(draw, one_in=5) else (-45, 240)
    start = _instant(draw, now, first, last, 30 if _flag(draw) else 5)
    return Interval(start, start + timedelta(minutes=draw(st.sampled_from(lengths_min))))


def _point(draw: Draw, on: frozenset[Feature]) -> Point | None:
    if Feature.PLACE not in on or _flag(draw, one_in=6):
        return None
    return make.at_m(_pick(draw, 0, 0, 300, 700, 700, 1000, 4000))


def _request(draw: Draw, on: frozenset[Feature], id_: str, now: datetime, people: Sequence[str]) -> HelpRequest:
    roles = _roles(draw, on)
    by_role = len(roles) > 1 or (Feature.ROLES in on and _flag(draw))
    most = len(roles) if by_role else roles[0].count
    names = st.lists(st.sampled_from(people), max_size=2, unique=True) if people else st.just([])
    return HelpRequest(
        id=id_,
        roles=roles,
        by_role=by_role,
        min_headcount=draw(st.integers(1, most)) if Feature.MINIMUM in on else most,
        point=_point(draw, on),
        region=_pick(draw, None, "310101", "310115"),
        windows=_windows(draw, on, now),
        duration_min=draw(st.sampled_from(DURATIONS_MIN)),
        urgency=draw(st.integers(1, 4)),
        adults_only=Feature.PEOPLE in on and _flag(draw, one_in=3),
        needs_insurance=Feature.PAPERS in on and _flag(draw),
        trainings=("hygiene",) if Feature.PAPERS in on and _flag(draw) else (),
        preferred_volunteers=tuple(draw(names)) if Feature.NAMED in on else (),
        excluded_volunteers=tuple(draw(names)) if Feature.NAMED in on else (),
    )


def _windows(draw: Draw, on: frozenset[Feature], now: datetime) -> tuple[Interval, ...] | None:
    if Feature.TIME not in on or _flag(draw, one_in=6):
        return None
    count = draw(st.integers(1, 3)) if Feature.MANY_WINDOWS in on else 1
    return tuple(_interval(draw, now, (30, 60, 90, 120, 180, 400)) for _ in range(count))


def _roles(draw: Draw, on: frozenset[Feature]) -> tuple[Role, ...]:
    count = draw(st.integers(1, 2)) if Feature.ROLES in on else 1
    most = 3 if Feature.TEAMS in on else 1
    return tuple(_role(draw, on, draw(st.integers(1, min(most, 4 - count)))) for _ in range(count))


def _role(draw: Draw, on: frozenset[Feature], count: int) -> Role:
    codes = draw(st.lists(st.sampled_from(SKILLS), max_size=2, unique=True)) if Feature.SKILLS in on else []
    needs = tuple(Need(code, draw(st.integers(1, 2))) for code in codes)
    gender = _pick(draw, None, None, None, *Gender) if Feature.PEOPLE in on else None
    return Role(needs, count, gender)


def _volunteer(draw: Draw, on: frozenset[Feature], id_: str, now: datetime) -> Volunteer:
    return Volunteer(
        id=id_,
        point=_point(draw, on),
        max_distance_m=_pick(draw, None, 0, 700, 3000) if Feature.RADIUS in on else None,
        max_travel_min=_pick(draw, None, 0, 3, 20) if Feature.RADIUS in on else None,
        travel_mode=draw(st.sampled_from(TravelMode)),
        skills=_skills(draw, on, now),
        trainings=("hygiene",) if Feature.PAPERS in on and _flag(draw) else (),
        insured_until=_day(draw, now) if Feature.PAPERS in on else None,
        gender=_pick(draw, None, *Gender) if Feature.PEOPLE in on else None,
        birth_year=_pick(draw, None, 1960, 2007, 2008, 2012) if Feature.PEOPLE in on else None,
        guardian_consent=_flag(draw),
        paused=Feature.PEOPLE in on and _flag(draw, one_in=10),
        availability=_availability(draw, on, now),
        busy=_busy(draw, on, now),
        max_assignments=draw(st.integers(0, 3)) if Feature.CAPS in on and _flag(draw) else None,
        max_minutes=_pick(draw, 30, 60, 100) if Feature.CAPS in on and _flag(draw) else None,
        max_assignments_per_day=draw(st.integers(0, 2)) if Feature.DAY_CAPS in on and _flag(draw) else None,
        max_minutes_per_day=_pick(draw, 30, 60, 100) if Feature.DAY_CAPS in on and _flag(draw) else None,
        recent_minutes=_pick(draw, 0, 0, 90, 601),
    )


def _skills(draw: Draw, on: frozenset[Feature], now: datetime) -> tuple[Skill, ...]:
    if Feature.SKILLS not in on:
        return ()
    codes = draw(st.lists(st.sampled_from(SKILLS), min_size=2, max_size=3, unique=True))
    return tuple(
        Skill(code, draw(st.integers(1, 3)), _day(draw, now) if Feature.EXPIRY in on else None) for code in codes
    )


def _day(draw: Draw, now: datetime) -> date | None:
    days = _pick(draw, None, -1, 0, 0, 1)
    return None if days is None else now.date() + timedelta(days=days)


def _availability(draw: Draw, on: frozenset[Feature], now: datetime) -> Availability | None:
    if not on & {Feature.AVAILABILITY, Feature.WEEKLY} or _flag(draw, one_in=4):
        return None
    lengths = (60, 120, 300, 1440)
    intervals = st.integers(0, 3) if Feature.AVAILABILITY in on else st.just(0)
    return Availability(
        weekly=tuple(_weekly(draw) for _ in range(draw(st.integers(0, 2)))) if Feature.WEEKLY in on else (),
        extra=tuple(_interval(draw, now, lengths) for _ in range(draw(intervals))),
        except_=tuple(_interval(draw, now, (15, 60)) for _ in range(draw(st.integers(0, 1)))),
        time_zone=_pick(draw, None, None, ZoneInfo("UTC")),
    )


def _weekly(draw: Draw) -> Weekly:
    days = draw(st.frozensets(st.integers(0, 6), min_size=3))
    start, end = time(_pick(draw, 0, 8, 9, 22), _pick(draw, 0, 30)), time(_pick(draw, 0, 2, 10, 12, 18), 0)
    return Weekly(days, start, end, draw(st.sampled_from(DayKind)))


def _busy(draw: Draw, on: frozenset[Feature], now: datetime) -> tuple[Busy, ...]:
    if Feature.BUSY not in on:
        return ()
    spans = [_interval(draw, now, (15, 180, 400, 700)) for _ in range(draw(st.integers(0, 2)))]
    return tuple(Busy(span.start, span.end, _point(draw, on), _flag(draw)) for span in spans)


def _weights(draw: Draw, on: frozenset[Feature]) -> Weights:
    if Feature.WEIGHTS not in on:
        return Weights()
    return Weights(*(_pick(draw, 0, 1, 999, 5000) for _ in range(5)))


def _pairs(draw: Draw, on: frozenset[Feature], problem: Problem) -> tuple[Pair, ...]:
    pairs = [
        Pair(request.id, volunteer.id)
        for request in problem.requests
        for volunteer in problem.volunteers
        if not _flag(draw, one_in=5)
    ]
    if Feature.PAIR_NUMBERS not in on:
        return tuple(pairs)
    return tuple(
        replace(
            pair,
            distance_m=_pick(draw, None, None, 0, 700, 5000),
            travel_min=_pick(draw, None, None, 0, 5, 30),
            duration_min=_pick(draw, None, None, 20, 60),
            cost=_pick(draw, None, None, 0, 7, 7, 1200),
        )
        for pair in pairs
    )


def _pins(draw: Draw, problem: Problem) -> tuple[Pin, ...]:
    """Draw pins that do not contradict one another: a volunteer has one, a request one start."""
    free = [volunteer.id for volunteer in problem.volunteers]
    pins: list[Pin] = []
    for request in problem.requests:
        start = None if request.windows is None else _pinned_start(draw, problem, request)
        people = draw(st.integers(0, min(len(free), request.headcount, 2)))
        pins += [Pin(request.id, free.pop(draw(st.integers(0, len(free) - 1))), start) for _ in range(people)]
    return tuple(draw(st.permutations(pins)))


def _pinned_start(draw: Draw, problem: Problem, request: HelpRequest) -> datetime:
    if request.windows and not _flag(draw, one_in=4):
        return request.windows[0].start + timedelta(minutes=_pick(draw, 0, 0, 15))
    return _instant(draw, problem.now, -60, 1500, 15)
