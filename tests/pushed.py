"""Bodies as client systems push them: sensible parts, so that a test names only what it is about."""

from typing import Any

HERE = {"latitude": 31.230416, "longitude": 121.473701}
MORNING = {"start": "2098-03-03T09:00:00+08:00", "end": "2098-03-03T12:00:00+08:00"}
AFTERNOON = {"start": "2098-03-03T14:00:00+08:00", "end": "2098-03-03T17:00:00+08:00"}


def volunteer(**parts: Any) -> dict[str, Any]:
    """Return the body of a volunteer who lives in 外滩街道 and is free on Monday evenings."""
    given: dict[str, Any] = {
        "region": "310101002",
        "location": dict(HERE),
        "max_distance_km": 3.0,
        "availability": {"weekly": [{"days": ["mon"], "start": "18:00", "end": "21:00"}]},
    }
    return given | parts


def request(**parts: Any) -> dict[str, Any]:
    """Return the body of a request for one person within a morning, in 外滩街道."""
    return {"region": "310101002", "location": dict(HERE), "windows": [dict(MORNING)]} | parts
