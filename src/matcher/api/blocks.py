"""``/v1/blocks``: who is never brought together."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from matcher.api import pages, problems, responses
from matcher.api.access import Allowed
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.pushes import IdPath
from matcher.api.stored import ID_PATTERN
from matcher.api.strict import StrictRoute
from matcher.domain.access import Principal, Scope
from matcher.services import blocks

__all__ = ["router"]

router = APIRouter(prefix="/v1/blocks", tags=["blocks"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed(Scope.VOLUNTEERS_READ)]
_Writer = Annotated[Principal, Allowed(Scope.VOLUNTEERS_WRITE)]
_Requester = Annotated[
    str, Path(min_length=1, max_length=128, pattern=ID_PATTERN, description="As `requester` of the requests says it.")
]

_NO_STORE: Final = {"cache-control": "no-store"}


class Block(BaseModel):
    """A volunteer and a requester who are kept apart."""

    volunteer_id: str
    requester: Annotated[str, Field(description="The caller's own opaque name of whoever asks for help.")]
    created_at: datetime


@router.put(
    "/{volunteer_id}/{requester}",
    operation_id="putBlock",
    summary="Keep two apart",
    status_code=204,
    response_class=Response,
    responses=problems.responses("not-found", "invalid-parameter", "overloaded"),
)
def put_block(
    database: DatabaseDep, principal: _Writer, now: NowDep, volunteer_id: IdPath, requester: _Requester
) -> Response:
    """Never bring a volunteer and a requester together. What was offered or promised between them is withdrawn."""
    with database.begin(principal) as session:
        blocks.add(session, principal, volunteer_id, requester, now=now)
    return Response(status_code=204)


@router.delete(
    "/{volunteer_id}/{requester}",
    operation_id="deleteBlock",
    summary="Keep two apart no longer",
    status_code=204,
    response_class=Response,
    responses=problems.responses("not-found", "invalid-parameter"),
)
def delete_block(database: DatabaseDep, principal: _Writer, volunteer_id: IdPath, requester: _Requester) -> Response:
    """Let a volunteer and a requester meet again. What was withdrawn stays so."""
    with database.begin(principal) as session:
        blocks.remove(session, principal, volunteer_id, requester)
    return Response(status_code=204)


@router.get(
    "",
    operation_id="listBlocks",
    summary="List who is kept apart",
    response_model=PageBody[Block],
    responses=problems.responses("invalid-cursor", "invalid-parameter"),
)
def list_blocks(
    database: DatabaseDep,
    principal: _Reader,
    volunteer_id: Annotated[str | None, Query(max_length=128)] = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> Response:
    """Pairs whose volunteers live within the key's regions, the oldest first."""
    with database.begin(principal) as session:
        page = blocks.list_page(
            session, principal, volunteer_id=volunteer_id, cursor=pages.read_cursor(cursor), limit=limit
        )
    data = [
        Block(volunteer_id=found.volunteer_id, requester=found.block.requester, created_at=found.block.created_at)
        for found in page.rows
    ]
    return responses.of(PageBody[Block](data=data, next_cursor=page.next_cursor), headers=_NO_STORE)
