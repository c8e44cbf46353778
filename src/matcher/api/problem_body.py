"""The problem as it travels: the body of ``POST /v1/match`` and of a problem file."""

from typing import Annotated, Literal

from pydantic import Field

from matcher.api.fields import (
    Body,
    Code,
    Day,
    Id,
    Instant,
    LaxCrs,
    Level,
    PlaceBody,
    WallEnd,
    WallTime,
    ZoneName,
)
from matcher.domain.geo import Crs
from matcher.domain.requests import Gender
from matcher.domain.volunteers import TravelMode
from matcher.domain.windows import DayKind

__all__ = [
    "AvailabilityBody",
    "BusyBody",
    "NeedBody",
    "OptionsBody",
    "PairBody",
    "PinBody",
    "ProblemBody",
    "RequestBody",
    "RequestTraits",
    "RoleBody",
    "SkillBody",
    "VolunteerBody",
    "VolunteerTraits",
    "WeekdayName",
    "WeeklyBody",
    "WeightsBody",
    "WindowBody",
]

WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Gender = Annotated[Gender, Field(strict=False)]
_TravelMode = Annotated[TravelMode, Field(strict=False)]
_DayKind = Annotated[DayKind, Field(strict=False)]
_Headcount = Annotated[int, Field(ge=1, le=50)]
_Duration = Annotated[int, Field(ge=1, le=10_080)]
_TravelMinutes = Annotated[int, Field(ge=0, le=10_080)]
_Kilometres = Annotated[float, Field(ge=0, le=20_040)]
_Limit = Annotated[int, Field(ge=0, le=1_000_000)]
_Weight = Annotated[int, Field(ge=0, le=100_000)]
_Trainings = Annotated[list[Code], Field(max_length=64)]
_Windows = Annotated[list["WindowBody"], Field(max_length=400)]


class WindowBody(Body):
    """A stretch of time from ``start`` up to, but without, ``end``."""

    start: Instant
    end: Instant


class NeedBody(Body):
    """A required skill with the least level that will do."""

    code: Code
    level: Level = 1


class SkillBody(Body):
    """A skill that a volunteer has. After ``valid_until`` (that day still counts) it counts no more."""

    code: Code
    level: Level = 1
    valid_until: Day | None = None


class RoleBody(Body):
    """One kind of people in a team: ``count`` volunteers who all have ``skills``."""

    skills: Annotated[list[NeedBody], Field(max_length=64)] = Field(default_factory=list)
    count: _Headcount = 1
    gender: _Gender | None = None


class _Named(Body):
    """How something in the body is called, and where it belongs."""

    id: Id
    region: Code | None = None


class RequestTraits(Body):
    """What matching has to know of a request, whoever it is of."""

    location: PlaceBody | None = None
    windows: Annotated[list[WindowBody], Field(min_length=1, max_length=32)] | None = None
    duration_min: _Duration = 60
    skills: Annotated[list[NeedBody], Field(max_length=64)] | None = None
    headcount: _Headcount | None = None
    min_headcount: Annotated[int, Field(ge=1, le=20)] | None = None
    roles: Annotated[list[RoleBody], Field(min_length=1, max_length=20)] | None = None
    urgency: Annotated[int, Field(ge=1, le=1000)] = 1
    gender: _Gender | None = None
    adults_only: bool = False
    needs_insurance: bool = False
    trainings: _Trainings = Field(default_factory=list)
    preferred_volunteers: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    excluded_volunteers: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    requested_at: Instant | None = None


class RequestBody(RequestTraits, _Named):
    """Someone asks for help.

    Without ``windows`` the request has no time, without ``location`` no distance. ``roles`` stands
    instead of ``skills`` and ``headcount``; ``min_headcount`` then counts whole roles. Left out,
    ``min_headcount`` is everybody who is asked for, and 20 if that is more.
    """


class WeeklyBody(Body):
    """A rule that repeats each week, in local wall time. An ``end`` at or before ``start`` is on the next day."""

    days: Annotated[list[WeekdayName], Field(min_length=1, max_length=7)]
    start: WallTime
    end: WallEnd
    calendar: _DayKind = DayKind.ALL


