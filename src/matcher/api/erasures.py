"""``/v1/erasures``, and ``DELETE`` of volunteers and requests: a person disappears from everything that is kept."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi import Body as FromBody
from pydantic import BaseModel, Field, StringConstraints

from matcher.api import conditional, idempotency, pages, problems, responses
from matcher.api.access import Allowed
from matcher.api.conditional import IfNoneMatch
from matcher.api.dependencies import DatabaseDep
from matcher.api.fields import TEXT_PATTERN, Body
from matcher.api.idempotency import CallDep
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.pushes import IdPath
from matcher.api.strict import StrictRoute
from matcher.domain.access import Principal, Scope
from matcher.domain.erasures import ErasureKind, ErasureStatus
from matcher.services import erasures
from matcher.storage.database import Database
from matcher.storage.erasures import ErasureRow

__all__ = ["Erasure", "ErasureCreateBody", "router"]

router = APIRouter(prefix="/v1", tags=["erasures"], route_class=StrictRoute)

_Eraser = Annotated[Principal, Allowed(Scope.ERASURES_WRITE)]
_POLL_S: Final = "5"
_EXAMPLES: Final[dict[str, Any]] = {
    "zh": {"summary": "删除一名志愿者", "value": {"kind": "volunteer", "id": "v-1024"}},
    "en": {"summary": "Erase everything of somebody who asked for help", "value": {"kind": "requester", "id": "p-7"}},
}
_ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "headers": {name: {"schema": {"type": "string"}} for name in ("Location", "ETag", "Retry-After")},
        "description": "Taken on; `Location` says how far it is.",
    }
}


class ErasureCreateBody(Body):
    """Who is to be erased; a requester by the name that the client system gave as `requester`."""

    kind: Annotated[ErasureKind, Field(strict=False)]
    id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TEXT_PATTERN)]


class Erasure(BaseModel):
    """An erasure, and what it found; it does not say whose it was.

    `erased_at` is when the person's own data went. Until `finished` what names them is still being
    erased, and whoever is pushed again is erased again.
    """

    id: UUID
    kind: ErasureKind
    status: ErasureStatus
    receipt: Annotated[dict[str, int], Field(description="How many things were deleted, unlinked or blanked.")]
    created_at: datetime
    erased_at: datetime | None
    finished_at: datetime | None


@router.delete(
    "/volunteers/{external_id}",
    operation_id="deleteVolunteer",
    summary="Erase a volunteer",
    status_code=202,
    response_model=Erasure,
    responses={**_ACCEPTED, **problems.responses("not-found", "invalid-parameter")},
)
def delete_volunteer(database: DatabaseDep, principal: _Eraser, external_id: IdPath) -> Response:
    """Erase a volunteer everywhere. What they were offered is withdrawn; minutes served stay as nobody's."""
    return _erase(database, principal, ErasureKind.VOLUNTEER, external_id)


@router.delete(
    "/requests/{external_id}",
    operation_id="deleteRequest",
    summary="Erase a request",
    status_code=202,
    response_model=Erasure,
    responses={**_ACCEPTED, **problems.responses("not-found", "invalid-parameter")},
)
def delete_request(database: DatabaseDep, principal: _Eraser, external_id: IdPath) -> Response:
    """Erase a request everywhere. If somebody was asked for it, the bare fact stays, for their records."""
    return _erase(database, principal, ErasureKind.REQUEST, external_id)


@router.post(
    "/erasures",
    operation_id="createErasure",
    summary="Erase a person",
    status_code=202,
    response_model=Erasure,
    responses={
        **_ACCEPTED,
        **problems.responses(
            "malformed-json",
            "not-found",
            "too-large",
            "unsupported-media-type",
            "invalid-body",
            "idempotency-key-in-use",
            "idempotency-key-reused",
        ),
    },
)
def create_erasure(
    database: DatabaseDep,
    principal: _Eraser,
    call: CallDep,
    body: Annotated[ErasureCreateBody, FromBody(openapi_examples=_EXAMPLES)],
) -> Response:
    """Erase a volunteer, a request, or all requests of a requester within the key's regions.

    Asked for again before it has finished, it is the same erasure.
    """
    with database.begin(principal) as session:
        return idempotency.once(
            session,
            principal,
            call,
            lambda: _accept(erasures.request(session, principal, body.kind, body.id)),
        )


@router.get(
    "/erasures", operation_id="listErasures", summary="List erasures", responses=problems.responses("invalid-cursor")
)
def list_erasures(
    database: DatabaseDep, principal: _Eraser, limit: LimitQuery = 50, cursor: CursorQuery = None
) -> PageBody[Erasure]:
    """List erasures within the key's regions, the oldest first."""
    with database.begin(principal) as session:
        page = erasures.list_page(session, principal, cursor=pages.read_cursor(cursor), limit=limit)
        return PageBody(data=[_body(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/erasures/{erasure_id}",
    operation_id="getErasure",
    summary="Get an erasure",
    response_model=Erasure,
    responses={
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def get_erasure(
    database: DatabaseDep, principal: _Eraser, erasure_id: UUID, if_none_match: IfNoneMatch = None
) -> Response:
    """How far an erasure is, and its receipt."""
    with database.begin(principal) as session:
        row = erasures.get(session, principal, erasure_id)
        if conditional.is_known(if_none_match, row.version):
            return conditional.not_modified(row.version)
        return responses.of(_body(row), headers=_headers(row))


def _erase(database: Database, principal: Principal, kind: ErasureKind, subject: str) -> Response:
    with database.begin(principal) as session:
        return _accept(erasures.request(session, principal, kind, subject))


def _accept(row: ErasureRow) -> Response:
    location = {"location": f"/v1/erasures/{row.id}", "retry-after": _POLL_S}
    return responses.of(_body(row), status=202, headers=_headers(row) | location)


def _headers(row: ErasureRow) -> dict[str, str]:
    return {"etag": conditional.etag(row.version), "cache-control": "no-store"}


def _body(row: ErasureRow) -> Erasure:
    return Erasure(
        id=row.id,
        kind=ErasureKind(row.kind),
        status=ErasureStatus(row.status),
        receipt=row.receipt,
        created_at=row.created_at,
        erased_at=row.erased_at,
        finished_at=row.finished_at,
    )
