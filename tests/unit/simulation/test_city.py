"""The synthetic city: the published figures, its geometry, its shapes."""

import numpy as np
import pytest

from matcher.simulation import city as cities
from matcher.simulation.city import SIZES, City

# Sums over the arrays and the number of eligible pairs, as the study behind the published figures counted them.
STUDY = {
    "S": {
        "edges": 34_151,
        "earliest": 333_810,
        "latest": 356_260,
        "duration": 5_057,
        "people": 1_193,
        "urgency": 5_449,
    },
    "St": {
        "edges": 6_549,
        "earliest": 339_817,
        "latest": 360_738,
        "duration": 4_993,
        "people": 1_173,
        "urgency": 5_459,
    },
    "Sx": {
        "edges": 12_036,
        "earliest": 96_698,
        "latest": 114_394,
        "duration": 8_507,
        "people": 1_196,
        "urgency": 5_621,
    },
    "Mt": {
        "edges": 220_622,
        "earliest": 3_380_425,
        "latest": 3_601_238,
        "duration": 50_193,
        "people": 12_018,
        "urgency": 54_952,
    },
}
STUDY_CAPACITY = {"S": (15_126, 118_877), "St": (2_365, 19_363), "Sx": (2_420, 25_877), "Mt": (24_050, 191_443)}


@pytest.mark.parametrize("name", STUDY)
def test_seed_zero_gives_the_numbers_of_the_study(name: str) -> None:
    city = cities.generate(name, seed=0)
    assert {
        "earliest": city.earliest_start_min.sum() / 15,
        "latest": city.latest_start_min.sum() / 15,
        "duration": city.duration_min.sum() / 15,
        "people": city.headcount.sum(),
        "urgency": city.urgency.sum(),
    } == {key: value for key, value in STUDY[name].items() if key != "edges"}
    assert (city.max_assignments.sum(), city.max_minutes.sum() / 15) == STUDY_CAPACITY[name]


@pytest.mark.parametrize("name", ["S", "St", "Sx"])
def test_the_number_of_eligible_pairs_is_that_of_the_study(name: str) -> None:
    """Radii in whole metres may move a pair on the very edge, never more than one in ten thousand."""
    assert _count_edges(cities.generate(name, seed=0)) == pytest.approx(STUDY[name]["edges"], rel=1e-4)


def test_another_seed_gives_another_city() -> None:
    first, second = cities.generate("St", seed=0), cities.generate("St", seed=1)
    assert not np.array_equal(first.urgency, second.urgency)


def test_the_same_seed_gives_the_same_city() -> None:
    first, second = cities.generate("St", seed=7), cities.generate("St", seed=7)
    for name in City.__slots__:
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


@pytest.mark.parametrize("name", ["S", "St", "Sx"])
def test_every_array_keeps_its_stated_bounds(name: str) -> None:
    city, size = cities.generate(name, seed=3), SIZES[name]
    assert city.request_level.shape == (size.requests, 40)
    assert city.volunteer_level.shape == (size.volunteers, 40)
    assert city.available_from_min.shape == (size.volunteers, 8)
    assert city.request_level.any(axis=1).all()
    assert set(np.unique(city.volunteer_level)) == {0, 1, 2, 3}
    assert (city.earliest_start_min <= city.latest_start_min).all()
    assert (city.latest_start_min + city.duration_min).max() <= (2 if size.is_storm else 7) * 1440
    assert (city.radius_m >= 500).all()
    assert (city.radius_m <= 5000).all()
    assert city.now.weekday() == 0
    present = city.available_from_min < city.available_until_min
    assert ((city.available_from_min == 0) & (city.available_until_min == 0))[~present].all()
    assert present.sum(axis=1).min() >= 3


@pytest.mark.parametrize("corner_km", [(0.0, 0.0), (-35.0, -35.0), (-35.0, 35.0), (35.0, -35.0), (35.0, 35.0)])
@pytest.mark.parametrize("step_km", [(3.0, 0.0), (0.0, 3.0), (2.0, -2.0)])
def test_offsets_in_km_become_degrees_that_keep_the_distances(
    corner_km: tuple[float, float], step_km: tuple[float, float]
) -> None:
    here, there = _unit_vectors(*cities._degrees(np.array([corner_km, np.add(corner_km, step_km)])))
    assert _distance_km(here, there) == pytest.approx(np.hypot(*step_km), abs=0.0001)


def _count_edges(city: City) -> int:
    requests = _unit_vectors(city.request_latitude, city.request_longitude)
    volunteers = _unit_vectors(city.volunteer_latitude, city.volunteer_longitude)
    chord = 2 * np.sin(city.radius_m / 1000 / cities.EARTH_RADIUS_KM / 2)
    edges = 0
    for row, place in enumerate(requests):
        near = np.flatnonzero(((volunteers - place) ** 2).sum(axis=1) <= chord**2)
        able = near[(city.volunteer_level[near] >= city.request_level[row]).all(axis=1)]
        start = np.maximum(city.available_from_min[able], city.earliest_start_min[row])
        fits = (start <= city.latest_start_min[row]) & (
            start + city.duration_min[row] <= city.available_until_min[able]
        )
        edges += int(fits.any(axis=1).sum())
    return edges


def _unit_vectors(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    phi, theta = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=1)


def _distance_km(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * cities.EARTH_RADIUS_KM * np.arcsin(np.linalg.norm(a - b) / 2))
