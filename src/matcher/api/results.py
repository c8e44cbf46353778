"""The stateless door: ``POST /v1/match``, and the results it leaves for whoever asks for them later."""

import asyncio
import json
from concurrent.futures import Future
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from matcher.api import examples, languages, problems, reading, uploads
from matcher.api.access import MatchAllowed
from matcher.api.dependencies import NowDep, ResultsDep, SettingsDep, SolversDep, StateDep
from matcher.api.problems import ErrorBody
from matcher.domain.errors import Language, MatcherError
from matcher.services.plan_body import PlanBody
from matcher.services.results import Result
from matcher.services.solving import Solvers, Ticket

__all__ = ["ResultBody", "ResultStatus", "router"]

# As long as it does not keep anybody waiting, a body is read at once, so that its faults are told at once.
_READ_AT_ONCE_BYTES: Final = 128 * 1024
_ANSWER: Final = "matcher.api.answer:answer"
_POLL_S: Final = "1"
_CLIENT_CLOSED: Final = 499

router = APIRouter(prefix="/v1", tags=["match"], dependencies=[MatchAllowed])

_ResultId = Annotated[str, Path(description="As the Location of the 202 gave it.")]


class ResultStatus(StrEnum):
    """How far a result is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ProgressBody(BaseModel):
    """The stage of the solver, and the part of it that is done."""

    stage: str
    fraction: Annotated[float, Field(ge=0, le=1)]


class ResultBody(BaseModel):
    """A plan to come, or come: ``plan`` once it is done, ``problem`` if it failed."""

    id: str
    status: ResultStatus
    progress: ProgressBody | None
    created_at: datetime
    expires_at: Annotated[datetime | None, Field(description="Null until the result is there.")]
    plan: PlanBody | None
    problem: ErrorBody | None


_MATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": PlanBody, "description": "The plan.", "content": {"application/json": {"examples": examples.PLANS}}},
    202: {
        "model": ResultBody,
        "description": "Taken on; asked for with `Prefer: respond-async`.",
        "headers": {
            "Location": {"description": "Where the result is.", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds to wait before asking.", "schema": {"type": "integer"}},
            "Preference-Applied": {"schema": {"type": "string"}},
        },
        "links": {
            name: {"operationId": operation, "parameters": {"result_id": "$response.body#/id"}}
            for name, operation in (("fetch", "getMatchResult"), ("giveUp", "deleteMatchResult"))
        },
    },
    **problems.responses(
        "malformed-json",
        "too-large",
        "unsupported-media-type",
        "invalid-problem",
        "calendar-range",
        "solver-crash",
        "overloaded",
        "solver-timeout",
        "solver-memory",
    ),
}


@router.post(
    "/match",
    operation_id="matchProblem",
    summary="Match requests with volunteers",
    responses=_MATCH_RESPONSES,
    response_class=Response,
    openapi_extra={
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "description": "`respond-async` asks for a 202 and a result to fetch later (RFC 7240).",
                "schema": {"type": "string"},
                "examples": {"later": {"value": "respond-async"}},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/ProblemBody"},
                    "examples": examples.PROBLEMS,
                }
            },
        },
    },
)
async def match_problem(
    request: Request, settings: SettingsDep, solvers: SolversDep, results: ResultsDep, now: NowDep
) -> Response:
    """Who helps whom, when, and why the others go without; nothing is stored.

    The answer names assignments with their start and cost, every request that stays open with the
    reasons counted over all volunteers, and how far the plan is from the best that is possible. An
    empty or hopeless problem is answered, not refused. With `Prefer: respond-async` the answer is a
    202 at once, and the plan waits at its `Location` for an hour, in the memory of the process that
    made it: until results are stored, ask that same process.
    """
    # Nobody should send 64 MiB to hear that there is no room.
    solvers.check_room()
    body = await uploads.receive(request, most_bytes=settings.max_body_bytes)
    caps = reading.Caps(
        settings.max_requests, settings.max_volunteers, settings.max_pairs, settings.solver_time_limit_s
    )
    if len(body) <= _READ_AT_ONCE_BYTES:
        await run_in_threadpool(reading.read, body, now=now, caps=caps)
    if not _prefers_async(request):
        ticket = solvers.submit(_ANSWER, body, now, caps)
        return await _respond_when_done(request, solvers, ticket)
    results.make_room(now=now)
    result = results.add(solvers.submit(_ANSWER, body, now, caps), now=now)
    return Response(
        content=_result_json(result, languages.preferred(request.headers.get("accept-language", ""))),
        status_code=202,
        media_type="application/json",
        headers={
            "location": f"/v1/match/results/{result.id}",
            "retry-after": _POLL_S,
            "preference-applied": "respond-async",
        },
    )


@router.get(
    "/match/results/{result_id}",
    operation_id="getMatchResult",
    summary="Fetch a result",
    responses={
        200: {"model": ResultBody, "description": "How far the result is; the plan once it is done."},
        **problems.responses("not-found", "invalid-parameter"),
    },
    response_class=Response,
)
async def get_result(
    request: Request,
    state: StateDep,
    results: ResultsDep,
    now: NowDep,
    result_id: _ResultId,
    wait_s: Annotated[float, Query(ge=0, le=20, description="Wait so long for the end before answering.")] = 0.0,
) -> Response:
    """How far a result is, and the plan once it is there; a failed one holds the problem that ended it."""
    result = results.get(result_id, now=now)
    if wait_s > 0:
        await _wait(_end_of(result.ticket.answer), state.stopping.wait(), timeout_s=wait_s)
        # It may have been given up meanwhile.
        result = results.get(result_id, now=now)
    return Response(
        content=_result_json(result, languages.preferred(request.headers.get("accept-language", ""))),
        media_type="application/json",
        headers={} if result.ticket.answer.done() else {"retry-after": _POLL_S},
    )


@router.delete(
    "/match/results/{result_id}",
    operation_id="deleteMatchResult",
    summary="Give a result up",
    status_code=204,
    responses=problems.responses("not-found", "invalid-parameter"),
)
async def delete_result(solvers: SolversDep, results: ResultsDep, now: NowDep, result_id: _ResultId) -> None:
    """Forget a result; its solver is ended if it still runs."""
    solvers.cancel(results.remove(result_id, now=now).ticket)


def _prefers_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


async def _respond_when_done(request: Request, solvers: Solvers, ticket: Ticket) -> Response:
    try:
        await _wait(_end_of(ticket.answer), _end_of_connection(request))
    finally:
        if not ticket.answer.done():
            solvers.cancel(ticket)
    if not ticket.answer.done() or ticket.is_cancelled:
        return Response(status_code=_CLIENT_CLOSED)
    return Response(content=ticket.answer.result(), media_type="application/json")


async def _wait(*ends: Any, timeout_s: float | None = None) -> None:
    """Wait until one of several things has ended, and leave the others alone."""
    tasks = [asyncio.ensure_future(end) for end in ends]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _end_of(answer: "Future[bytes]") -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    answer.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
    await done.wait()


async def _end_of_connection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _result_json(result: Result, language: Language) -> bytes:
    """Return a result as JSON; the plan is put in as the bytes that it came in."""
    answer = result.ticket.answer
    plan: bytes = b"null"
    problem = None
    if not answer.done():
        status = ResultStatus.QUEUED if result.ticket.child is None else ResultStatus.RUNNING
    elif isinstance(error := answer.exception(), MatcherError):
        status = ResultStatus.FAILED
        problem = problems.describe(error, language=language, instance=f"/v1/match/results/{result.id}").model_dump()
    else:
        status, plan = ResultStatus.DONE, answer.result()
    progress = result.ticket.progress
    head = {
        "id": result.id,
        "status": status,
        "progress": progress and {"stage": progress.stage, "fraction": progress.fraction},
        "created_at": result.created_at.isoformat(),
        "expires_at": result.expires_at and result.expires_at.isoformat(),
        "problem": problem,
    }
    return json.dumps(head, ensure_ascii=False).encode()[:-1] + b', "plan": ' + plan + b"}"
