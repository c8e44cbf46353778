"""A synthetic city of any size: clustered homes, rare skills, a week of windows.

One size and seed always give the same city, so that a figure measured on it can be
reproduced anywhere.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIZES", "SKILLS", "TIME_ZONE", "City", "Size", "generate"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Levels = NDArray[np.int8]

TIME_ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 30, tzinfo=TIME_ZONE)
CENTRE = (34.7473, 113.6249)
EARTH_RADIUS_KM = 6371.0088

SKILL_COUNT = 40
SKILLS = tuple(f"skill-{number:02}" for number in range(SKILL_COUNT))
SLOT_MIN = 15
DAY_SLOTS = 96
WEEK_SLOTS = 7 * DAY_SLOTS
MAX_INTERVALS = 8


@dataclass(frozen=True, slots=True)
class Size:
    """How large a city is and what happens in it.

    ``is_scarce`` says that there is more demand than supply, ``is_storm`` that everything
    happens within two days and takes longer.
    """

    requests: int
    volunteers: int
    side_km: float
    clusters: int
    is_scarce: bool = False
    is_storm: bool = False


SIZES: dict[str, Size] = {
    "S": Size(1_000, 5_000, 10.0, 12),
    "M": Size(10_000, 50_000, 25.0, 60),
    "L": Size(50_000, 300_000, 45.0, 180),
    "XL": Size(200_000, 1_000_000, 70.0, 500),
    "St": Size(1_000, 800, 10.0, 12, is_scarce=True),
    "Mt": Size(10_000, 8_000, 16.0, 60, is_scarce=True),
    "Lt": Size(50_000, 40_000, 30.0, 180, is_scarce=True),
    "Sx": Size(1_000, 600, 8.0, 12, is_scarce=True, is_storm=True),
    "Mx": Size(10_000, 6_000, 16.0, 60, is_scarce=True, is_storm=True),
    "Lx": Size(50_000, 30_000, 30.0, 180, is_scarce=True, is_storm=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """The arrays of a city; R requests, V volunteers, 40 skills.

    Attributes
    ----------
    name, seed
        What `generate` was called with.
    now
        The instant at which matching takes place: a Monday, 00:00 in Asia/Shanghai. Every
        time below is in minutes after it, a multiple of 15.
    request_latitude, request_longitude : (R,) float64
        Places in WGS-84 degrees, rounded to 7 decimals (about 1 cm).
    volunteer_latitude, volunteer_longitude : (V,) float64
        Likewise.
    request_level : (R, 40) int8
        Level that a request needs in each skill of `SKILLS`, 1 to 3; 0 where it needs none.
    volunteer_level : (V, 40) int8
        Level that a volunteer has in each skill; 0 where they lack it.
    earliest_start_min, latest_start_min : (R,) int32
        First and last start of the service. The window of the request is
        ``[earliest_start_min, latest_start_min + duration_min)``.
    duration_min : (R,) int32
        How long the service takes.
    headcount : (R,) int32
        How many people are needed, all of them, 1 to 3.
    urgency : (R,) int32
        1 to 10.
    radius_m : (V,) int32
        How far a volunteer travels, in a straight line.
    available_from_min, available_until_min : (V, 8) int32
        Intervals ``[from, until)`` in no order; they may overlap. An absent one is empty:
        both ends are 0.
    max_assignments, max_minutes : (V,) int32
        Capacity of a volunteer over the whole horizon.
    recent_minutes : (V,) int32
        Minutes served lately, 0 to 600.
    """

    name: str
    seed: int
    now: datetime
    request_latitude: Floats
    request_longitude: Floats
    volunteer_latitude: Floats
    volunteer_longitude: Floats
    request_level: Levels
    volunteer_level: Levels
    earliest_start_min: Ints
    latest_start_min: Ints
    duration_min: Ints
    headcount: Ints
    urgency: Ints
    radius_m: Ints
    available_from_min: Ints
    available_until_min: Ints
    max_assignments: Ints
    max_minutes: Ints
    recent_minutes: Ints


@dataclass(frozen=True, slots=True)
class _Clusters:
    """Neighbourhoods: (C, 2) centres and (C,) spreads in km, the share of people and of calls in each."""

    centre_km: Floats
    spread_km: Floats
    volunteer_share: Floats
    request_share: Floats


def generate(name: str, seed: int = 0) -> City:
    """Return the city of a size and a seed.

    The order of the draws is part of the result: a change here changes every published figure.

    Parameters
    ----------
    name
        A key of `SIZES`.
    seed
        Any integer that is not negative.

    Raises
    ------
    KeyError
        If there is no such size.
    """
    size = SIZES[name]
    random = np.random.default_rng(seed)
    days = 2 if size.is_storm else 7

    clusters = _draw_clusters(random, size)
    volunteer_km = _draw_places(random, size, clusters, size.volunteers, clusters.volunteer_share, 0.75)
    request_km = _draw_places(random, size, clusters, size.requests, clusters.request_share, 0.8)
    volunteer_skills = 1 + random.poisson(6.0 if size.is_scarce else 5.0, size.volunteers)
    volunteer_level = _draw_levels(random, volunteer_skills, (0.4, 0.35, 0.25))
    request_skills = random.choice([1, 2, 3], size.requests, p=[0.6, 0.3, 0.1])
    request_level = _draw_levels(random, request_skills, (0.7, 0.22, 0.08))
    radius_km = np.clip(random.lognormal(np.log(2.0), 0.5, size.volunteers), 0.5, 5.0)
    available_from, available_until = _draw_availability(random, size.volunteers, days)
    earliest, latest, duration = _draw_windows(random, size, days)

    request_latitude, request_longitude = _degrees(request_km - size.side_km / 2)
    volunteer_latitude, volunteer_longitude = _degrees(volunteer_km - size.side_km / 2)
    return City(
        name=name,
        seed=seed,
        now=NOW,
        request_latitude=request_latitude,
        request_longitude=request_longitude,
        volunteer_latitude=volunteer_latitude,
        volunteer_longitude=volunteer_longitude,
        request_level=request_level,
        volunteer_level=volunteer_level,
        earliest_start_min=_minutes(earliest),
        latest_start_min=_minutes(latest),
        duration_min=_minutes(duration),
        headcount=random.choice([1, 2, 3], size.requests, p=[0.85, 0.1, 0.05]).astype(np.int32),
        urgency=random.integers(1, 11, size.requests).astype(np.int32),
        radius_m=np.round(radius_km * 1000).astype(np.int32),
        available_from_min=_minutes(available_from),
        available_until_min=_minutes(available_until),
        max_assignments=random.integers(3 if size.is_storm else 1, 6, size.volunteers).astype(np.int32),
        max_minutes=_minutes(random.integers(*((24, 61) if size.is_storm else (8, 41)), size.volunteers)),
        recent_minutes=np.round(random.random(size.volunteers) * 600).astype(np.int32),
    )


def _draw_clusters(random: np.random.Generator, size: Size) -> _Clusters:
    centre_km = random.uniform(0, size.side_km, (size.clusters, 2))
    spread_km = np.clip(random.lognormal(np.log(0.7), 0.4, size.clusters), 0.25, 2.0)
    volunteer_share = random.dirichlet(np.full(size.clusters, 1.5))
    request_share = volunteer_share * random.lognormal(0, 0.8, size.clusters)
    return _Clusters(centre_km, spread_km, volunteer_share, request_share / request_share.sum())


def _draw_places(
    random: np.random.Generator, size: Size, clusters: _Clusters, count: int, share: Floats, clustered: float
) -> Floats:
    """Return (count, 2) km east and north of the south-west corner; the part ``clustered`` lies in clusters."""
    cluster = random.choice(size.clusters, count, p=share)
    place = clusters.centre_km[cluster] + random.normal(0, 1, (count, 2)) * clusters.spread_km[cluster][:, None]
    is_scattered = random.random(count) > clustered
    place[is_scattered] = random.uniform(0, size.side_km, (int(is_scattered.sum()), 2))
    return place


def _draw_levels(
    random: np.random.Generator, skills: NDArray[np.int64], level_share: tuple[float, float, float]
) -> Levels:
    """Return (n, 40) levels; a skill drawn twice keeps the higher one, so there may be fewer than ``skills``."""
    popularity = 1 / (np.arange(SKILL_COUNT) + 3.0) ** 0.8
    popularity /= popularity.sum()
    row = np.arange(len(skills))
    levels = np.zeros((len(skills), SKILL_COUNT), np.int8)
    for draw in range(int(skills.max())):
        skill = random.choice(SKILL_COUNT, len(skills), p=popularity)
        level = random.choice([1, 2, 3], len(skills), p=level_share)
        level[skills <= draw] = 0
        levels[row, skill] = np.maximum(levels[row, skill], level)
    return levels


def _draw_availability(
    random: np.random.Generator, volunteers: int, days: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (V, 8) first and last slots; 3 to 8 intervals of 2 to 6 hours that begin between 7:00 and 19:00."""
    intervals = random.integers(3, MAX_INTERVALS + 1, volunteers)
    first = np.zeros((volunteers, MAX_INTERVALS), np.int64)
    last = np.zeros_like(first)
    for number in range(MAX_INTERVALS):
        begin = random.integers(0, days, volunteers) * DAY_SLOTS + random.integers(28, 76, volunteers)
        end = np.minimum(begin + random.integers(8, 25, volunteers), WEEK_SLOTS)
        is_present = intervals > number
        first[is_present, number] = begin[is_present]
        last[is_present, number] = end[is_present]
    return first, last


