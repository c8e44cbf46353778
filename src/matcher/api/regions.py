"""``/v1/regions``: the tree of provinces, cities, counties and streets."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from matcher.api import conditional, problems
from matcher.api.access import Allowed
from matcher.api.conditional import IfNoneMatch
from matcher.api.pages import PageBody
from matcher.domain import regions
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError
from matcher.domain.regions import EDITION, Region, RegionLevel

__all__ = ["RegionBody", "RegionInTreeBody", "router"]

router = APIRouter(prefix="/v1/regions", tags=["regions"])

# The table changes with a release of the service alone.
_VERSION: Final = int(EDITION.replace("-", ""))
_HEADERS: Final = {"etag": conditional.etag(_VERSION), "cache-control": "private, max-age=86400"}

_Code = Annotated[str, Field(description="2, 4, 6 or 9 digits; it begins with the codes of all regions above.")]


class RegionBody(BaseModel):
    """A region."""

    code: _Code
    name: str
    level: RegionLevel
    parent: Annotated[str | None, Field(description="The code of the region above; null for a province.")]


class RegionInTreeBody(RegionBody):
    """A region and all those above it."""

    ancestors: Annotated[list[RegionBody], Field(description="From the province down.")]


@router.get(
    "",
    operation_id="listRegions",
    summary="List the regions below one",
    response_model=PageBody[RegionBody],
    responses={304: {"description": "The caller has them already."}, **problems.responses("unknown-region")},
)
def list_regions(
    response: Response,
    _: Annotated[Principal, Allowed()],
    parent: Annotated[str | None, Query(max_length=12, description="Left out: the provinces.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response | PageBody[RegionBody]:
    """Which regions lie right below one, by code, all on one page. The table changes with a release alone."""
    below = regions.children(parent)
    if conditional.is_known(if_none_match, _VERSION):
        return Response(status_code=304, headers=_HEADERS)
    response.headers.update(_HEADERS)
    return PageBody(data=[_body(region) for region in below], next_cursor=None)


@router.get(
    "/{code}",
    operation_id="getRegion",
    summary="Get a region",
    response_model=RegionInTreeBody,
    responses={304: {"description": "The caller has it already."}, **problems.responses("not-found")},
)
def get_region(
    response: Response,
    _: Annotated[Principal, Allowed()],
    code: Annotated[str, Path(max_length=12)],
    if_none_match: IfNoneMatch = None,
) -> Response | RegionInTreeBody:
    """How a region is called and which lie above it, whether or not the key holds for it: the table is public."""
    region = regions.find(code)
    if region is None:
        raise NotFoundError(regions.unknown(code))
    if conditional.is_known(if_none_match, _VERSION):
        return Response(status_code=304, headers=_HEADERS)
    response.headers.update(_HEADERS)
    return RegionInTreeBody(
        **_body(region).model_dump(), ancestors=[_body(above) for above in regions.ancestors(region.code)]
    )


def _body(region: Region) -> RegionBody:
    return RegionBody(code=region.code, name=region.name, level=region.level, parent=region.parent)
