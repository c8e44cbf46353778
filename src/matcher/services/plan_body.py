"""The plan as it travels: the answer of ``POST /v1/match``, and what a run keeps."""

from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from matcher.domain.plans import (
    Assignment,
    NearestFix,
    Plan,
    Prices,
    ReasonCount,
    Shortage,
    Summary,
    Unassigned,
)
from matcher.domain.reasons import Fix, Reason

__all__ = [
    "AssignmentBody",
    "NearestFixBody",
    "PlanBody",
    "PricesBody",
    "ReasonBody",
    "ShortageBody",
    "SummaryBody",
    "UnassignedBody",
    "from_plan",
    "summary_of",
    "to_plan",
]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AssignmentBody(_Answer):
    """One volunteer serves one request; ``start`` and ``end`` are null where the request has no time."""

    request_id: str
    volunteer_id: str
    role: Annotated[int, Field(description="Position of the role in the request's roles.")] = 0
    start: datetime | None
    end: datetime | None
    distance_km: float | None
    travel_min: int | None
    cost: int
    cost_terms: Annotated[dict[str, int], Field(description="The parts that add up to cost.")]
    pinned: bool = False


class ReasonBody(_Answer):
    """How many volunteers fail first at one constraint; ``outbid`` tells the urgencies that won, never whose."""

    code: Reason
    volunteers: int
    role: int | None = None
    skill: str | None = None
    level: int | None = None
    winner_urgency_min: int | None = None
    winner_urgency_max: int | None = None


class NearestFixBody(_Answer):
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


class UnassignedBody(_Answer):
    """A request, or a part of its headcount, that stays open, and why."""

    request_id: str
    missing_headcount: int
    reasons: list[ReasonBody]
    nearest_fix: NearestFixBody | None


class SummaryBody(_Answer):
    """The plan in numbers. ``proof`` is ``optimal`` only where the plan reaches its bounds."""

    requests: int
    volunteers: int
    served_requests: int
    served_urgency: int
    urgency_bound: Annotated[int, Field(description="No plan serves more urgency than this.")]
    filled_places: int
    total_cost: int
    cost_bound: int | None
    gap: Annotated[float, Field(description="Part of the urgency bound that is left unserved.")]
    cost_gap: float | None
    proof: str
    candidates: int
    iterations: int
    stopped_by: str
    backend: str
    points_per_urgency: int
    calendar_official: bool
    timings_s: dict[str, float]
    seed: int


class PricesBody(_Answer):
    """Shadow prices in objective points: what one more of each would change."""

    requests: dict[str, int]
    volunteers: dict[str, int]


class ShortageBody(_Answer):
    """Where help is short, and the urgency that one more volunteer would serve there."""

    region: str | None
    skill: str | None
    day: date | None
    unserved_urgency: int
    value_of_one_more: int


class PlanBody(_Answer):
    """Who helps whom and when, what stays open and why, and how good the plan is."""

    assignments: list[AssignmentBody]
    unassigned: list[UnassignedBody]
    summary: SummaryBody
    prices: PricesBody
    shortage: list[ShortageBody]

    def to_json(self) -> bytes:
        """Return the body as JSON; of reasons and fixes only the parts that say something."""
        return self.__pydantic_serializer__.to_json(self, exclude_unset=True)


def from_plan(plan: Plan, *, time_zone: ZoneInfo) -> PlanBody:
    """Return the plan as it travels, its instants in ``time_zone``."""
    return PlanBody(
        assignments=[_assignment(item, time_zone) for item in plan.assignments],
        unassigned=[_unassigned(item, time_zone) for item in plan.unassigned],
        summary=_summary(plan),
        prices=PricesBody(requests=dict(plan.prices.requests), volunteers=dict(plan.prices.volunteers)),
        shortage=[ShortageBody.model_construct(**_parts(item)) for item in plan.shortage],
    )


def to_plan(body: PlanBody) -> Plan:
    """Return the plan that a body holds; its distances are exact to the metre."""
    return Plan(
        assignments=tuple(
            Assignment(
                request_id=item.request_id,
                volunteer_id=item.volunteer_id,
                start=item.start,
                end=item.end,
                distance_m=None if item.distance_km is None else round(item.distance_km * 1000),
                travel_min=item.travel_min,
                cost=item.cost,
                cost_terms=item.cost_terms,
                role=item.role,
                pinned=item.pinned,
            )
            for item in body.assignments
        ),
        unassigned=tuple(
            Unassigned(
                item.request_id,
                item.missing_headcount,
                tuple(ReasonCount(**dict(reason)) for reason in item.reasons),
                None if item.nearest_fix is None else NearestFix(**dict(item.nearest_fix)),
            )
            for item in body.unassigned
        ),
        summary=Summary(**dict(body.summary)),
        prices=Prices(body.prices.requests, body.prices.volunteers),
        shortage=tuple(Shortage(**dict(item)) for item in body.shortage),
    )


def summary_of(plan: Plan) -> dict[str, Any]:
    """Return the summary of a plan as plain JSON."""
    return _summary(plan).model_dump(mode="json")


def _summary(plan: Plan) -> SummaryBody:
    return SummaryBody.model_validate(_parts(plan.summary))


def _parts(record: Any) -> dict[str, Any]:
    """Return the fields of one dataclass by name, without descending as ``asdict`` does."""
    return {name: getattr(record, name) for name in record.__slots__}


def _said(record: Any, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return the fields that are not None, instants in the zone."""
    return {
        name: value.astimezone(time_zone) if isinstance(value, datetime) else value
        for name, value in _parts(record).items()
        if value is not None
    }


def _assignment(item: Assignment, time_zone: ZoneInfo) -> AssignmentBody:
    # Built without validation: it is our own, and there may be a hundred thousand of them.
    return AssignmentBody.model_construct(
        request_id=item.request_id,
        volunteer_id=item.volunteer_id,
        role=item.role,
        start=item.start and item.start.astimezone(time_zone),
        end=item.end and item.end.astimezone(time_zone),
        distance_km=None if item.distance_m is None else item.distance_m / 1000,
        travel_min=item.travel_min,
        cost=item.cost,
        cost_terms=dict(item.cost_terms),
        pinned=item.pinned,
    )


def _unassigned(item: Unassigned, time_zone: ZoneInfo) -> UnassignedBody:
    fix = item.nearest_fix
    return UnassignedBody.model_construct(
        request_id=item.request_id,
        missing_headcount=item.missing_headcount,
        reasons=[ReasonBody.model_construct(**_said(reason, time_zone)) for reason in item.reasons],
        nearest_fix=None if fix is None else NearestFixBody.model_construct(**_said(fix, time_zone)),
    )
