"""Places on the ground and the three coordinate systems in use in China."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Crs", "Point"]


class Crs(StrEnum):
    """A coordinate system of latitude and longitude."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True, slots=True)
class Point:
    """A place in WGS-84 degrees."""

    latitude: float
    longitude: float
