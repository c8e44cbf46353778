"""How long is kept what is not needed for ever."""

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["Retention"]


@dataclass(frozen=True, slots=True)
class Retention:
    """The ages at which things go; None keeps them.

    Attributes
    ----------
    problems
        The problems that runs solved, with their exact places.
    plans
        The plans of runs.
    places
        The exact places and notes of requests that are closed: of the place its cell stays.
    events
        The event feed.
    audit
        The audit trail.
    imports
        Imports that have ended, with what was wrong with their lines.
    """

    problems: timedelta | None
    plans: timedelta | None
    places: timedelta | None
    events: timedelta | None
    audit: timedelta | None
    imports: timedelta | None
