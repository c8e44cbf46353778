"""``/v1/events``: what happened, in one order, from wherever the reader stopped."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from matcher.api import problems
from matcher.api.access import Allowed
from matcher.api.dependencies import DatabaseDep, StateDep
from matcher.api.pages import LimitQuery
from matcher.domain.access import Principal, Scope
from matcher.domain.events import EventType, SubjectKind
from matcher.storage import events
from matcher.storage.database import Database
from matcher.storage.events import EventRow

__all__ = ["EventBody", "EventsBody", "SubjectBody", "router"]

router = APIRouter(prefix="/v1/events", tags=["events"])

# How often whoever waits is looked after.
_LOOK_S: Final = 0.25


class SubjectBody(BaseModel):
    """What an event is about: volunteers and requests by the caller's ids, all else by ours."""

    kind: SubjectKind
    id: str


class EventBody(BaseModel):
    """Something that happened.

    ``data`` is thin: ids, statuses, counts and codes, never a place. It may come to hold more, and
    new types may come: pass over what you do not know.
    """

    position: Annotated[int, Field(description="Its place in the feed; later events have greater ones.")]
    type: EventType
    subject: SubjectBody
    region: str
    at: datetime
    on_behalf_of: Annotated[
        str | None, Field(description="For whom the step was taken, if not for the client system itself.")
    ]
    data: dict[str, str | int | list[str] | None]


class EventsBody(BaseModel):
    """Some events in their order, and the position to go on from: there is more if ``data`` is full."""

    data: list[EventBody]
    next_after: Annotated[int, Field(description="What to send as `after` next, also when nothing happened.")]


@router.get("", operation_id="listEvents", summary="Read the event feed", responses=problems.responses("overloaded"))
async def list_events(
    response: Response,
    state: StateDep,
    database: DatabaseDep,
    principal: Annotated[Principal, Allowed(Scope.EVENTS_READ)],
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The `next_after` of the answer before.")] = 0,
    limit: LimitQuery = 50,
    types: Annotated[list[EventType] | None, Query(max_length=64, description="Left out: all.")] = None,
    wait_s: Annotated[float, Query(ge=0, le=20, description="Wait so long for an event, if there is none.")] = 0.0,
) -> EventsBody:
    """Tell what happened after a position, in one order that never changes; each event exactly once.

    Keep `next_after` with what you made of the events, and go on from there: then none is lost and
    none is taken twice. The events of one thing come in the order in which they happened.
    """
    response.headers["cache-control"] = "no-store"
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        body = await run_in_threadpool(_read, database, principal, after=after, limit=limit, types=types)
        if body.data or loop.time() >= deadline or state.stopping.is_set():
            return body
        after = body.next_after
        await asyncio.sleep(min(_LOOK_S, max(0.0, deadline - loop.time())))


def _read(
    database: Database, principal: Principal, *, after: int, limit: int, types: list[EventType] | None
) -> EventsBody:
    # Of the system, since positions are for all clients; it tells the caller nothing.
    with database.begin() as session:
        events.order(session)
    with database.begin(principal) as session:
        rows, next_after = events.list_after(
            session,
            client_no=principal.client_no,
            regions=principal.regions,
            position=after,
            types=types,
            limit=limit,
        )
    return EventsBody(data=[_body(row) for row in rows], next_after=next_after)


def _body(row: EventRow) -> EventBody:
    return EventBody(
        position=row.position or 0,
        type=EventType(row.type),
        subject=SubjectBody(kind=SubjectKind(row.subject_kind), id=row.subject_id),
        region=row.region,
        at=row.at,
        on_behalf_of=row.on_behalf_of,
        data=row.data,
    )