class AvailabilityBody(Body):
    """When a volunteer has time: ``weekly`` and ``extra``, without ``except``."""

    weekly: Annotated[list[WeeklyBody], Field(max_length=64)] = Field(default_factory=list)
    extra: _Windows = Field(default_factory=list)
    except_: Annotated[_Windows, Field(alias="except")] = Field(default_factory=list)
    time_zone: ZoneName | None = None


class BusyBody(Body):
    """A time already promised elsewhere; with its place, the way there and back is kept free too.

    One that ``is_assignment`` counts against the volunteer's limits besides.
    """

    start: Instant
    end: Instant
    location: PlaceBody | None = None
    is_assignment: bool = False


class VolunteerTraits(Body):
    """What matching has to know of a volunteer, whoever they are."""

    location: PlaceBody | None = None
    max_distance_km: _Kilometres | None = None
    max_travel_min: _TravelMinutes | None = None
    travel_mode: _TravelMode = TravelMode.BICYCLE
    skills: Annotated[list[SkillBody], Field(max_length=64)] = Field(default_factory=list)
    trainings: _Trainings = Field(default_factory=list)
    insured_until: Day | None = None
    gender: _Gender | None = None
    birth_year: Annotated[int, Field(ge=1900, le=2099)] | None = None
    guardian_consent: bool = False
    paused: bool = False
    availability: AvailabilityBody | None = None
    busy: Annotated[list[BusyBody], Field(max_length=400)] = Field(default_factory=list)
    max_assignments: _Limit | None = None
    max_minutes: _Limit | None = None
    max_assignments_per_day: _Limit | None = None
    max_minutes_per_day: _Limit | None = None
    recent_minutes: _Limit = 0


class VolunteerBody(VolunteerTraits, _Named):
    """Someone offers help. Without ``availability`` they have time whenever asked; a limit left out does not bind."""


class PairBody(Body):
    """A given candidate. Each number that is given takes the place of the computed one."""

    request_id: Id
    volunteer_id: Id
    distance_km: _Kilometres | None = None
    travel_min: _TravelMinutes | None = None
    duration_min: _Duration | None = None
    cost: _Limit | None = None


class PinBody(Body):
    """An assignment that stays as it is."""

    request_id: Id
    volunteer_id: Id
    start: Annotated[Instant | None, Field(description="A whole minute.")] = None
    role: Annotated[int | None, Field(ge=0, le=49, description="Position in the request's roles.")] = None


class WeightsBody(Body):
    """What each cost term is worth in points."""

    travel: Annotated[_Weight, Field(description="Per 5 km of distance.")] = 4000
    delay: Annotated[_Weight, Field(description="Per day after the earliest start, one day at most.")] = 2500
    overqualification: Annotated[_Weight, Field(description="At 20 skill levels more than needed.")] = 2000
    load: Annotated[_Weight, Field(description="At 600 recent minutes.")] = 1500
    preference: Annotated[_Weight, Field(description="For a volunteer who is not among the preferred ones.")] = 1000


class OptionsBody(Body):
    """How to solve. The same seed and number of iterations give the same plan, unless time runs out first."""

    weights: WeightsBody = Field(default_factory=WeightsBody)
    time_limit_s: Annotated[
        float, Field(ge=0.05, le=300, description="A service may allow less; the plan says what ended it.")
    ] = 10.0
    iterations: Annotated[int, Field(ge=0, le=1_000_000_000, description="Left out: as the size asks for.")] | None = (
        None
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 1
    explain: bool = True


class ProblemBody(Body):
    """Requests and volunteers to match; everything but the ids may be left out.

    ``now`` is when the plan is made: nothing starts earlier. Left out, it is the time of the call.
    With ``pairs`` the candidates are exactly these; the other constraints still hold.
    """

    now: Instant | None = None
    time_zone: ZoneName = "Asia/Shanghai"
    crs: LaxCrs = Crs.GCJ02
    requests: list[RequestBody] = Field(default_factory=list)
    volunteers: list[VolunteerBody] = Field(default_factory=list)
    pairs: list[PairBody] | None = None
    pinned: list[PinBody] = Field(default_factory=list)
    options: OptionsBody = Field(default_factory=OptionsBody)
