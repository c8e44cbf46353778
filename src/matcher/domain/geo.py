"""Places on the ground and the three coordinate systems in use in China.

Inside, a place is always WGS-84. Chinese map services shift it: GCJ-02 (Amap, Tencent, WeChat's
map) by up to 700 m, BD-09 (Baidu) by up to 1.5 km. The shift itself is not published; the
formula here is the one in public use, on the ellipsoid of Krasovsky 1940, and agrees with the
providers' own points to better than 1 m. Abroad the services use WGS-84 under all three names,
so outside a box around China nothing is changed. The box is drawn wide of the border; within
one shift of its edge the conversions are not each other's inverse.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

__all__ = ["EARTH_RADIUS_M", "Crs", "Point", "convert", "great_circle_m", "least_m"]

_DECIMALS: Final = 7

# Mean radius of the Earth, (2a + b) / 3 of WGS-84.
EARTH_RADIUS_M: Final = 6_371_008.8

_SOUTH, _NORTH = 0.8293, 55.8271
_WEST, _EAST = 72.004, 137.8347

_KRASOVSKY_AXIS_M: Final = 6_378_245.0
_KRASOVSKY_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323

# 3000° in radians. Packages that write π here are wrong by up to 86 m.
_BD09_WAVE: Final = math.radians(3000)
_BD09_NORTH, _BD09_EAST = 0.006, 0.0065


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

    @classmethod
    def from_crs(cls, latitude: float, longitude: float, crs: Crs) -> Self:
        """Return the place that has these coordinates in ``crs``."""
        return cls(*convert(latitude, longitude, crs, Crs.WGS84))

    def in_crs(self, crs: Crs) -> tuple[float, float]:
        """Return latitude and longitude of the place in ``crs``."""
        return convert(self.latitude, self.longitude, Crs.WGS84, crs)

    def shown_in(self, crs: Crs) -> tuple[float, float]:
        """Return the same to the centimetre, as it is answered: more digits are noise of the conversion."""
        latitude, longitude = self.in_crs(crs)
        return round(latitude, _DECIMALS), round(longitude, _DECIMALS)


def convert(latitude: float, longitude: float, source: Crs, target: Crs) -> tuple[float, float]:
    """Return the coordinates in ``target`` of a place given in ``source``.

    Parameters
    ----------
    latitude, longitude
        Degrees in ``source``.
    source, target
        The system that the coordinates are in, and the one that is wanted.

    Returns
    -------
    tuple[float, float]
        Latitude and longitude in degrees. Unchanged, to the bit, if both systems are the same or
        the place lies outside the box around China. A round trip ends within 1 mm of its start.
    """
    if source is target or not (_SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST):
        return latitude, longitude
    for step in _STEPS[source, target]:
        latitude, longitude = step(latitude, longitude)
    return latitude, longitude


def great_circle_m(a: Point, b: Point) -> int:
    """Return the distance along the sphere in whole metres, halves rounded to even.

    It is the arc over the straight chord through the Earth, ``2R asin(|a − b| / 2R)``, which
    loses no digits where places are near; close to the antipodes it may be one metre off.
    """
    ax, ay, az = _on_unit_sphere(a)
    bx, by, bz = _on_unit_sphere(b)
    half_chord = math.sqrt((ax - bx) ** 2 + (ay - by) ** 2 + (az - bz) ** 2) / 2
    return round(2 * EARTH_RADIUS_M * math.asin(min(1.0, half_chord)))


def least_m(point: Point, degrees: float) -> int:
    """Return a distance that nothing is nearer than which lies ``degrees`` away or more, counted on the plain grid.

    On the grid of latitudes and longitudes everything looks at least as far apart in metres as it is, but for the
    meridians, which come together. Every way out of the circle of ``degrees`` on the grid crosses that circle, as long
    as it holds neither a pole nor the date line. There ``sin²(d/2) = sin²(Δφ/2) + cos φ₀ cos φ sin²(Δλ/2)``
    is at least ``sin²(degrees/2) cos φ₀ cos(|φ₀| + degrees)``, which grows up to two thirds of the way to the pole.
    """
    away = abs(point.latitude)
    within = min(degrees, (90 - away) * 2 / 3, 180 - abs(point.longitude))
    if within <= 0:
        return 0
    cosines = math.cos(math.radians(away)) * math.cos(math.radians(away + within))
    half_chord = math.sin(math.radians(within) / 2) * math.sqrt(cosines)
    # One less: distances are rounded to the metre.
    return max(0, math.floor(2 * EARTH_RADIUS_M * math.asin(half_chord)) - 1)


def _on_unit_sphere(point: Point) -> tuple[float, float, float]:
    latitude, longitude = math.radians(point.latitude), math.radians(point.longitude)
    radius = math.cos(latitude)
    return radius * math.cos(longitude), radius * math.sin(longitude), math.sin(latitude)


def _gcj02_shift(latitude: float, longitude: float) -> tuple[float, float]:
    """Return by how many degrees GCJ-02 lies north and east of a WGS-84 place.

    Two polynomials with waves, in metres of the ellipsoid, around 35° N 105° E: the "open"
    formula known since 2013 from the source of a mobile map and unchanged in all public copies.
    """
    sin, pi = math.sin, math.pi
    x, y = longitude - 105, latitude - 35
    mixed = 0.1 * x * y
    root = math.sqrt(abs(x))
    short_waves = 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    waves_north = 20 * sin(pi * y) + 40 * sin(pi * y / 3) + 160 * sin(pi * y / 12) + 320 * sin(pi * y / 30)
    waves_east = 20 * sin(pi * x) + 40 * sin(pi * x / 3) + 150 * sin(pi * x / 12) + 300 * sin(pi * x / 30)
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + mixed + 0.2 * root + (short_waves + waves_north) * 2 / 3
    east_m = 300 + x + 2 * y + 0.1 * x * x + mixed + 0.1 * root + (short_waves + waves_east) * 2 / 3

    phi = math.radians(latitude)
    flattening = 1 - _KRASOVSKY_ECCENTRICITY_SQUARED * sin(phi) ** 2
    across_m = _KRASOVSKY_AXIS_M / math.sqrt(flattening)
    along_m = across_m * (1 - _KRASOVSKY_ECCENTRICITY_SQUARED) / flattening
    return math.degrees(north_m / along_m), math.degrees(east_m / (across_m * math.cos(phi)))


def _wgs84_to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    north, east = _gcj02_shift(latitude, longitude)
    return latitude + north, longitude + east


def _gcj02_to_wgs84(latitude: float, longitude: float) -> tuple[float, float]:
    """Find the place that the shift brings here: one step ends within 4 m of it, three within 0.2 mm."""
    origin_latitude, origin_longitude = latitude, longitude
    for _ in range(3):
        north, east = _gcj02_shift(origin_latitude, origin_longitude)
        origin_latitude, origin_longitude = latitude - north, longitude - east
    return origin_latitude, origin_longitude


def _gcj02_to_bd09(latitude: float, longitude: float) -> tuple[float, float]:
    radius = math.hypot(longitude, latitude) + 2e-5 * math.sin(latitude * _BD09_WAVE)
    angle = math.atan2(latitude, longitude) + 3e-6 * math.cos(longitude * _BD09_WAVE)
    return radius * math.sin(angle) + _BD09_NORTH, radius * math.cos(angle) + _BD09_EAST


def _bd09_to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """Find the place that the shift brings here: without its waves within 50 m, each step 100 times closer."""
    origin_latitude, origin_longitude = latitude - _BD09_NORTH, longitude - _BD09_EAST
    for _ in range(3):
        reached_latitude, reached_longitude = _gcj02_to_bd09(origin_latitude, origin_longitude)
        origin_latitude += latitude - reached_latitude
        origin_longitude += longitude - reached_longitude
    return origin_latitude, origin_longitude


_Step = Callable[[float, float], tuple[float, float]]

_STEPS: Final[dict[tuple[Crs, Crs], tuple[_Step, ...]]] = {
    (Crs.WGS84, Crs.GCJ02): (_wgs84_to_gcj02,),
    (Crs.WGS84, Crs.BD09): (_wgs84_to_gcj02, _gcj02_to_bd09),
    (Crs.GCJ02, Crs.WGS84): (_gcj02_to_wgs84,),
    (Crs.GCJ02, Crs.BD09): (_gcj02_to_bd09,),
    (Crs.BD09, Crs.WGS84): (_bd09_to_gcj02, _gcj02_to_wgs84),
    (Crs.BD09, Crs.GCJ02): (_bd09_to_gcj02,),
}
