"""Problem and plan: what the solver is given and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from matcher.domain.reasons import Fix, Reason
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer

__all__ = [
    "Assignment",
    "NearestFix",
    "Options",
    "Pair",
    "Pin",
    "Plan",
    "Prices",
    "Problem",
    "ReasonCount",
    "Shortage",
    "Summary",
    "Unassigned",
    "Weights",
]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each cost term is worth in points.

    travel: per 5 km; delay: per day after the earliest start; overqualification: at 20 skill
    levels more than needed; load: at 600 recent minutes; preference: for a volunteer who is
    not among those that the request prefers.
    """

    travel: int = 4000
    delay: int = 2500
    overqualification: int = 2000
    load: int = 1500
    preference: int = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How to solve: weights, limits and seed.

    With ``iterations`` None the number is chosen from the size of the problem. The result is
    reproducible by seed unless ``time_limit_s`` ends it first (the summary says so).
    """

    weights: Weights = field(default_factory=Weights)
    time_limit_s: float = 10.0
    iterations: int | None = None
    seed: int = 1
    explain: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """A given candidate; each number that is not None overrides the computed one."""

    request_id: str
    volunteer_id: str
    distance_m: int | None = None
    travel_min: int | None = None
    duration_min: int | None = None
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """An assignment that may not move; ``role`` says which role it fills, None leaves that open."""

    request_id: str
    volunteer_id: str
    start: datetime | None = None
    role: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What the solver is given. ``pairs`` None means: candidates come from geometry."""

    now: datetime
    time_zone: ZoneInfo
    requests: tuple[HelpRequest, ...] = ()
    volunteers: tuple[Volunteer, ...] = ()
    pairs: tuple[Pair, ...] | None = None
    pinned: tuple[Pin, ...] = ()
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One volunteer serves one request; ``start`` is None where the request has no time."""

    request_id: str
    volunteer_id: str
    start: datetime | None
    end: datetime | None
    distance_m: int | None
    travel_min: int | None
    cost: int
    cost_terms: Mapping[str, int]
    role: int = 0
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many volunteers fail first at one constraint; for ``outbid`` the urgencies that won."""

    code: Reason
    volunteers: int
    role: int | None = None
    skill: str | None = None
    level: int | None = None
    winner_urgency_min: int | None = None
    winner_urgency_max: int | None = None


@dataclass(frozen=True, slots=True)
class NearestFix:
    """The smallest single change that would let one more volunteer serve the request."""

    code: Fix
    volunteer_id: str | None = None
    from_km: float | None = None
    to_km: float | None = None
    skill: str | None = None
    level: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    from_min: int | None = None
    to_min: int | None = None


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A request, or a part of its headcount, that stays open."""

    request_id: str
    missing_headcount: int
    reasons: tuple[ReasonCount, ...] = ()
    nearest_fix: NearestFix | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The plan in numbers.

    ``gap`` is the part of the urgency bound that the plan leaves unserved, ``cost_gap`` the part
    of the plan's cost above the cost bound (None unless the urgency bound is reached: only then do the two costs
    compare). ``proof`` is "optimal" only when objective = bound.
    """

    requests: int
    volunteers: int
    served_requests: int
    served_urgency: int
    urgency_bound: int
    filled_places: int
    total_cost: int
    cost_bound: int | None
    gap: float
    cost_gap: float | None
    proof: str
    candidates: int
    iterations: int
    stopped_by: str
    backend: str
    points_per_urgency: int
    calendar_official: bool
    timings_s: Mapping[str, float]
    seed: int


@dataclass(frozen=True, slots=True)
class Prices:
    """Shadow prices in the relaxation, in objective points (``points_per_urgency`` of the summary).

    Of a request: what leaving out one of its places would save or cost. Of a volunteer: what one more like
    them would gain.
    """

    requests: Mapping[str, int]
    volunteers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Shortage:
    """Unserved urgency and the urgency that one more volunteer would serve, by region, skill and day."""

    region: str | None
    skill: str | None
    day: date | None
    unserved_urgency: int
    value_of_one_more: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the solver gives back."""

    assignments: tuple[Assignment, ...]
    unassigned: tuple[Unassigned, ...]
    summary: Summary
    prices: Prices
    shortage: tuple[Shortage, ...]
