"""A help request: where, when, what is needed, how many, how urgent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from matcher.domain.geo import Point
from matcher.domain.windows import Interval

__all__ = [
    "FINAL",
    "CloseReason",
    "Gender",
    "HelpRequest",
    "Need",
    "RequestStatus",
    "Risk",
    "Role",
    "Tally",
    "status_after",
]


class Gender(StrEnum):
    """A gender asked for, or stated."""

    FEMALE = "female"
    MALE = "male"


class RequestStatus(StrEnum):
    """How far a request is: ``planned`` once offers are out, ``filled`` once its headcount has accepted."""

    OPEN = "open"
    PLANNED = "planned"
    FILLED = "filled"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = (RequestStatus.COMPLETED, RequestStatus.FAILED, RequestStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Tally:
    """How the offers of a request stand.

    ``places``, ``taken`` and ``served`` have one entry a role: places there are, places taken by
    those who come or came, services given. ``offered`` counts offers without an answer, ``promised``
    and ``present`` volunteers who will come and who are there.
    """

    places: Sequence[int]
    taken: Sequence[int]
    served: Sequence[int]
    offered: int
    promised: int
    present: int
    min_headcount: int
    by_role: bool

    @property
    def is_full(self) -> bool:
        """Whether every place is taken."""
        return list(self.taken) == list(self.places)

    @property
    def is_enough(self) -> bool:
        """Whether those who have served are as many as the request needs at the least: people, or whole roles."""
        if self.by_role:
            return (
                sum(served >= places for served, places in zip(self.served, self.places, strict=True))
                >= self.min_headcount
            )
        return sum(self.served) >= self.min_headcount


def status_after(current: RequestStatus, tally: Tally) -> RequestStatus:
    """Return how far a request is, as its offers stand; what is closed stays closed."""
    if current in FINAL:
        return current
    has_served = any(tally.served)
    if has_served and not tally.promised and not tally.present and tally.is_enough:
        return RequestStatus.COMPLETED
    if tally.present or (has_served and tally.promised):
        return RequestStatus.IN_PROGRESS
    if tally.is_full:
        return RequestStatus.FILLED
    return RequestStatus.PLANNED if tally.offered else RequestStatus.OPEN


class CloseReason(StrEnum):
    """Why a request is closed."""

    FULFILLED = "fulfilled"
    FAILED = "failed"
    IRRELEVANT = "irrelevant"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"


class Risk(StrEnum):
    """The danger to the volunteer, which whoever asks for help has to state (art. 13)."""

    NONE = "none"
    SOME = "some"
    HIGH = "high"


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
