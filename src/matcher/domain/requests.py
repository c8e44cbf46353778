"""A help request: where, when, what is needed, how many, how urgent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from matcher.domain.geo import Point
from matcher.domain.windows import Interval

__all__ = ["Gender", "HelpRequest", "Need", "Role"]


class Gender(StrEnum):
    """A gender asked for, or stated."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True)
class Need:
    """A required skill with its least level."""

    code: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of people in a team: ``count`` volunteers who all have ``skills``."""

    skills: tuple[Need, ...]
    count: int = 1
    gender: Gender | None = None


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """Someone asks for help.

    ``windows`` is None where time plays no part, ``point`` None where distance plays none.
    ``roles`` always holds at least one role; ``by_role`` says that the caller named them, so
    that ``min_headcount`` counts whole roles instead of people.
    The service lies inside one window from its start to its end.
    """

    id: str
    roles: tuple[Role, ...]
    min_headcount: int
    by_role: bool = False
    point: Point | None = None
    region: str | None = None
    windows: tuple[Interval, ...] | None = None
    duration_min: int = 60
    urgency: int = 1
    adults_only: bool = False
    needs_insurance: bool = False
    trainings: tuple[str, ...] = ()
    preferred_volunteers: tuple[str, ...] = ()
    excluded_volunteers: tuple[str, ...] = ()
    requested_at: datetime | None = None

    @property
    def headcount(self) -> int:
        """How many people the request asks for, over all its roles."""
        return sum(role.count for role in self.roles)
