"""What can be said about a request and a volunteer without any plan, by plain arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from matcher.domain import geo
from matcher.domain.plans import Assignment, Pair, Pin, Problem
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import SPEED_M_PER_H, Skill, Volunteer

__all__ = ["Case", "Facts", "gather", "hops_min", "is_counted", "lasts"]

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """A problem with its parts by id. ``needs`` are all (skill, level) that any request asks for."""

    problem: Problem
    requests: Mapping[str, HelpRequest]
    volunteers: Mapping[str, Volunteer]
    pairs: Mapping[Key, Pair]
    pins: Mapping[Key, Pin]
    needs: frozenset[Need]

    def day(self, instant: datetime) -> date:
        """Return the local day of an instant."""
        return instant.astimezone(self.problem.time_zone).date()

    def case(self, assignment: Assignment) -> "Case | None":
        """Return the assignment with its parts, or None where it names something that does not exist."""
        request = self.requests.get(assignment.request_id)
        volunteer = self.volunteers.get(assignment.volunteer_id)
        if request is None or volunteer is None or not 0 <= assignment.role < len(request.roles):
            return None
        return Case(self, assignment, request, volunteer, request.roles[assignment.role])


@dataclass(frozen=True, slots=True)
class Case:
    """One assignment with everything it refers to."""

    facts: Facts
    assignment: Assignment
    request: HelpRequest
    volunteer: Volunteer
    role: Role

    @property
    def pair(self) -> Pair | None:
        """The given pair, if there is one."""
        return self.facts.pairs.get((self.request.id, self.volunteer.id))

    @property
    def duration_min(self) -> int:
        """Minutes of service: the pair's own where it is given."""
        if self.pair is not None and self.pair.duration_min is not None:
            return self.pair.duration_min
        return self.request.duration_min

    @property
    def distance_m(self) -> int | None:
        """Metres between the two places; None where one is unknown and none is given."""
        if self.pair is not None and self.pair.distance_m is not None:
            return self.pair.distance_m
        if self.request.point is None or self.volunteer.point is None:
            return None
        return geo.great_circle_m(self.volunteer.point, self.request.point)

    @property
    def travel_min(self) -> int | None:
        """Minutes from the volunteer's place to the request; None where nothing is known."""
        if self.pair is not None and self.pair.travel_min is not None:
            return self.pair.travel_min
        return None if self.distance_m is None else _travel_min(self.distance_m, self.volunteer)

    @property
    def last_day(self) -> date:
        """The local day of the last moment of service (midnight ends a day), or today where it has no time."""
        end = self.assignment.end
        return self.facts.day(self.facts.problem.now if end is None else end - timedelta.resolution)


def gather(problem: Problem) -> Facts:
    """Look a problem's parts up by their ids."""
    return Facts(
        problem=problem,
        requests={request.id: request for request in problem.requests},
        volunteers={volunteer.id: volunteer for volunteer in problem.volunteers},
        pairs={(pair.request_id, pair.volunteer_id): pair for pair in problem.pairs or ()},
        pins={(pin.request_id, pin.volunteer_id): pin for pin in problem.pinned},
        needs=frozenset(need for request in problem.requests for role in request.roles for need in role.skills),
    )


def is_counted(skill: Skill, need: Need, day: date) -> bool:
    """Say whether a skill meets a need on a day."""
    current = skill.valid_until is None or day <= skill.valid_until
    return skill.code == need.code and skill.level >= need.level and current


def lasts(until: date | None, day: date) -> bool:
    """Say whether something that must be stated holds on a day."""
    return until is not None and day <= until


def hops_min(volunteer: Volunteer, start: geo.Point | None, end: geo.Point | None) -> timedelta:
    """Return the volunteer's travel between two services; nothing where a place is unknown."""
    if start is None or end is None:
        return timedelta(0)
    return timedelta(minutes=_travel_min(geo.great_circle_m(start, end), volunteer))


def _travel_min(distance_m: int, volunteer: Volunteer) -> int:
    return -(-distance_m * 60 // SPEED_M_PER_H[volunteer.travel_mode])
