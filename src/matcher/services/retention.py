"""Letting go of what has been kept for long enough."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from matcher.domain.geo import Point
from matcher.domain.retention import Retention
from matcher.services import cells
from matcher.storage import retention
from matcher.storage.database import Session

__all__ = ["steps"]

# Lets go of some things of an age, and tells whether there may be more.
Step = Callable[[Session], bool]

# So many at a time that each transaction is short.
_LIMITS: Final[Mapping[str, int]] = {
    "problems": 10,
    "plans": 100,
    "places": 500,
    "events": 10_000,
    "audit": 10_000,
    "imports": 10,
}


def steps(kept: Retention) -> Mapping[str, Step]:
    """Return what lets go of each kind of thing; each is called until it says that there is no more."""
    by_name: dict[str, tuple[timedelta | None, Callable[..., int]]] = {
        "problems": (kept.problems, retention.delete_problems),
        "plans": (kept.plans, retention.delete_plans),
        "places": (kept.places, _blur_places),
        "events": (kept.events, retention.delete_events),
        "audit": (kept.audit, retention.delete_audit),
        "imports": (kept.imports, retention.delete_imports),
    }
    return {name: _step(let_go, age, _LIMITS[name]) for name, (age, let_go) in by_name.items() if age is not None}


def _step(let_go: Callable[..., int], age: timedelta, limit: int) -> Step:
    return lambda session: let_go(session, age, limit=limit) == limit


def _blur_places(session: Session, age: timedelta, *, limit: int) -> int:
    found = retention.list_exact(session, age, limit=limit)
    for request in found:
        if request.latitude is None or request.longitude is None:
            retention.blur(session, request, latitude=None, longitude=None)
            continue
        centre = cells.blur(Point(request.latitude, request.longitude)).centre
        retention.blur(session, request, latitude=centre.latitude, longitude=centre.longitude)
    return len(found)
