"""Places blurred to a cell: the same for everybody in it, and true."""

from pathlib import Path

import h3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.geo import Point, great_circle_m
from matcher.services import cells

PUBLISHED = [
    (index, Point(float(latitude), (float(longitude) + 180) % 360 - 180))
    for index, latitude, longitude in (
        line.split()
        for line in (Path(__file__).parents[1] / "data/h3/centres_of_resolution_9.txt").read_text("utf-8").splitlines()
    )
]

anywhere = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(("index", "centre"), PUBLISHED)
def test_a_place_lies_in_the_cell_above_its_published_one_or_right_beside_it(index: str, centre: Point) -> None:
    above = h3.cell_to_parent(index, cells.RESOLUTION)
    # Cells of one resolution stick out a little over the edge of the cell above.
    assert h3.grid_distance(cells.blur(centre).index, above) <= 1


@given(anywhere)
def test_a_place_is_never_farther_from_the_centre_than_the_radius(point: Point) -> None:
    cell = cells.blur(point)
    assert great_circle_m(point, cell.centre) <= cell.radius_m <= cells.FARTHEST_M


@given(anywhere)
def test_the_centre_lies_in_its_own_cell(point: Point) -> None:
    cell = cells.blur(point)
    assert cells.blur(cell.centre) == cell


def test_a_cell_of_a_chinese_city_reaches_half_a_kilometre() -> None:
    assert 400 < cells.blur(Point(31.2304, 121.4737)).radius_m < 700


def test_neighbours_on_one_street_share_a_cell() -> None:
    centre = cells.blur(Point(31.2304, 121.4737)).centre
    assert cells.blur(Point(centre.latitude + 0.001, centre.longitude)) == cells.blur(centre)
