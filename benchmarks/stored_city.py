"""A generated city as rows: what client systems would have pushed in the months before."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import psycopg

from matcher.simulation.city import SKILLS, SLOT_MIN, City

__all__ = ["REGIONS", "fill"]

# Streets of one county, by stripes of longitude.
REGIONS: Final = ("410105001", "410105002", "410105003", "410105004", "410105005", "410105006")

_VOLUNTEER_COLUMNS: Final = (
    "client_no, external_id, region, latitude, longitude, max_distance_m, skills, skill_codes, availability,"
    " max_assignments, max_minutes, recent_minutes"
)
_REQUEST_COLUMNS: Final = (
    "client_no, external_id, region, latitude, longitude, windows, opens_at, closes_at, duration_min, roles, places,"
    " taken, min_headcount, skill_codes, urgency"
)


def fill(connection: psycopg.Connection[Any], client_no: int, city: City, *, now: datetime) -> None:
    """Write the volunteers and requests of a city for a client, by COPY, and let the planner know of them.

    Parameters
    ----------
    now
        What the Monday midnight of the city becomes.
    """
    instants = [
        (now.astimezone(UTC) + timedelta(minutes=SLOT_MIN * slot)).isoformat(timespec="seconds")
        for slot in range(7 * 24 * 60 // SLOT_MIN + 1)
    ]
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY volunteers ({_VOLUNTEER_COLUMNS}) FROM STDIN") as copy:
            for row in _volunteers(city, client_no, instants):
                copy.write_row(row)
        with cursor.copy(f"COPY requests ({_REQUEST_COLUMNS}) FROM STDIN") as copy:
            for row in _requests(city, client_no, instants):
                copy.write_row(row)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE volunteers, requests")
    connection.autocommit = False


def _volunteers(city: City, client_no: int, instants: list[str]) -> Iterator[tuple[object, ...]]:
    region = _regions(city.volunteer_longitude)
    for row in range(len(city.radius_m)):
        levels = city.volunteer_level[row]
        held = np.flatnonzero(levels)
        spans = zip(city.available_from_min[row].tolist(), city.available_until_min[row].tolist(), strict=True)
        free = [
            {"start": instants[start // SLOT_MIN], "end": instants[end // SLOT_MIN]}
            for start, end in spans
            if start < end
        ]
        yield (
            client_no,
            f"v{row}",
            region[row],
            float(city.volunteer_latitude[row]),
            float(city.volunteer_longitude[row]),
            int(city.radius_m[row]),
            json.dumps([{"code": SKILLS[s], "level": int(levels[s]), "valid_until": None} for s in held]),
            [SKILLS[s] for s in held],
            json.dumps({"weekly": [], "extra": free, "except": [], "time_zone": None}),
            int(city.max_assignments[row]),
            int(city.max_minutes[row]),
            int(city.recent_minutes[row]),
        )


def _requests(city: City, client_no: int, instants: list[str]) -> Iterator[tuple[object, ...]]:
    region = _regions(city.request_longitude)
    for row in range(len(city.urgency)):
        levels = city.request_level[row]
        asked = np.flatnonzero(levels)
        opens = instants[int(city.earliest_start_min[row]) // SLOT_MIN]
        # Upwards: a window that ends within a slot would be too short for the service.
        closes = instants[-(-int(city.latest_start_min[row] + city.duration_min[row]) // SLOT_MIN)]
        headcount = int(city.headcount[row])
        needs = [{"code": SKILLS[s], "level": int(levels[s])} for s in asked]
        yield (
            client_no,
            f"r{row}",
            region[row],
            float(city.request_latitude[row]),
            float(city.request_longitude[row]),
            json.dumps([{"start": opens, "end": closes}]),
            opens,
            closes,
            int(city.duration_min[row]),
            json.dumps([{"skills": needs, "count": headcount, "gender": None}]),
            [headcount],
            [0],
            headcount,
            [SKILLS[s] for s in asked],
            int(city.urgency[row]),
        )


def _regions(longitude: Any) -> list[str]:
    """Return the street of each place: the city in stripes, each with as many people."""
    edges = np.quantile(longitude, np.linspace(0, 1, len(REGIONS) + 1)[1:-1])
    return [REGIONS[stripe] for stripe in np.searchsorted(edges, longitude)]
