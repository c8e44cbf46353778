"""``/v1/volunteers``: pushed by client systems, paused, and looked up."""

from functools import partial
from typing import Annotated, Final

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
    responses,
    volunteer_body,
)
from matcher.api.access import Allowed
from matcher.api.conditional import IfMatch, IfNoneMatch
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.fields import Body
from matcher.api.idempotency import CallDep
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.problem_body import AvailabilityBody
from matcher.api.pushes import MOST_ITEMS, AcceptLanguage, BatchResults, CrsQuery, IdPath
from matcher.api.queries import NearDep, RegionQuery, SkillQuery, UpdatedSinceQuery
from matcher.api.strict import StrictRoute
from matcher.api.volunteer_body import Volunteer, VolunteerItem, VolunteerPut
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import MatcherError
from matcher.domain.geo import Crs
from matcher.services import volunteers
from matcher.services.upserts import Effect
from matcher.storage.volunteers import VolunteerFilter, VolunteerRow

__all__ = ["VolunteerBatch", "router"]

router = APIRouter(prefix="/v1/volunteers", tags=["volunteers"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed(Scope.VOLUNTEERS_READ)]
_Writer = Annotated[Principal, Allowed(Scope.VOLUNTEERS_WRITE)]

_ETAG: Final = {"ETag": {"schema": {"type": "string"}}}
_NEXT: Final = pushes.links("getVolunteer", "pauseVolunteer", "resumeVolunteer", "putAvailability")
_BODY: Final = ("malformed-json", "too-large", "unsupported-media-type", "invalid-body", "invalid-parameter")


class VolunteerBatch(Body):
    """Volunteers to be created or replaced, each by itself: what is wrong with one keeps no other from it."""

    volunteers: Annotated[list[SkipValidation[VolunteerItem]], Field(min_length=1, max_length=MOST_ITEMS)]


@router.put(
    "/{external_id}",
    operation_id="putVolunteer",
    summary="Create or replace a volunteer",
    response_model=Volunteer,
    responses={
        200: {"description": "There before: replaced, or the same already.", "headers": _ETAG, "links": _NEXT},
        201: {"model": Volunteer, "description": "New.", "headers": _ETAG, "links": _NEXT},
        **problems.responses(*_BODY, "not-found", "if-match-missing", "stale", "region-outside-grant", "unknown-skill"),
    },
)
def put_volunteer(
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    external_id: IdPath,
    body: Annotated[VolunteerPut, FromBody(openapi_examples=people_examples.VOLUNTEERS)],
    crs: CrsQuery = None,
    if_match: IfMatch = None,
) -> Response:
    """Push a volunteer. The same content again changes nothing; other content needs `If-Match`.

    An id that is in use outside the key's regions is answered with 404.
    """
    system = pushes.crs_of(crs, principal)
    content = volunteer_body.put_content(body, external_id, system)
    with database.begin(principal) as session:
        versions = conditional.versions(if_match)
        [result] = volunteers.upsert_many(session, principal, [content], now, versions=versions)
        status = pushes.settle(result, if_match)
        if result.effect is Effect.CREATED:
            return _answer(volunteers.as_created(content, now=now), system, status=status)
        return _answer(volunteers.get(session, principal, external_id), system, status=status)


@router.post(
    "/batch",
    operation_id="batchVolunteers",
    summary="Create or replace many volunteers",
    status_code=207,
    response_model=BatchResults,
    responses=problems.responses(*_BODY, "idempotency-key-in-use", "idempotency-key-reused"),
)
def batch_volunteers(
    request: Request,
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    call: CallDep,
    body: Annotated[VolunteerBatch, FromBody(openapi_examples=people_examples.VOLUNTEER_BATCHES)],
    crs: CrsQuery = None,
    accept_language: AcceptLanguage = "",
) -> Response:
    """Push up to 1,000 volunteers, and hear for each, in order, what came of it. No `If-Match`: the last one counts."""
    system = pushes.crs_of(crs, principal)
    contents = pushes.read(body.volunteers, VolunteerItem, partial(volunteer_body.to_content, crs=system))
    readable = [content for content in contents if not isinstance(content, MatcherError)]
    with database.begin(principal) as session:

        def push() -> Response:
            results = volunteers.upsert_many(session, principal, readable, now)
            return pushes.respond(
                body.volunteers,
                contents,
                results,
                language=languages.preferred(accept_language),
                instance=request.url.path,
            )

        return idempotency.once(session, principal, call, push)


@router.get(
    "",
    operation_id="listVolunteers",
    summary="List volunteers",
    response_model=PageBody[Volunteer],
    responses=problems.responses("invalid-cursor", "invalid-parameter", "unknown-region"),
)
def list_volunteers(
    database: DatabaseDep,
    principal: _Reader,
    near: NearDep,
    region: RegionQuery = None,
    skill: SkillQuery = None,
    paused: Annotated[bool | None, Query(description="Only those who are, or are not, paused.")] = None,
    updated_since: UpdatedSinceQuery = None,
    crs: CrsQuery = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> Response:
    """List volunteers within the key's regions, by region and id."""
    queries.check_region(region)
    system = pushes.crs_of(crs, principal)
    wanted = VolunteerFilter(region, skill, paused, updated_since, near.read(system))
    with database.look(principal) as session:
        page = volunteers.list_page(session, principal, wanted, cursor=pages.read_cursor(cursor), limit=limit)
        data = [volunteer_body.present(row, system) for row in page.rows]
        return responses.of({"data": data, "next_cursor": page.next_cursor})


@router.get(
    "/{external_id}",
    operation_id="getVolunteer",
    summary="Get a volunteer",
    response_model=Volunteer,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def get_volunteer(
    database: DatabaseDep,
    principal: _Reader,
    external_id: IdPath,
    crs: CrsQuery = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show a volunteer, place included, to a key of the client system that pushed them."""
    with database.look(principal) as session:
        row = volunteers.show(session, principal, external_id)
        if conditional.is_known(if_none_match, row.version):
            return conditional.not_modified(row.version)
        return _answer(row, pushes.crs_of(crs, principal))


@router.post(
    "/{external_id}/pause",
    operation_id="pauseVolunteer",
    summary="Pause a volunteer",
    response_model=Volunteer,
    responses={200: {"headers": _ETAG}, **problems.responses("not-found", "invalid-parameter")},
)
def pause_volunteer(
    database: DatabaseDep, principal: _Writer, now: NowDep, external_id: IdPath, crs: CrsQuery = None
) -> Response:
    """Make no new offers to a volunteer for now. Repeating it is no error.

    Offers without an answer are withdrawn, so that somebody else is asked; promises hold. A push
    with `paused: true` does not withdraw any.
    """
    with database.begin(principal) as session:
        row = volunteers.pause(session, principal, external_id, now=now)
        return _answer(row, pushes.crs_of(crs, principal))


@router.post(
    "/{external_id}/resume",
    operation_id="resumeVolunteer",
    summary="Resume a volunteer",
    response_model=Volunteer,
    responses={200: {"headers": _ETAG}, **problems.responses("not-found", "invalid-parameter")},
)
def resume_volunteer(
    database: DatabaseDep, principal: _Writer, now: NowDep, external_id: IdPath, crs: CrsQuery = None
) -> Response:
    """Make offers to a volunteer again. Repeating it is no error."""
    with database.begin(principal) as session:
        row = volunteers.resume(session, principal, external_id, now=now)
        return _answer(row, pushes.crs_of(crs, principal))


@router.put(
    "/{external_id}/availability",
    operation_id="putAvailability",
    summary="Replace a volunteer's availability",
    response_model=Volunteer,
    responses={
        200: {"headers": _ETAG},
        **problems.responses(*_BODY, "not-found", "if-match-missing", "stale"),
    },
)
def put_availability(
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    external_id: IdPath,
    body: AvailabilityBody,
    crs: CrsQuery = None,
    if_match: IfMatch = None,
) -> Response:
    """Say anew when a volunteer has time, and leave the rest as it is. Needs the volunteer's ETag as `If-Match`."""
    availability = volunteer_body.to_availability(body)
    with database.begin(principal) as session:
        row = volunteers.get_for_update(session, principal, external_id)
        conditional.check(if_match, row.version)
        volunteers.set_availability(session, principal, row, availability, now=now)
        return _answer(row, pushes.crs_of(crs, principal))


def _answer(row: VolunteerRow, crs: Crs, *, status: int = 200) -> Response:
    headers = {"etag": conditional.etag(row.version), "cache-control": "no-store"}
    return responses.of(volunteer_body.present(row, crs), status=status, headers=headers)
