"""Filters that several lists share."""

from typing import Annotated

from fastapi import Depends, Query

from matcher.api.fields import Instant
from matcher.api.problems import InvalidParameterError
from matcher.domain import regions
from matcher.domain.errors import Fault, Text
from matcher.domain.geo import Crs, Point
from matcher.storage.nearby import Nearby

__all__ = ["NearDep", "NearQuery", "RegionQuery", "SkillQuery", "UpdatedSinceQuery", "check_region"]

RegionQuery = Annotated[
    str | None, Query(max_length=12, description="A division code: what lies in that region, and all below it.")
]
SkillQuery = Annotated[str | None, Query(max_length=64, description="The code of a skill that is named.")]
UpdatedSinceQuery = Annotated[
    Instant | None,
    Query(description="What changed then or later. To follow changes without a gap, use the event feed."),
]
_Latitude = Annotated[float | None, Query(ge=-90, le=90)]
_Longitude = Annotated[float | None, Query(ge=-180, le=180)]
_Within = Annotated[float | None, Query(gt=0, le=100, description="Kilometres around the point; needed with it.")]


class NearQuery:
    """A point, and how far around it: all three parameters or none."""

    def __init__(
        self, near_latitude: _Latitude = None, near_longitude: _Longitude = None, within_km: _Within = None
    ) -> None:
        self._latitude = near_latitude
        self._longitude = near_longitude
        self._within_km = within_km

    def read(self, crs: Crs) -> Nearby | None:
        """Return what is asked for; the point is in ``crs``.

        Raises
        ------
        InvalidParameterError
            If one of the three is missing.
        """
        if self._latitude is None and self._longitude is None and self._within_km is None:
            return None
        if self._latitude is None or self._longitude is None or self._within_km is None:
            raise InvalidParameterError([Fault("/query", "missing-field", _ALL_THREE)])
        return Nearby(Point.from_crs(self._latitude, self._longitude, crs), self._within_km * 1000)


NearDep = Annotated[NearQuery, Depends()]

_ALL_THREE = Text(
    en="near_latitude, near_longitude and within_km belong together: send all three or none.",
    zh="near_latitude、near_longitude 与 within_km 需同时提供，或都不提供。",
)


def check_region(region: str | None) -> None:
    """Refuse a filter by a region that does not exist.

    Raises
    ------
    UnknownRegionError
        If no region has the code.
    """
    if region is not None:
        regions.get(region)
