"""A generated city as a problem of the domain."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from matcher.domain.geo import Point
from matcher.domain.plans import Options, Problem
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Skill, Volunteer
from matcher.domain.windows import Availability, Interval
from matcher.simulation.city import SKILLS, SLOT_MIN, TIME_ZONE, WEEK_SLOTS, City

__all__ = ["to_problem"]


def to_problem(city: City, options: Options | None = None) -> Problem:
    """Return the city as a problem; its names are ``r0, r1, …`` and ``v0, v1, …`` by row."""
    instants = [city.now + timedelta(minutes=SLOT_MIN * slot) for slot in range(WEEK_SLOTS + 1)]
    return Problem(
        now=city.now,
        time_zone=TIME_ZONE,
        requests=tuple(_requests(city, instants)),
        volunteers=tuple(_volunteers(city, instants)),
        options=options or Options(),
    )


def _requests(city: City, instants: list[datetime]) -> Iterator[HelpRequest]:
    for row in range(len(city.urgency)):
        first = int(city.earliest_start_min[row])
        last = int(city.latest_start_min[row] + city.duration_min[row])
        levels = city.request_level[row]
        needs = tuple(Need(SKILLS[skill], int(levels[skill])) for skill in np.flatnonzero(levels))
        headcount = int(city.headcount[row])
        yield HelpRequest(
            id=f"r{row}",
            roles=(Role(needs, headcount),),
            min_headcount=headcount,
            point=Point(float(city.request_latitude[row]), float(city.request_longitude[row])),
            windows=(Interval(instants[first // SLOT_MIN], instants[last // SLOT_MIN]),),
            duration_min=int(city.duration_min[row]),
            urgency=int(city.urgency[row]),
        )


def _volunteers(city: City, instants: list[datetime]) -> Iterator[Volunteer]:
    for row in range(len(city.radius_m)):
        levels = city.volunteer_level[row]
        intervals = zip(city.available_from_min[row].tolist(), city.available_until_min[row].tolist(), strict=True)
        yield Volunteer(
            id=f"v{row}",
            point=Point(float(city.volunteer_latitude[row]), float(city.volunteer_longitude[row])),
            max_distance_m=int(city.radius_m[row]),
            skills=tuple(Skill(SKILLS[skill], int(levels[skill])) for skill in np.flatnonzero(levels)),
            availability=Availability(
                extra=tuple(
                    Interval(instants[start // SLOT_MIN], instants[end // SLOT_MIN])
                    for start, end in intervals
                    if start < end
                )
            ),
            max_assignments=int(city.max_assignments[row]),
            max_minutes=int(city.max_minutes[row]),
            recent_minutes=int(city.recent_minutes[row]),
        )
