"""``/v1/volunteers/{external_id}/opportunities``: what a volunteer could do, with places blurred to cells."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from matcher.api import problems, pushes, responses, stored
from matcher.api.access import Allowed
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.pushes import CrsQuery, IdPath
from matcher.domain.access import Principal, Scope
from matcher.domain.geo import Crs
from matcher.services import opportunities
from matcher.services.cells import Cell

__all__ = ["Opportunities", "Opportunity", "router"]

router = APIRouter(prefix="/v1/volunteers", tags=["volunteers"])

_NO_STORE: Final = {"cache-control": "no-store"}


class CellPlace(BaseModel):
    """The middle of the cell that a request lies in, and how far from there it may lie."""

    cell: Annotated[str, Field(description="The H3 cell of resolution 8.")]
    latitude: float
    longitude: float
    crs: Crs
    radius_m: int


class SkillNeeded(BaseModel):
    """A skill that the service needs, and its least level."""

    code: str
    level: int


class Opportunity(BaseModel):
    """A request of which the volunteer could take a place that is left."""

    request_id: str
    role: int
    region: str
    urgency: int
    open_places: Annotated[int, Field(description="Of this role.")]
    skills: list[SkillNeeded]
    duration_min: int
    starts: Annotated[
        list[datetime],
        Field(description="The first starts that both allow, one service after the other; empty if it has no time."),
    ]
    place: Annotated[CellPlace | None, Field(description="Null if the request has none.")]
    distance_km: Annotated[float | None, Field(description="From home to the middle of the cell.")]
    travel_min: int | None


class Opportunities(BaseModel):
    """What a volunteer could do, the most urgent first, and the best for them among equally urgent."""

    volunteer_id: str
    data: list[Opportunity]
    complete: Annotated[
        bool, Field(description="False where so many had to be looked at that something better may be missing.")
    ]


@router.get(
    "/{external_id}/opportunities",
    operation_id="listOpportunities",
    summary="What a volunteer could do",
    response_model=Opportunities,
    responses=problems.responses("not-found", "invalid-parameter"),
)
def list_opportunities(
    database: DatabaseDep,
    principal: Annotated[Principal, Allowed(Scope.OPPORTUNITIES_READ)],
    now: NowDep,
    external_id: IdPath,
    limit: Annotated[int, Query(ge=1, le=50, description="The most opportunities.")] = 20,
    crs: CrsQuery = None,
) -> Response:
    """List open, verified requests that the volunteer could serve by the rules of matching.

    Who has an offer for a request already, refused it, or is kept apart from the requester does not see it.
    A request counts as in the middle of its cell throughout, so nothing here tells more of its place.
    """
    with database.begin(principal) as session:
        listing = opportunities.list_for(session, principal, external_id, limit=limit, now=now)
    system = pushes.crs_of(crs, principal)
    body = Opportunities(
        volunteer_id=external_id,
        data=[_present(item, system) for item in listing.opportunities],
        complete=listing.is_complete,
    )
    return responses.of(body, headers=_NO_STORE)


def _present(item: opportunities.Opportunity, crs: Crs) -> Opportunity:
    return Opportunity(
        request_id=item.facts.external_id,
        role=item.role,
        region=item.facts.region,
        urgency=item.facts.urgency,
        open_places=item.open_places,
        skills=[SkillNeeded(code=need.code, level=need.level) for need in item.needs.skills],
        duration_min=item.facts.duration_min,
        starts=[start.astimezone(UTC) for start in item.starts],
        place=None if item.cell is None else _place(item.cell, crs),
        distance_km=None if item.distance_m is None else item.distance_m / 1000,
        travel_min=item.travel_min,
    )


def _place(cell: Cell, crs: Crs) -> CellPlace:
    centre = stored.place(cell.centre.latitude, cell.centre.longitude, crs) or {}
    return CellPlace(cell=cell.index, radius_m=cell.radius_m, **centre)
