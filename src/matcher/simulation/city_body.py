"""A generated city in the wire form of ``POST /v1/match``."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TextIO

import numpy as np

from matcher.simulation import bodies
from matcher.simulation.bodies import Body
from matcher.simulation.city import SKILLS, SLOT_MIN, WEEK_SLOTS, City

__all__ = ["to_body", "write_body"]


def to_body(city: City) -> Body:
    """Return the whole body at once; for large cities use `write_body`."""
    return _head(city) | {"requests": list(_requests(city)), "volunteers": list(_volunteers(city))}


def write_body(city: City, file: TextIO) -> None:
    """Write the body as JSON without holding it in memory."""
    bodies.write(_head(city), {"requests": _requests(city), "volunteers": _volunteers(city)}, file)


def _head(city: City) -> Body:
    return {"now": city.now.isoformat(), "time_zone": "Asia/Shanghai", "crs": "wgs84"}


def _instants(city: City) -> list[str]:
    return [(city.now + timedelta(minutes=SLOT_MIN * slot)).isoformat() for slot in range(WEEK_SLOTS + 1)]


def _requests(city: City) -> Iterator[Body]:
    instants = _instants(city)
    for row in range(len(city.urgency)):
        first = int(city.earliest_start_min[row])
        last = int(city.latest_start_min[row] + city.duration_min[row])
        levels = city.request_level[row]
        yield {
            "id": f"r{row}",
            "location": {
                "latitude": float(city.request_latitude[row]),
                "longitude": float(city.request_longitude[row]),
            },
            "windows": [{"start": instants[first // SLOT_MIN], "end": instants[last // SLOT_MIN]}],
            "duration_min": int(city.duration_min[row]),
            "skills": [{"code": SKILLS[skill], "level": int(levels[skill])} for skill in np.flatnonzero(levels)],
            "headcount": int(city.headcount[row]),
            "urgency": int(city.urgency[row]),
        }


def _volunteers(city: City) -> Iterator[Body]:
    instants = _instants(city)
    for row in range(len(city.radius_m)):
        levels = city.volunteer_level[row]
        intervals = zip(city.available_from_min[row].tolist(), city.available_until_min[row].tolist(), strict=True)
        yield {
            "id": f"v{row}",
            "location": {
                "latitude": float(city.volunteer_latitude[row]),
                "longitude": float(city.volunteer_longitude[row]),
            },
            "max_distance_km": int(city.radius_m[row]) / 1000,
            "skills": [{"code": SKILLS[skill], "level": int(levels[skill])} for skill in np.flatnonzero(levels)],
            "availability": {
                "extra": [
                    {"start": instants[start // SLOT_MIN], "end": instants[end // SLOT_MIN]}
                    for start, end in intervals
                    if start < end
                ]
            },
            "max_assignments": int(city.max_assignments[row]),
            "max_minutes": int(city.max_minutes[row]),
            "recent_minutes": int(city.recent_minutes[row]),
        }
