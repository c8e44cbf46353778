"""Factories: small objects with sensible parts, so that a test names only what it is about.

The scene is Tuesday, 24 November 2026, 08:00 in Shanghai. Places lie on a street that runs
north: ``at_m(500)`` is 500 metres up the street.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from matcher.domain.geo import Point
from matcher.domain.plans import Assignment, Pin, Plan, Prices, Problem, Summary, Unassigned
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Skill, Volunteer
from matcher.domain.windows import Availability, Interval
from matcher.matching.verify.facts import gather
from matcher.matching.verify.teams import is_served, missing_places

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 8, tzinfo=ZONE)
METRES_A_DEGREE = 111_195.08


def clock(text: str, *, days: int = 0) -> datetime:
    """Return the instant of a wall-clock time such as "09:30" on the day of the scene, or ``days`` later."""
    hours, minutes = map(int, text.split(":"))
    return NOW.replace(hour=0) + timedelta(days=days, hours=hours, minutes=minutes)


def interval(start: str, end: str, *, days: int = 0) -> Interval:
    """Return the interval between two wall-clock times of one day."""
    return Interval(clock(start, days=days), clock(end, days=days))


def at_m(metres: float) -> Point:
    """Return the place so many metres up the street."""
    return Point(31.23 + metres / METRES_A_DEGREE, 121.47)


def free(*intervals: Interval) -> Availability:
    """Return an availability of single intervals."""
    return Availability(extra=intervals)


def role(*skills: str, count: int = 1, **parts: Any) -> Role:
    """Return a role; a skill reads "nursing" or "nursing:2"."""
    return Role(tuple(_need(skill) for skill in skills), count, **parts)


def request(id_: str = "r1", *, headcount: int = 1, skills: Iterable[str] = (), **parts: Any) -> HelpRequest:
    """Return a request for ``headcount`` people, 60 minutes between 09:00 and 12:00, at the foot of the street."""
    given: dict[str, Any] = {
        "roles": (role(*skills, count=headcount),),
        "min_headcount": headcount,
        "point": at_m(0),
        "windows": (interval("09:00", "12:00"),),
    }
    return HelpRequest(id_, **(given | parts))


def volunteer(id_: str = "v1", *, skills: Iterable[str] = (), **parts: Any) -> Volunteer:
    """Return a volunteer who lives at the foot of the street and is free at any time."""
    given: dict[str, Any] = {"point": at_m(0), "skills": tuple(_skill(skill) for skill in skills)}
    return Volunteer(id_, **(given | parts))


def problem(requests: Iterable[HelpRequest] = (), volunteers: Iterable[Volunteer] = (), **parts: Any) -> Problem:
    """Return the problem of the scene."""
    given: dict[str, Any] = {"now": NOW, "time_zone": ZONE}
    return Problem(requests=tuple(requests), volunteers=tuple(volunteers), **(given | parts))


def pin(request_id: str = "r1", volunteer_id: str = "v1", start: str | None = "09:00") -> Pin:
    """Return a pinned assignment on the day of the scene."""
    return Pin(request_id, volunteer_id, None if start is None else clock(start))


def assignment(
    request_id: str = "r1", volunteer_id: str = "v1", start: str = "09:00", end: str = "10:00", **parts: Any
) -> Assignment:
    """Return an assignment without travel that costs nothing."""
    given: dict[str, Any] = {"distance_m": 0, "travel_min": 0, "cost": 0, "cost_terms": {}}
    return Assignment(request_id, volunteer_id, clock(start), clock(end), **(given | parts))


def plan(problem: Problem, *assignments: Assignment, **summary: Any) -> Plan:
    """Return the plan of these assignments with everything that follows from them; ``summary`` replaces figures."""
    facts = gather(problem)
    cases = [case for assignment in assignments if (case := facts.case(assignment))]
    of_request = {item.id: [case for case in cases if case.request is item] for item in problem.requests}
    served = [item for item in problem.requests if is_served(item, of_request[item.id])]
    missing = {item.id: missing_places(item, of_request[item.id]) for item in problem.requests}
    urgency = sum(item.urgency for item in served)
    cost = sum(assignment.cost for assignment in assignments)
    figures = Summary(
        requests=len(problem.requests),
        volunteers=len(problem.volunteers),
        served_requests=len(served),
        served_urgency=urgency,
        urgency_bound=urgency,
        filled_places=len(assignments),
        total_cost=cost,
        cost_bound=cost,
        gap=0.0,
        cost_gap=0.0,
        proof="optimal",
        candidates=len(assignments),
        iterations=0,
        stopped_by="iterations",
        backend="by hand",
        points_per_urgency=1,
        calendar_official=True,
        timings_s={},
        seed=1,
    )
    return Plan(
        assignments=assignments,
        unassigned=tuple(Unassigned(id_, places) for id_, places in missing.items() if places),
        summary=replace(figures, **summary),
        prices=Prices({}, {}),
        shortage=(),
    )


def _need(text: str) -> Need:
    code, _, level = text.partition(":")
    return Need(code, int(level or 1))


def _skill(text: str) -> Skill:
    code, _, level = text.partition(":")
    return Skill(code, int(level or 1))
