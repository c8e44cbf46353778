"""``/v1/runs``: match what is stored of a region, look at the plan, and put it to the volunteers."""

import asyncio
import gzip
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from matcher.api import conditional, idempotency, languages, pages, problems, queries, responses
from matcher.api.access import Allowed, check_scope
from matcher.api.conditional import IfNoneMatch
from matcher.api.dependencies import DatabaseDep, NowDep, SolversDep, StateDep
from matcher.api.explanation import ExplanationBody
from matcher.api.fields import Body, Code, Id, Instant
from matcher.api.idempotency import CallDep
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.problem_body import OptionsBody
from matcher.api.problems import ErrorBody
from matcher.api.queries import RegionQuery
from matcher.api.results import ProgressBody
from matcher.api.strict import StrictRoute
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import Fault, InvalidBodyError, MatcherError, Text
from matcher.domain.runs import PUBLISHING, RunMode, RunStatus
from matcher.services import publishing, runs
from matcher.services.plan_body import PlanBody, SummaryBody
from matcher.storage.database import Database
from matcher.storage.runs import RunRow

__all__ = ["ExplainPost", "LeftOutBody", "Run", "RunPost", "router"]

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed(Scope.RUNS_READ)]
_Writer = Annotated[Principal, Allowed(Scope.RUNS_WRITE)]

_EXPLAIN: Final = "matcher.api.explanation:explain_pair"
_POLL_S: Final = "1"
# How often whoever waits is looked after.
_LOOK_S: Final = 0.25
_HORIZON: Final = timedelta(days=7)
# A plan from this very minute would be too late by the time that somebody is asked.
_LEAD: Final = timedelta(minutes=10)
# As far as a problem may look ahead.
_FARTHEST: Final = timedelta(days=366)
_NO_STORE: Final = {"cache-control": "no-store"}
_ETAG: Final = {"ETag": {"schema": {"type": "string"}}}
_ACCEPTED: Final[dict[str, Any]] = {
    "description": "Taken on: look at it again until it is over.",
    "headers": {name: {"schema": {"type": "string"}} for name in ("Location", "Retry-After", "ETag")},
}
_LINKS: Final = {
    name: {"operationId": operation, "parameters": {"run_id": "$response.body#/id"}}
    for name, operation in (
        ("watch", "getRun"),
        ("plan", "getRunPlan"),
        ("cancel", "cancelRun"),
        ("publish", "publishRun"),
        ("explain", "explainRun"),
    )
}
_BODY: Final = ("malformed-json", "too-large", "unsupported-media-type", "invalid-body", "invalid-parameter")


class RunPost(Body):
    """What a run is to do."""

    region: Annotated[
        Code,
        Field(
            description="A division code that the key holds for; all below it belongs to it.", examples=["310101002"]
        ),
    ]
    mode: Annotated[RunMode, Field(strict=False, description="`publish` makes offers of the plan.")] = RunMode.PREVIEW
    horizon_start: Annotated[
        Instant | None, Field(description="Left out: in ten minutes, as long as urgent offers stand.")
    ] = None
    horizon_end: Annotated[Instant | None, Field(description="Left out: seven days after the start.")] = None
    options: OptionsBody = Field(default_factory=OptionsBody)


class ExplainPost(Body):
    """Which pair is to be explained."""

    request_id: Id
    volunteer_id: Id


class LeftOutBody(BaseModel):
    """An assignment of the plan that was not published: it did not hold any more."""

    request_id: str
    volunteer_id: str
    code: Annotated[
        str,
        Field(
            description="`request-closed`, `request-changed`, `volunteer-gone`, `volunteer-paused`,"
            " `volunteer-changed`, `too-late`, `asked-before`, `blocked`, `volunteer-busy`, `start-changed` or"
            " `filled`; or the constraint of matching that it fails by now."
        ),
    ]


