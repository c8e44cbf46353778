"""Coordinate systems against published vectors, and distance on the sphere."""

import csv
import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.geo import EARTH_RADIUS_M, Crs, Point, convert, great_circle_m, least_m

DATA = Path(__file__).parents[2] / "data"
PAIRS_OF_SYSTEMS = list(itertools.permutations(Crs, 2))

Coordinates = tuple[float, float]

inside_china = st.tuples(st.floats(3.5, 53.6), st.floats(73.5, 135.1))
outside_china = st.one_of(
    st.tuples(st.floats(-90, 0.8292), st.floats(-180, 180)),
    st.tuples(st.floats(55.8272, 90), st.floats(-180, 180)),
    st.tuples(st.floats(-90, 90), st.floats(-180, 72.0039)),
    st.tuples(st.floats(-90, 90), st.floats(137.8348, 180)),
)
anywhere = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


def read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def apart_m(a: Coordinates, b: Coordinates) -> float:
    """Metres between neighbours, unrounded: on the plane that touches the sphere there."""
    north = math.radians(a[0] - b[0])
    east = math.radians(a[1] - b[1]) * math.cos(math.radians(a[0]))
    return EARTH_RADIUS_M * math.hypot(north, east)


@pytest.mark.parametrize("row", read("coords/eviltransform_wgs84_gcj02.csv"))
def test_gcj02_agrees_with_the_published_formula_to_a_centimetre(row: dict[str, str]) -> None:
    wgs84 = float(row["lat_wgs84"]), float(row["lng_wgs84"])
    gcj02 = float(row["lat_gcj02"]), float(row["lng_gcj02"])
    assert apart_m(convert(*wgs84, Crs.WGS84, Crs.GCJ02), gcj02) < 0.01
    assert apart_m(convert(*gcj02, Crs.GCJ02, Crs.WGS84), wgs84) < 0.01


@pytest.mark.parametrize(("source", "target"), PAIRS_OF_SYSTEMS)
@pytest.mark.parametrize("row", read("coords/providers.csv"), ids=lambda row: row["city"])
def test_every_direction_agrees_with_the_map_providers_to_a_metre(
    row: dict[str, str], source: Crs, target: Crs
) -> None:
    given_in = {crs: (float(row[f"latitude_{crs}"]), float(row[f"longitude_{crs}"])) for crs in Crs}
    assert apart_m(convert(*given_in[source], source, target), given_in[target]) < 1


@pytest.mark.parametrize("row", read("coords/providers.csv"), ids=lambda row: row["city"])
def test_bd09_and_gcj02_of_the_map_providers_agree_to_the_digits_they_give(row: dict[str, str]) -> None:
    gcj02 = float(row["latitude_gcj02"]), float(row["longitude_gcj02"])
    bd09 = float(row["latitude_bd09"]), float(row["longitude_bd09"])
    assert apart_m(convert(*gcj02, Crs.GCJ02, Crs.BD09), bd09) < 0.02
    assert apart_m(convert(*bd09, Crs.BD09, Crs.GCJ02), gcj02) < 0.02


def test_bd09_agrees_with_the_pairs_of_shanghai_to_the_error_of_their_plain_inverse() -> None:
    rows = read("coords/shanghai_bd09_gcj02_pairs.csv")
    errors = [
        apart_m(
            convert(float(row["lat_bd09"]), float(row["lng_bd09"]), Crs.BD09, Crs.GCJ02),
            (float(row["lat_gcj02"]), float(row["lng_gcj02"])),
        )
        for row in rows
    ]
    assert len(errors) == 120
    assert max(errors) < 0.18


@pytest.mark.parametrize(("source", "target"), PAIRS_OF_SYSTEMS)
@given(place=inside_china)
def test_there_and_back_ends_within_a_millimetre_all_over_china(source: Crs, target: Crs, place: Coordinates) -> None:
    there = convert(*place, source, target)
    assert apart_m(place, there) < 1600
    assert apart_m(convert(*there, target, source), place) < 0.001


@given(place=inside_china)
def test_bd09_is_the_shift_of_gcj02_after_the_shift_from_wgs84(place: Coordinates) -> None:
    gcj02 = convert(*place, Crs.WGS84, Crs.GCJ02)
    assert convert(*place, Crs.WGS84, Crs.BD09) == convert(*gcj02, Crs.GCJ02, Crs.BD09)


