"""Places near a point as a condition of a query."""

import math
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, literal
from sqlalchemy.orm import InstrumentedAttribute

from matcher.domain.geo import EARTH_RADIUS_M, Point

__all__ = ["Nearby"]

_Column = InstrumentedAttribute[float | None]

_HALF_TURN: Final = 180.0
_POLE: Final = 90.0


@dataclass(frozen=True, slots=True)
class Nearby:
    """Everything within a distance of a point, along the sphere."""

    point: Point
    distance_m: float

    def condition(self, latitude: _Column, longitude: _Column) -> ColumnElement[bool]:
        """Return the condition that a place lies there.

        The box around the circle comes first, as comparisons that an index can take part in.
        """
        reach = math.degrees(self.distance_m / EARTH_RADIUS_M)
        conditions: list[ColumnElement[Any]] = [
            latitude.between(self.point.latitude - reach, self.point.latitude + reach)
        ]
        farthest = abs(self.point.latitude) + reach
        if farthest < _POLE:
            # Where the circle is widest it reaches further east than on its own parallel.
            ratio = math.sin(math.radians(reach)) / math.cos(math.radians(self.point.latitude))
            east = math.degrees(math.asin(min(1.0, ratio)))
            west_end, east_end = self.point.longitude - east, self.point.longitude + east
            if west_end >= -_HALF_TURN and east_end <= _HALF_TURN:
                conditions.append(longitude.between(west_end, east_end))
        return and_(*conditions, self._arc_m(latitude, longitude) <= self.distance_m)

    def _arc_m(self, latitude: _Column, longitude: _Column) -> ColumnElement[float]:
        here_latitude, here_longitude = literal(self.point.latitude), literal(self.point.longitude)
        chord = func.power(func.sind((latitude - here_latitude) / 2), 2) + func.cosd(here_latitude) * func.cosd(
            latitude
        ) * func.power(func.sind((longitude - here_longitude) / 2), 2)
        return 2 * EARTH_RADIUS_M * func.asin(func.sqrt(func.least(chord, 1.0)))
