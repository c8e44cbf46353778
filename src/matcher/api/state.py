"""What one running service holds, from its start to its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from matcher.api.callers import Callers
from matcher.api.rates import Rates
from matcher.services.results import Results
from matcher.services.solving import Solvers
from matcher.settings import Settings
from matcher.storage.database import Database

__all__ = ["Companion", "State"]


class Companion(Protocol):
    """What runs beside the routes, on the same database and solvers, from their start to their end."""

    def __init__(self, settings: Settings, database: Database, solvers: Solvers) -> None: ...

    def start(self) -> None:
        """Start it; returns at once."""

    def stop(self, *, drain_s: float) -> None:
        """End it, within some seconds; ending twice is no error."""


@dataclass(frozen=True, slots=True)
class State:
    """The settings, and what was started by them.

    ``stopping`` is set when the service has been told to end: whoever waits for news stops waiting.
    """

    settings: Settings
    database: Database
    solvers: Solvers
    results: Results
    stopping: asyncio.Event
    callers: Callers
    rates: Rates
    companions: Sequence[Companion]
