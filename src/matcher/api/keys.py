"""``/v1/keys``: the keys of the caller's own client system."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from matcher.api import conditional, pages, problems
from matcher.api.access import Allowed
from matcher.api.conditional import IfNoneMatch
from matcher.api.dependencies import DatabaseDep, NowDep, StateDep
from matcher.api.fields import TEXT_PATTERN, Body, Instant
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.problems import InvalidBodyError
from matcher.api.strict import StrictRoute
from matcher.domain import regions
from matcher.domain.access import EVERYWHERE, Principal, Scope
from matcher.domain.errors import Fault, Text
from matcher.domain.keys import Grant, KeyStatus
from matcher.services import keys
from matcher.services.keys import NewKey
from matcher.storage.keys import KeyRow

__all__ = ["Key", "KeyCreateBody", "KeyRotateBody", "NewKeyBody", "router"]

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=StrictRoute)

_ALL_REGIONS: Final = "*"
_DAY_MIN: Final = 1_440

_Manager = Annotated[Principal, Allowed(Scope.KEYS_MANAGE)]
_Scopes = Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=len(Scope))]
_Regions = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^(\*|\d{2}|\d{4}|\d{6}|\d{9})$")]],
    Field(min_length=1, max_length=100, description='Codes, each with all below it. `["*"]` is everywhere.'),
]
_Label = Annotated[str, StringConstraints(max_length=100, pattern=rf"^$|{TEXT_PATTERN}")]


class KeyCreateBody(Body):
    """A key to be made. It can grant no scope and no region that the calling key does not have."""

    label: Annotated[_Label, Field(description="For people to tell keys apart; no secret, no person's name.")] = ""
    scopes: _Scopes
    regions: _Regions
    expires_at: Instant | None = None


class KeyRotateBody(Body):
    """How long the old key lives on, so that callers can change over."""

    overlap_min: Annotated[int, Field(ge=0, le=30 * _DAY_MIN)] = _DAY_MIN


class Key(BaseModel):
    """A key, without its secret."""

    id: UUID
    hint: Annotated[str, Field(description="How the secret begins.")]
    label: str
    status: KeyStatus
    scopes: list[Scope]
    regions: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="Within ten minutes.")]
    created_at: datetime
    updated_at: datetime


class NewKeyBody(Key):
    """A key with its secret, which is shown here and never again."""

    secret: Annotated[str, Field(examples=["mk_live_…"])]


@router.post(
    "",
    operation_id="createKey",
    summary="Create a key",
    status_code=201,
    responses={
        201: {"headers": {name: {"schema": {"type": "string"}} for name in ("Location", "ETag")}},
        **problems.responses("malformed-json", "grant-exceeded", "too-large", "unsupported-media-type", "invalid-body"),
    },
)
def create_key(
    response: Response, database: DatabaseDep, principal: _Manager, now: NowDep, body: KeyCreateBody
) -> NewKeyBody:
    """Make a key and show its secret this once. `Idempotency-Key` has no effect: an answer kept is a key kept."""
    grants = _read_regions(body.regions)
    if body.expires_at is not None and body.expires_at <= now:
        raise InvalidBodyError([Fault("/expires_at", "past", _PAST)])
    with database.begin(principal) as session:
        grant = Grant(frozenset(body.scopes), grants, body.label, body.expires_at)
        return _present(response, keys.create(session, principal, grant), now)


@router.get("", operation_id="listKeys", summary="List keys", responses=problems.responses("invalid-cursor"))
def list_keys(
    database: DatabaseDep, principal: _Manager, now: NowDep, limit: LimitQuery = 50, cursor: CursorQuery = None
) -> PageBody[Key]:
    """Keys of the own client system that hold for no more than the caller's regions, the oldest first."""
    with database.begin(principal) as session:
        page = keys.list_page(session, principal, cursor=pages.read_cursor(cursor), limit=limit)
        return PageBody(data=[_key(row, now) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/{key_id}",
    operation_id="getKey",
    summary="Get a key",
    response_model=Key,
    responses={
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def get_key(
    response: Response,
    database: DatabaseDep,
    principal: _Manager,
    now: NowDep,
    key_id: UUID,
    if_none_match: IfNoneMatch = None,
) -> Response | Key:
    """Show a key, without its secret."""
    with database.begin(principal) as session:
        row = keys.get(session, principal, key_id)
        if conditional.is_known(if_none_match, row.version):
            return conditional.not_modified(row.version)
        response.headers["etag"] = conditional.etag(row.version)
        return _key(row, now)


@router.post(
    "/{key_id}/rotate",
    operation_id="rotateKey",
    summary="Rotate a key",
    status_code=201,
    responses={
        201: {"headers": {name: {"schema": {"type": "string"}} for name in ("Location", "ETag")}},
        **problems.responses(
            "malformed-json",
            "grant-exceeded",
            "not-found",
            "key-rotated",
            "too-large",
            "unsupported-media-type",
            "invalid-body",
            "invalid-parameter",
        ),
    },
)
def rotate_key(
    response: Response,
    database: DatabaseDep,
    principal: _Manager,
    now: NowDep,
    key_id: UUID,
    body: KeyRotateBody | None = None,
) -> NewKeyBody:
    """Make a new key with the same scopes and regions, shown this once; the old one lives on for `overlap_min`."""
    overlap = timedelta(minutes=(body or KeyRotateBody()).overlap_min)
    with database.begin(principal) as session:
        return _present(response, keys.rotate(session, principal, key_id, overlap=overlap, now=now), now)


@router.post(
    "/{key_id}/revoke",
    operation_id="revokeKey",
    summary="Revoke a key",
    responses=problems.responses("not-found", "invalid-parameter"),
)
def revoke_key(
    response: Response, state: StateDep, database: DatabaseDep, principal: _Manager, now: NowDep, key_id: UUID
) -> Key:
    """End a key and its tokens at once, everywhere within five seconds. Repeating it is no error."""
    with database.begin(principal) as session:
        row = keys.revoke(session, principal, key_id, now=now)
        response.headers["etag"] = conditional.etag(row.version)
        answer = _key(row, now)
    state.callers.forget(row.no)
    return answer


_PAST: Final = Text(en="Expected an instant to come.", zh="应为将来的时间。")


def _read_regions(codes: list[str]) -> tuple[str, ...]:
    """Return the grants without those that others hold already."""
    if _ALL_REGIONS in codes:
        return EVERYWHERE
    faults = [
        Fault(f"/regions/{place}", "unknown-region", regions.unknown(code))
        for place, code in enumerate(codes)
        if not regions.exists(code)
    ]
    if faults:
        raise InvalidBodyError(faults)
    return tuple(code for code in set(codes) if not any(code != other and code.startswith(other) for other in codes))


def _present(response: Response, new: NewKey, now: datetime) -> NewKeyBody:
    response.headers["location"] = f"/v1/keys/{new.row.id}"
    response.headers["etag"] = conditional.etag(new.row.version)
    return NewKeyBody(**_key(new.row, now).model_dump(), secret=new.secret)


def _key(row: KeyRow, now: datetime) -> Key:
    return Key(
        id=row.id,
        hint=row.hint,
        label=row.label,
        status=keys.status(row, now=now),
        scopes=[Scope(scope) for scope in row.scopes],
        regions=[region or _ALL_REGIONS for region in row.regions],
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