class Run(BaseModel):
    """A run, and how far it is.

    `published_at` is set once offers were made of the plan; `stage` is `publishing` until then.
    """

    id: UUID
    region: str
    mode: RunMode
    status: RunStatus
    horizon_start: datetime
    horizon_end: datetime
    options: OptionsBody
    progress: ProgressBody | None
    problem_hash: Annotated[str | None, Field(description="SHA-256 of the problem: the same one has the same plan.")]
    summary: SummaryBody | None
    offers: Annotated[int, Field(description="Offers made of the plan.")]
    left_out_count: int
    left_out: Annotated[list[LeftOutBody], Field(description="The first thousand of them.")]
    problem: Annotated[ErrorBody | None, Field(description="What ended a failed run, or a failed publication.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    published_at: datetime | None


@router.post(
    "",
    operation_id="createRun",
    summary="Match a region",
    status_code=202,
    response_model=Run,
    responses={
        202: _ACCEPTED | {"model": Run, "links": _LINKS},
        **problems.responses(
            *_BODY,
            "unknown-region",
            "region-outside-grant",
            "run-active",
            "idempotency-key-in-use",
            "idempotency-key-reused",
        ),
    },
)
def create_run(
    request: Request, database: DatabaseDep, principal: _Writer, now: NowDep, call: CallDep, body: RunPost
) -> Response:
    """Match the open, verified requests of a region with volunteers, by a worker, from one consistent snapshot.

    One run of a region at a time, those above and below it counted in. A preview can be published
    later, as far as it still holds.
    """
    order = _order(body, now)
    with database.begin(principal) as session:

        def create() -> Response:
            return _accepted(runs.create(session, principal, order), request)

        return idempotency.once(session, principal, call, create)


@router.get(
    "",
    operation_id="listRuns",
    summary="List runs",
    responses=problems.responses("invalid-cursor", "invalid-parameter", "unknown-region"),
)
def list_runs(
    request: Request,
    database: DatabaseDep,
    principal: _Reader,
    region: RegionQuery = None,
    status: RunStatus | None = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> PageBody[Run]:
    """List runs, the oldest first."""
    queries.check_region(region)
    with database.begin(principal) as session:
        page = runs.list_page(
            session, principal, region=region, status=status, cursor=pages.read_cursor(cursor), limit=limit
        )
        return PageBody(data=[_body(row, request) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/{run_id}",
    operation_id="getRun",
    summary="Get a run",
    response_model=Run,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
async def get_run(
    request: Request,
    state: StateDep,
    database: DatabaseDep,
    principal: _Reader,
    run_id: UUID,
    wait_s: Annotated[float, Query(ge=0, le=60, description="Wait so long for the end before answering.")] = 0.0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Tell how far a run is; its plan is at `plan`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        # No connection is held between two looks.
        row = await run_in_threadpool(_find, database, principal, run_id)
        if _is_over(row) or loop.time() >= deadline or state.stopping.is_set():
            break
        await asyncio.sleep(min(_LOOK_S, max(0.0, deadline - loop.time())))
    if conditional.is_known(if_none_match, row.version) and _is_over(row):
        return conditional.not_modified(row.version)
    headers = {"etag": conditional.etag(row.version), **_NO_STORE}
    return responses.of(_body(row, request), headers=headers if _is_over(row) else {**headers, "retry-after": _POLL_S})


@router.post(
    "/{run_id}/cancel",
    operation_id="cancelRun",
    summary="Cancel a run",
    response_model=Run,
    responses={
        202: _ACCEPTED | {"model": Run},
        **problems.responses("not-found", "illegal-transition", "invalid-parameter"),
    },
)
def cancel_run(request: Request, database: DatabaseDep, principal: _Writer, run_id: UUID) -> Response:
    """End a run with the best plan so far; one that waits ends without a plan, at once.

    202 until the worker has ended it. Nothing is published then, though the plan can be.
    """
    with database.begin(principal) as session:
        return _accepted(runs.cancel(session, principal, run_id), request)


@router.post(
    "/{run_id}/publish",
    operation_id="publishRun",
    summary="Publish a plan",
    response_model=Run,
    responses={
        202: _ACCEPTED | {"model": Run},
        **problems.responses("not-found", "plan-missing", "invalid-parameter"),
    },
)
def publish_run(request: Request, database: DatabaseDep, principal: _Writer, run_id: UUID) -> Response:
    """Put a plan to its volunteers, as far as it holds with what is stored by then; `left_out` tells what did not.

    202 until a worker has done so.
    """
    with database.begin(principal) as session:
        return _accepted(publishing.publish(session, principal, run_id), request)


@router.get(
    "/{run_id}/plan",
    operation_id="getRunPlan",
    summary="Get the plan of a run",
    response_model=PlanBody,
    responses=problems.responses("not-found", "plan-missing", "invalid-parameter"),
)
def get_run_plan(
    database: DatabaseDep,
    principal: _Reader,
    run_id: UUID,
    accept_encoding: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Give the plan in the form of `POST /v1/match`: assignments, who goes without and why, prices, shortage.

    It names no places, but distances from which they would follow, so the key needs `requests:read` and
    `volunteers:read` too. How long it took is in the summary of the run.
    """
    _check_may_measure(principal)
    with database.begin(principal) as session:
        packed = runs.get_plan(session, principal, run_id)
    headers = {**_NO_STORE, "vary": "accept-encoding"}
    if "gzip" in accept_encoding:
        return Response(packed, headers={**headers, "content-encoding": "gzip"}, media_type="application/json")
    return Response(gzip.decompress(packed), headers=headers, media_type="application/json")


@router.post(
    "/{run_id}/explain",
    operation_id="explainRun",
    summary="Explain a pair",
    response_model=ExplanationBody,
    responses=problems.responses(
        *_BODY, "not-found", "plan-missing", "overloaded", "solver-crash", "solver-timeout", "solver-memory"
    ),
)
async def explain_run(
    database: DatabaseDep, solvers: SolversDep, principal: _Reader, run_id: UUID, body: ExplainPost
) -> Response:
    """Tell why a volunteer serves a request in the plan, or does not: from what was known then, by the same rules.

    The answer tells distances, so the key needs `requests:read` and `volunteers:read` too.
    """
    _check_may_measure(principal)
    problem, plan = await run_in_threadpool(_kept, database, principal, run_id)
    ticket = solvers.submit(_EXPLAIN, problem, plan, body.request_id, body.volunteer_id)
    try:
        answer = await asyncio.wrap_future(ticket.answer)
    finally:
        if not ticket.answer.done():
            solvers.cancel(ticket)
    return Response(answer, headers=_NO_STORE, media_type="application/json")


def _check_may_measure(principal: Principal) -> None:
    """Refuse whoever may not see both ends of a distance: three distances would tell them."""
    for scope in (Scope.REQUESTS_READ, Scope.VOLUNTEERS_READ):
        check_scope(principal, scope)


def _order(body: RunPost, now: datetime) -> runs.Order:
    start = body.horizon_start or now + _LEAD
    if body.horizon_start is None and body.horizon_end is not None and body.horizon_end <= start:
        start = now
    end = body.horizon_end or start + _HORIZON
    if end <= max(start, now):
        raise InvalidBodyError([Fault("/horizon_end", "empty-interval", _EMPTY)])
    if end - now > _FARTHEST:
        raise InvalidBodyError([Fault("/horizon_end", "beyond-horizon", _BEYOND)])
    return runs.Order(body.region, body.mode, start, end, body.options.model_dump())


_EMPTY: Final = Text(
    en="The horizon must end after its start, and after now.", zh="时间范围的结束必须晚于开始，且晚于当前时间。"
)
_BEYOND: Final = Text(
    en="The horizon may end at most {days} days after now.",
    zh="时间范围的结束不得晚于当前时间之后 {days} 天。",
    values={"days": _FARTHEST.days},
)


def _find(database: Database, principal: Principal, run_id: UUID) -> RunRow:
    with database.begin(principal) as session:
        return runs.get(session, principal, run_id)


def _kept(database: Database, principal: Principal, run_id: UUID) -> tuple[bytes, bytes]:
    with database.begin(principal) as session:
        return runs.get_problem(session, principal, run_id), runs.get_plan(session, principal, run_id)


def _is_over(row: RunRow) -> bool:
    return RunStatus(row.status).is_final and row.stage != PUBLISHING


def _accepted(row: RunRow, request: Request) -> Response:
    """Answer with a run: 202 and when to look again, unless it is over."""
    headers = {"etag": conditional.etag(row.version), "location": f"{router.prefix}/{row.id}", **_NO_STORE}
    if _is_over(row):
        return responses.of(_body(row, request), headers=headers)
    return responses.of(_body(row, request), status=202, headers={**headers, "retry-after": _POLL_S})


def _body(row: RunRow, request: Request) -> Run:
    return Run(
        id=row.id,
        region=row.region,
        mode=RunMode(row.mode),
        status=RunStatus(row.status),
        horizon_start=row.horizon_start,
        horizon_end=row.horizon_end,
        options=OptionsBody.model_validate(row.options),
        progress=None if row.stage is None else ProgressBody(stage=row.stage, fraction=row.fraction),
        problem_hash=row.problem_hash,
        summary=None if row.summary is None else SummaryBody.model_validate(row.summary),
        offers=row.offer_count,
        left_out_count=row.left_out_count,
        left_out=[LeftOutBody(**item) for item in row.left_out],
        problem=None if row.error is None else _problem(row.error, row.id, request),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        published_at=row.published_at,
    )


def _problem(kept: dict[str, str], run_id: UUID, request: Request) -> ErrorBody:
    error = MatcherError(Text(en="{en}", zh="{zh}", values={"en": kept["en"], "zh": kept["zh"]}))
    error.code = kept["code"]
    language = languages.preferred(request.headers.get("accept-language", ""))
    return problems.describe(error, language=language, instance=f"{router.prefix}/{run_id}")
