"""What a solver process does for ``POST /v1/runs/{id}/explain``: a kept problem and its plan in, one pair explained."""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from matcher.api import match
from matcher.api.problem_body import ProblemBody
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.plans import Problem, ReasonCount
from matcher.domain.reasons import Reason
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.matching import eligibility, explain, pricing
from matcher.matching.eligibility import Judgement
from matcher.matching.problem import compile_problem
from matcher.services.plan_body import AssignmentBody
from matcher.services.solver_messages import Job

__all__ = ["ExplanationBody", "PairStatus", "RoleBody", "explain_pair"]

_Wire = dict[str, Any]

# No id of a caller holds such a character.
_STUB: Final = "\0{number}"


class PairStatus(StrEnum):
    """What became of a pair."""

    ASSIGNED = "assigned"
    ELIGIBLE = "eligible"
    REFUSED = "refused"


class RefusalBody(BaseModel):
    """The first constraint that the volunteer fails."""

    code: Reason
    skill: str | None = None
    level: int | None = None


class RoleBody(BaseModel):
    """How the volunteer would do in one role, beside pinned assignments alone: the reason why not, or at what cost."""

    role: int
    reason: RefusalBody | None
    start: Annotated[datetime | None, Field(description="The earliest start.")] = None
    distance_km: float | None = None
    cost: Annotated[int | None, Field(description="At the earliest start.")] = None
    cost_terms: dict[str, int] | None = None


class ChosenBody(BaseModel):
    """Somebody who has the place, and how much more the volunteer who was asked about would cost in it."""

    volunteer_id: str
    role: int
    cost: int
    pinned: bool
    difference: Annotated[int | None, Field(description="Null where the volunteer cannot take the role.")]


class ServiceBody(BaseModel):
    """What the volunteer does in the plan."""

    request_id: str
    role: int
    start: datetime | None
    end: datetime | None
    pinned: bool


class ExplanationBody(BaseModel):
    """Why a volunteer serves a request in a plan, or does not.

    `eligible` is whoever could, but is not needed or is needed elsewhere: `serves` says where, `chosen`
    who has the place.
    """

    request_id: str
    volunteer_id: str
    status: PairStatus
    roles: list[RoleBody]
    chosen: list[ChosenBody]
    serves: list[ServiceBody]


def explain_pair(job: Job, problem: bytes, plan: bytes, request_id: str, volunteer_id: str) -> bytes:
    """Return the explanation of a pair as JSON.

    Raises
    ------
    NotFoundError
        If the request or the volunteer is not in the problem.
    """
    job.report("reading", 0.0)
    assignments = [
        AssignmentBody.model_validate(item)
        for item in json.loads(gzip.decompress(plan))["assignments"]
        if item["request_id"] == request_id or item["volunteer_id"] == volunteer_id
    ]
    small = _narrowed(json.loads(gzip.decompress(problem)), request_id, volunteer_id)
    job.report("explaining", 0.0)
    roles = list(_roles(small))
    serves = [item for item in assignments if item.volunteer_id == volunteer_id]
    is_assigned = any(item.request_id == request_id for item in serves)
    is_eligible = any(role.reason is None for role in roles)
    status = PairStatus.ASSIGNED if is_assigned else PairStatus.ELIGIBLE if is_eligible else PairStatus.REFUSED
    cost_of_role = {role.role: role.cost for role in roles}
    body = ExplanationBody(
        request_id=request_id,
        volunteer_id=volunteer_id,
        status=status,
        roles=roles,
        chosen=[
            ChosenBody(
                volunteer_id=item.volunteer_id,
                role=item.role,
                cost=item.cost,
                pinned=item.pinned,
                difference=None if (cost := cost_of_role[item.role]) is None else cost - item.cost,
            )
            for item in assignments
            if item.request_id == request_id
        ],
        serves=[
            ServiceBody(request_id=item.request_id, role=item.role, start=item.start, end=item.end, pinned=item.pinned)
            for item in serves
        ],
    )
    return body.model_dump_json(exclude_none=False).encode()


def _narrowed(whole: _Wire, request_id: str, volunteer_id: str) -> Problem:
    """Return the part of a problem that decides on one pair, its request and its volunteer first.

    That is the pair, what is pinned for either, and every skill that anybody asks for: what a
    volunteer can do beyond what is needed costs by those.
    """
    request = _only(whole["requests"], request_id, "request")
    volunteer = _only(whole["volunteers"], volunteer_id, "volunteer")
    pins = [pin for pin in whole["pinned"] if pin["request_id"] == request_id or pin["volunteer_id"] == volunteer_id]
    requests = {pin["request_id"] for pin in pins} - {request_id}
    volunteers = {pin["volunteer_id"] for pin in pins} - {volunteer_id}
    body = whole | {
        "requests": [request, *(item for item in whole["requests"] if item["id"] in requests)],
        "volunteers": [volunteer, *(item for item in whole["volunteers"] if item["id"] in volunteers)],
        "pinned": pins,
    }
    problem = match.to_problem(ProblemBody.model_validate(body), now=datetime.fromisoformat(whole["now"]))
    stubs = tuple(
        HelpRequest(_STUB.format(number=number), (Role((need,)),), 1) for number, need in enumerate(_needs(whole))
    )
    return replace(problem, requests=(*problem.requests, *stubs))


def _only(items: Iterable[_Wire], id_: str, noun: str) -> _Wire:
    for item in items:
        if item["id"] == id_:
            return item
    raise NotFoundError(_ABSENT[noun])


_ABSENT: Final = {
    "request": Text(
        en="The run did not look at this request: it was not open then, had no window in the horizon, or every place"
        " was spoken for.",
        zh="该运行未处理此求助：当时未开放、时段不在范围内，或名额均已有人。",
    ),
    "volunteer": Text(
        en="The run did not look at this volunteer: paused, of another region and too far away, or added later.",
        zh="该运行未考虑此志愿者：已暂停、属于其他区域且距离过远，或为之后新增。",
    ),
}


def _needs(whole: _Wire) -> Sequence[Need]:
    asked = {
        (need["code"], need["level"])
        for request in whole["requests"]
        for role in request.get("roles", [request])
        for need in role.get("skills", ())
    }
    return [Need(*need) for need in sorted(asked)]


def _roles(problem: Problem) -> Iterator[RoleBody]:
    """Yield how the first volunteer does in each role of the first request."""
    compiled = compile_problem(problem)
    for role, judgement in enumerate(eligibility.judge(compiled, range(len(problem.requests[0].roles)))):
        reason = judgement.reason(0)
        if reason is not None:
            named = explain.named_skill(compiled, role, ReasonCount(reason, 1))
            yield RoleBody(role=role, reason=RefusalBody(code=reason, skill=named.skill, level=named.level))
        else:
            yield _able(judgement, role)


def _able(judgement: Judgement, role: int) -> RoleBody:
    at = [int(v) for v in judgement.volunteer].index(0) if 0 in judgement.volunteer else None
    if at is None:
        return RoleBody(role=role, reason=None)
    start, distance = int(judgement.start[at]), int(judgement.distance_m[at])
    return RoleBody(
        role=role,
        reason=None,
        start=judgement.compiled.timeline.instant(start) if start >= 0 else None,
        distance_km=None if distance < 0 else distance / 1000,
        cost=int(judgement.cost[at]),
        cost_terms=dict(pricing.cost_terms(judgement.compiled, role, 0, distance, start)),
    )
