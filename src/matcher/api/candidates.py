"""``/v1/requests/{external_id}/candidates``: who could serve a request now, and why the others nearby cannot."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from matcher.api import problems, responses
from matcher.api.access import Allowed
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.pushes import IdPath
from matcher.api.stored import ID_PATTERN
from matcher.domain.access import Principal, Scope
from matcher.domain.plans import ReasonCount
from matcher.domain.reasons import Reason
from matcher.domain.requests import RequestStatus
from matcher.services import candidates
from matcher.services.candidates import Found, Slot, Verdict

__all__ = ["Candidate", "Candidates", "router"]

router = APIRouter(prefix="/v1/requests", tags=["requests"])

_NO_STORE: Final = {"cache-control": "no-store"}

_VolunteerId = Annotated[
    str | None,
    Query(min_length=1, max_length=128, pattern=ID_PATTERN, description="Why not this one? The caller's own id."),
]


class Candidate(BaseModel):
    """A volunteer who could take a place that is left, from the first start on that both allow."""

    volunteer_id: str
    role: Annotated[int, Field(description="Position in the request's roles.")]
    start: Annotated[datetime | None, Field(description="Null if the request has no time.")]
    end: datetime | None
    distance_km: Annotated[float | None, Field(description="Null if one of the two has no place.")]
    travel_min: int | None
    cost: int
    cost_terms: Annotated[dict[str, int], Field(description="The parts that add up to cost.")]
    difference: Annotated[int | None, Field(description="By how much the best one for the role costs less.")]


class NearbyReason(BaseModel):
    """How many of those nearby fail first at one constraint."""

    code: Reason
    volunteers: int
    role: int
    skill: Annotated[str | None, Field(description="Of reasons about skills: the one that fewest have.")]
    level: int | None


class Nearby(BaseModel):
    """The volunteers who live nearest and have no offer for this request yet: how many cannot come, and why."""

    volunteers: int
    reasons: list[NearbyReason]


class TimeSlot(BaseModel):
    """Hours at which many of those nearby could come, whatever the request says now."""

    start: datetime
    end: datetime
    is_within_windows: Annotated[bool, Field(description="Whether the request allows it already.")]
    volunteers: int
    nearest_km: float | None


class RoleVerdict(BaseModel):
    """How the volunteer does in one role: the reason why not, or the rank and what they would cost."""

    role: int
    reason: Annotated[NearbyReason | None, Field(description="Null if the volunteer could.")]
    rank: Annotated[int | None, Field(description="1 is the best; null where too many would have to be compared.")]
    candidate: Candidate | None


class NamedVolunteer(BaseModel):
    """The volunteer who was asked about."""

    volunteer_id: str
    is_asked: Annotated[bool, Field(description="Has an offer for this request that stands.")]
    roles: list[RoleVerdict]


class Candidates(BaseModel):
    """Who could serve a request now, best first, role by role."""

    request_id: str
    status: RequestStatus
    verified: Annotated[bool, Field(description="Only a verified request is matched.")]
    open_places: int
    data: list[Candidate]
    complete: Annotated[
        bool, Field(description="False where so many had to be looked at that somebody better may be missing.")
    ]
    nearby: Nearby
    slots: list[TimeSlot]
    volunteer: NamedVolunteer | None


@router.get(
    "/{external_id}/candidates",
    operation_id="listCandidates",
    summary="Who could serve a request now",
    response_model=Candidates,
    responses=problems.responses("not-found", "invalid-parameter"),
)
def list_candidates(
    database: DatabaseDep,
    principal: Annotated[Principal, Allowed(Scope.CANDIDATES_READ)],
    now: NowDep,
    external_id: IdPath,
    limit: Annotated[int, Query(ge=1, le=50, description="The most candidates for each role.")] = 5,
    volunteer_id: _VolunteerId = None,
) -> Response:
    """Rank the volunteers who could take a place that is left, by the rules and costs of matching.

    What is promised elsewhere counts as busy; whoever refused this request, or is kept apart from the
    requester, is left out. Without the scope `requests:read` the request counts as in the middle of its cell,
    and without `volunteers:read`, or beyond the regions of the key, so does a volunteer's home. `slots` are
    better hours: services at which most of the volunteers nearby could come.
    """
    with database.begin(principal) as session:
        found = candidates.find(session, principal, external_id, limit=limit, volunteer_id=volunteer_id, now=now)
    return responses.of(_present(found, volunteer_id), headers=_NO_STORE)


def _present(found: Found, volunteer_id: str | None) -> Candidates:
    facts = found.facts
    best: dict[int, int] = {}
    for item in found.candidates:
        best.setdefault(item.role, item.cost)
    return Candidates(
        request_id=facts.external_id,
        status=RequestStatus(facts.status),
        verified=facts.verified,
        open_places=sum(facts.places) - sum(facts.taken),
        data=[_candidate(item, best) for item in found.candidates],
        complete=found.is_complete,
        nearby=Nearby(volunteers=found.nearby, reasons=[_reason(*reason) for reason in found.reasons]),
        slots=[_slot(slot) for slot in found.slots],
        volunteer=None if volunteer_id is None else _named(found, volunteer_id, best),
    )


def _candidate(item: candidates.Candidate, best: dict[int, int]) -> Candidate:
    return Candidate(
        volunteer_id=item.volunteer_id,
        role=item.role,
        start=_utc(item.start),
        end=_utc(item.end),
        distance_km=_km(item.distance_m),
        travel_min=item.travel_min,
        cost=item.cost,
        cost_terms=dict(item.cost_terms),
        difference=item.cost - best[item.role] if item.role in best else None,
    )


def _named(found: Found, volunteer_id: str, best: dict[int, int]) -> NamedVolunteer:
    return NamedVolunteer(
        volunteer_id=volunteer_id,
        is_asked=found.is_asked,
        roles=[_verdict(verdict, best) for verdict in found.verdicts],
    )


def _verdict(verdict: Verdict, best: dict[int, int]) -> RoleVerdict:
    return RoleVerdict(
        role=verdict.role,
        reason=None if verdict.reason is None else _reason(verdict.role, verdict.reason),
        rank=verdict.rank,
        candidate=None if verdict.candidate is None else _candidate(verdict.candidate, best),
    )


def _reason(role: int, reason: ReasonCount) -> NearbyReason:
    return NearbyReason(
        code=reason.code, volunteers=reason.volunteers, role=role, skill=reason.skill, level=reason.level
    )


def _slot(slot: Slot) -> TimeSlot:
    return TimeSlot(
        start=slot.start.astimezone(UTC),
        end=slot.end.astimezone(UTC),
        is_within_windows=slot.is_within_windows,
        volunteers=slot.volunteers,
        nearest_km=_km(slot.nearest_m),
    )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _km(metres: int | None) -> float | None:
    return None if metres is None else metres / 1000
