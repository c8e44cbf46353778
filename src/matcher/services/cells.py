"""Places blurred to a cell of about 0.7 km², for everybody who need not know the door.

Whoever is told the cell learns nothing more by asking again, nor from somebody else's distance to it:
everything that is told is computed from the cell's centre.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import h3

from matcher.domain.geo import Point, great_circle_m

__all__ = ["FARTHEST_M", "RESOLUTION", "Cell", "blur"]

# Of the H3 grid: hexagons about half a kilometre from centre to corner.
RESOLUTION: Final = 8
# No cell of this resolution reaches farther from its centre; they differ in size over the globe.
FARTHEST_M: Final = 700


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the H3 grid: its index, its centre, and how far from there its farthest corner lies."""

    index: str
    centre: Point
    radius_m: int


def blur(point: Point) -> Cell:
    """Return the cell that a place lies in."""
    return _cell(h3.latlng_to_cell(point.latitude, point.longitude, RESOLUTION))


@lru_cache(maxsize=65_536)
def _cell(index: str) -> Cell:
    centre = Point(*h3.cell_to_latlng(index))
    # Distances are rounded to the metre: one more holds the corner for sure.
    radius_m = max(great_circle_m(centre, Point(*corner)) for corner in h3.cell_to_boundary(index)) + 1
    return Cell(index, centre, radius_m)
