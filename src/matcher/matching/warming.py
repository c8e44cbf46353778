"""Compile every kernel, or load it from the cache, by solving one small problem that needs them all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from matcher.domain.geo import Point
from matcher.domain.plans import Options, Pair, Problem
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Skill, Volunteer
from matcher.domain.windows import Interval
from matcher.matching import pipeline

__all__ = ["warm"]

NOW = datetime(2026, 1, 5, tzinfo=UTC)
PLACE = Point(31.23, 121.47)


def warm(clock: Callable[[], float]) -> None:
    """Solve a team, single requests and one that nobody can serve, once by geometry and once by pairs."""
    window = Interval(NOW, NOW + timedelta(hours=3))
    role = Role((Need("first-aid"),))
    requests = (
        HelpRequest("team", (Role((), 2),), 2, point=PLACE, windows=(window,)),
        HelpRequest("first", (role,), 1, point=PLACE, windows=(window,), duration_min=120),
        HelpRequest("second", (role,), 1, point=PLACE, windows=(window,), duration_min=120),
        HelpRequest("third", (role,), 1, point=PLACE, windows=(window,), duration_min=120),
        HelpRequest("nobody", (Role((Need("diving"),)),), 1, point=PLACE, windows=(window,)),
        HelpRequest("crowd", (Role((), 9),), 9, point=PLACE, windows=(window,)),
    )
    skills = (Skill("first-aid"),)
    volunteers = tuple(
        Volunteer(f"v{number}", PLACE, max_distance_m=1000, skills=skills[:number], max_minutes=300)
        for number in range(3)
    )
    problem = Problem(NOW, ZoneInfo("UTC"), requests, volunteers, options=Options(iterations=50))
    pairs = tuple(Pair(request.id, who.id, cost=7) for request in requests for who in volunteers)
    for given in (None, pairs):
        pipeline.solve(
            Problem(NOW, problem.time_zone, requests, volunteers, pairs=given, options=problem.options), clock=clock
        )