def _draw_windows(
    random: np.random.Generator, size: Size, days: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (R,) earliest start, latest start and duration in slots.

    Three in ten have a fixed start; the others may begin up to 4 hours, 10 hours or 2 days later.
    """
    count = size.requests
    earliest = random.integers(0, days, count) * DAY_SLOTS + random.integers(32, 72, count)
    kind = random.choice(4, count, p=[0.3, 0.4, 0.2, 0.1])
    hours, half_day, days_long = (random.integers(*slots, count) for slots in ((2, 17), (16, 41), (96, 193)))
    slack = np.choose(kind, [np.zeros_like(hours), hours, half_day, days_long])
    duration = random.integers(*((3, 15) if size.is_storm else (2, 9)), count)
    latest = np.minimum(earliest + slack, (2 * DAY_SLOTS if size.is_storm else WEEK_SLOTS) - duration)
    return earliest, latest, duration


def _degrees(offset_km: Floats) -> tuple[Floats, Floats]:
    """Return latitude and longitude of (n, 2) km east and north of the centre.

    Azimuthal equidistant about the centre, so that straight lines of a few km keep their length
    to the centimetre across the whole city (Snyder, Map Projections: A Working Manual, p. 195).
    """
    latitude, longitude = np.radians(CENTRE)
    east, north = offset_km.T
    distance = np.maximum(np.hypot(east, north), 1e-9)
    angle = distance / EARTH_RADIUS_KM
    sine = np.sin(latitude) * np.cos(angle) + north * np.sin(angle) * np.cos(latitude) / distance
    turn = np.arctan2(
        east * np.sin(angle),
        distance * np.cos(latitude) * np.cos(angle) - north * np.sin(latitude) * np.sin(angle),
    )
    return np.round(np.degrees(np.arcsin(sine)), 7), np.round(np.degrees(longitude + turn), 7)


def _minutes(slots: NDArray[np.int64]) -> Ints:
    return (slots * SLOT_MIN).astype(np.int32)
