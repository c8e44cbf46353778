"""Distances on the plain grid of degrees, as the database counts them: never too many metres, and cheap.

An index gives places in the order of their distance on the grid. That is not the order of the true
distances, but every one of these is at least what is counted here.
"""

import math
from typing import Final

from matcher.domain import geo
from matcher.domain.geo import EARTH_RADIUS_M, Point
from matcher.storage.database import Session

__all__ = ["METRES", "keep_order", "parameters"]

_KNOWN: Final = 1.0

# Of something ``north`` and ``east`` of a place by so many degrees, ``degrees`` in all. One less than the least
# distance, since true ones are rounded to the metre.
METRES: Final = """
    (CASE WHEN degrees < :known THEN :metres * sqrt(north * north + :narrow * east * east) ELSE :beyond END - 1)
"""
_IN_ORDER: Final = "SET LOCAL enable_sort = off"


def keep_order(session: Session) -> None:
    """Let the rest of the transaction take rows in the order of an index rather than sort them.

    The planner expects few rows of a tenant among many, and would read them all.
    """
    session.connection().exec_driver_sql(_IN_ORDER)


def parameters(point: Point) -> dict[str, float]:
    """Return what ``METRES`` needs around a place.

    Within a degree it is ``geo.least_m`` for each direction by itself:
    ``sin²(d/2) ≥ (sin(w/2) / w)² (Δφ² + cos φ₀ cos(|φ₀| + w) Δλ²)`` for all that is nearer than ``w``.
    """
    away, within = abs(point.latitude), math.radians(_KNOWN)
    narrow = math.cos(math.radians(away)) * max(0.0, math.cos(math.radians(away + _KNOWN)))
    return {
        "latitude": point.latitude,
        "longitude": point.longitude,
        "known": _KNOWN,
        "metres": EARTH_RADIUS_M * math.sin(within / 2) / (within / 2) * math.radians(1),
        "narrow": narrow,
        "beyond": geo.least_m(point, _KNOWN),
    }