@pytest.mark.parametrize(("source", "target"), PAIRS_OF_SYSTEMS)
@given(place=outside_china)
def test_nothing_is_changed_outside_china(source: Crs, target: Crs, place: Coordinates) -> None:
    assert convert(*place, source, target) == place


@pytest.mark.parametrize("crs", Crs)
@given(place=inside_china)
def test_a_system_converts_to_itself_without_a_change(crs: Crs, place: Coordinates) -> None:
    assert convert(*place, crs, crs) == place


@pytest.mark.parametrize("crs", Crs)
def test_a_point_answers_in_the_system_it_came_in(crs: Crs) -> None:
    point = Point.from_crs(31.2304, 121.4737, crs)
    assert (point == Point(31.2304, 121.4737)) is (crs is Crs.WGS84)
    assert apart_m(point.in_crs(crs), (31.2304, 121.4737)) < 0.001


@pytest.mark.parametrize("row", read("geodesic/geodesic_wgs84.csv"))
def test_the_sphere_is_within_six_thousandths_of_the_ellipsoid(row: dict[str, str]) -> None:
    a = Point(float(row["lat1"]), float(row["lon1"]))
    b = Point(float(row["lat2"]), float(row["lon2"]))
    assert great_circle_m(a, b) == pytest.approx(float(row["s12_m"]), rel=0.006)


def test_a_degree_of_the_meridian_and_half_the_equator_have_their_known_lengths() -> None:
    assert great_circle_m(Point(31, 121), Point(32, 121)) == 111_195
    assert great_circle_m(Point(0, 0), Point(0, 180)) == round(math.pi * EARTH_RADIUS_M)


def test_neighbours_a_metre_apart_are_a_metre_apart() -> None:
    assert great_circle_m(Point(31.2304, 121.4737), Point(31.2304 + 1 / 111_195, 121.4737)) == 1


@given(a=anywhere, b=anywhere)
def test_distance_is_the_same_both_ways_and_at_most_half_the_circumference(a: Point, b: Point) -> None:
    assert great_circle_m(a, b) == great_circle_m(b, a)
    assert 0 <= great_circle_m(a, b) <= round(math.pi * EARTH_RADIUS_M)
    assert great_circle_m(a, a) == 0


@given(a=anywhere, b=anywhere)
def test_distance_agrees_with_the_angle_between_the_directions(a: Point, b: Point) -> None:
    first, second = math.radians(a.latitude), math.radians(b.latitude)
    east = math.radians(b.longitude - a.longitude)
    # Vincenty's form for the sphere: well conditioned everywhere, and no chord in it.
    across = math.hypot(
        math.cos(second) * math.sin(east),
        math.cos(first) * math.sin(second) - math.sin(first) * math.cos(second) * math.cos(east),
    )
    along = math.sin(first) * math.sin(second) + math.cos(first) * math.cos(second) * math.cos(east)
    assert great_circle_m(a, b) == pytest.approx(EARTH_RADIUS_M * math.atan2(across, along), abs=0.8)


@given(anywhere, anywhere, st.floats(0, 1))
def test_nothing_that_is_farther_on_the_grid_is_nearer_than_the_least_distance(a: Point, b: Point, part: float) -> None:
    apart = math.hypot(a.latitude - b.latitude, a.longitude - b.longitude)
    assert great_circle_m(a, b) >= least_m(a, apart * part)


@given(anywhere, st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_nor_is_a_neighbour(a: Point, north: float, east: float) -> None:
    b = Point(min(90.0, max(-90.0, a.latitude + north)), (a.longitude + east + 180) % 360 - 180)
    apart = math.hypot(a.latitude - b.latitude, a.longitude - b.longitude)
    assert great_circle_m(a, b) >= least_m(a, apart)


def test_the_least_distance_in_a_chinese_city_is_not_much_less_than_the_true_one() -> None:
    shanghai = Point(31.2304, 121.4737)
    east = Point(31.2304, 121.4837)
    assert least_m(shanghai, 0.01) > 0.99 * great_circle_m(shanghai, east)
