"""``/v1/requests``: pushed by client systems, verified, looked up, and closed with a reason."""

from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Body as FromBody
from pydantic import Field, SkipValidation

from matcher.api import (
    conditional,
    idempotency,
    languages,
    pages,
    people_examples,
    problems,
    pushes,
    queries,
    request_body,
    responses,
)
from matcher.api.access import Allowed
from matcher.api.conditional import IfMatch, IfNoneMatch
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.fields import Body, Instant
from matcher.api.idempotency import CallDep
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.pushes import MOST_ITEMS, AcceptLanguage, BatchResults, CrsQuery, IdPath
from matcher.api.queries import NearDep, RegionQuery, SkillQuery, UpdatedSinceQuery
from matcher.api.request_body import HelpRequest, RequestItem, RequestPut
from matcher.api.strict import StrictRoute
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import MatcherError
from matcher.domain.geo import Crs
from matcher.domain.requests import CloseReason, RequestStatus
from matcher.services import requests
from matcher.storage.requests import RequestFilter, RequestRow

__all__ = ["CancelBody", "RequestBatch", "router"]

router = APIRouter(prefix="/v1/requests", tags=["requests"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed(Scope.REQUESTS_READ)]
_Writer = Annotated[Principal, Allowed(Scope.REQUESTS_WRITE)]

_ETAG: Final = {"ETag": {"schema": {"type": "string"}}}
_NEXT: Final = pushes.links("getRequest", "verifyRequest", "cancelRequest")
_BODY: Final = ("malformed-json", "too-large", "unsupported-media-type", "invalid-body", "invalid-parameter")


class CancelBody(Body):
    """Why a request is closed."""

    reason: Annotated[
        Literal["irrelevant", "cancelled", "duplicate"],
        Field(description="`irrelevant`: help is not needed any more; `duplicate`: it came twice."),
    ]


class RequestBatch(Body):
    """Requests to be created or replaced, each by itself: what is wrong with one keeps no other from it."""

    requests: Annotated[list[SkipValidation[RequestItem]], Field(min_length=1, max_length=MOST_ITEMS)]


@router.put(
    "/{external_id}",
    operation_id="putRequest",
    summary="Create or replace a request",
    response_model=HelpRequest,
    responses={
        200: {"description": "There before: replaced, or the same already.", "headers": _ETAG, "links": _NEXT},
        201: {"model": HelpRequest, "description": "New.", "headers": _ETAG, "links": _NEXT},
        **problems.responses(
            *_BODY,
            "not-found",
            "if-match-missing",
            "stale",
            "region-outside-grant",
            "unknown-skill",
            "request-closed",
            "places-taken",
            "time-promised",
        ),
    },
)
def put_request(
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    external_id: IdPath,
    body: Annotated[RequestPut, FromBody(openapi_examples=people_examples.REQUESTS)],
    crs: CrsQuery = None,
    if_match: IfMatch = None,
) -> Response:
    """Push a request. The same content again changes nothing; other content needs `If-Match`.

    What somebody has promised to serve keeps the places that are taken and the times that are
    promised; offers without an answer that do not fit any more are withdrawn. An id that is in use
    outside the key's regions is answered with 404.
    """
    system = pushes.crs_of(crs, principal)
    content = request_body.put_content(body, external_id, system)
    with database.begin(principal) as session:
        versions = conditional.versions(if_match)
        [result] = requests.upsert_many(session, principal, [content], now, versions=versions)
        status = pushes.settle(result, if_match)
        return _answer(requests.get(session, principal, external_id), system, status=status)


@router.post(
    "/batch",
    operation_id="batchRequests",
    summary="Create or replace many requests",
    status_code=207,
    response_model=BatchResults,
    responses=problems.responses(*_BODY, "idempotency-key-in-use", "idempotency-key-reused"),
)
def batch_requests(
    request: Request,
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    call: CallDep,
    body: Annotated[RequestBatch, FromBody(openapi_examples=people_examples.REQUEST_BATCHES)],
    crs: CrsQuery = None,
    accept_language: AcceptLanguage = "",
) -> Response:
    """Push up to 1,000 requests, and hear for each, in order, what came of it. No `If-Match`: the last one counts."""
    system = pushes.crs_of(crs, principal)
    contents = pushes.read(body.requests, RequestItem, partial(request_body.to_content, crs=system))
    readable = [content for content in contents if not isinstance(content, MatcherError)]
    with database.begin(principal) as session:

        def push() -> Response:
            results = requests.upsert_many(session, principal, readable, now)
            return pushes.respond(
                body.requests,
                contents,
                results,
                language=languages.preferred(accept_language),
                instance=request.url.path,
            )

        return idempotency.once(session, principal, call, push)


@router.get(
    "",
    operation_id="listRequests",
    summary="List requests",
    response_model=PageBody[HelpRequest],
    responses=problems.responses("invalid-cursor", "invalid-parameter", "unknown-region"),
)
def list_requests(
    database: DatabaseDep,
    principal: _Reader,
    near: NearDep,
    region: RegionQuery = None,
    status: Annotated[RequestStatus | None, Query()] = None,
    skill: SkillQuery = None,
    window_start: Annotated[
        Instant | None, Query(description="With a window that reaches past this instant, or without any.")
    ] = None,
    window_end: Annotated[
        Instant | None, Query(description="With a window that begins before this instant, or without any.")
    ] = None,
    updated_since: UpdatedSinceQuery = None,
    crs: CrsQuery = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> Response:
    """List requests within the key's regions, by region and id."""
    queries.check_region(region)
    system = pushes.crs_of(crs, principal)
    wanted = RequestFilter(
        region=region,
        status=status,
        skill=skill,
        window_start=window_start,
        window_end=window_end,
        updated_since=updated_since,
        nearby=near.read(system),
    )
    with database.look(principal) as session:
        page = requests.list_page(session, principal, wanted, cursor=pages.read_cursor(cursor), limit=limit)
        data = [request_body.present(row, system) for row in page.rows]
        return responses.of({"data": data, "next_cursor": page.next_cursor})


@router.get(
    "/{external_id}",
    operation_id="getRequest",
    summary="Get a request",
    response_model=HelpRequest,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def get_request(
    database: DatabaseDep,
    principal: _Reader,
    external_id: IdPath,
    crs: CrsQuery = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show a request, place included, to a key of the client system that pushed it."""
    with database.look(principal) as session:
        row = requests.show(session, principal, external_id)
        if conditional.is_known(if_none_match, row.version):
            return conditional.not_modified(row.version)
        return _answer(row, pushes.crs_of(crs, principal))


@router.post(
    "/{external_id}/verify",
    operation_id="verifyRequest",
    summary="Verify a request",
    response_model=HelpRequest,
    responses={200: {"headers": _ETAG}, **problems.responses("not-found", "invalid-parameter")},
)
def verify_request(
    database: DatabaseDep, principal: _Writer, now: NowDep, external_id: IdPath, crs: CrsQuery = None
) -> Response:
    """Say that a request is what it seems to be: from now on it is matched. Repeating it is no error."""
    with database.begin(principal) as session:
        row = requests.verify(session, principal, external_id, now=now)
        return _answer(row, pushes.crs_of(crs, principal))


@router.post(
    "/{external_id}/cancel",
    operation_id="cancelRequest",
    summary="Cancel a request",
    response_model=HelpRequest,
    responses={200: {"headers": _ETAG}, **problems.responses(*_BODY, "not-found", "illegal-transition")},
)
def cancel_request(
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    external_id: IdPath,
    body: CancelBody,
    crs: CrsQuery = None,
) -> Response:
    """Close a request and withdraw the offers that are out for it. Repeating it with the same reason is no error."""
    with database.begin(principal) as session:
        row = requests.cancel(session, principal, external_id, reason=CloseReason(body.reason), now=now)
        return _answer(row, pushes.crs_of(crs, principal))


def _answer(row: RequestRow, crs: Crs, *, status: int = 200) -> Response:
    headers = {"etag": conditional.etag(row.version), "cache-control": "no-store"}
    return responses.of(request_body.present(row, crs), status=status, headers=headers)
