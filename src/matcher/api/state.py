"""What one running service holds, from its start to its end."""

import asyncio
from dataclasses import dataclass

from matcher.api.callers import Callers
from matcher.api.rates import Rates
from matcher.services.results import Results
from matcher.services.solving import Solvers
from matcher.settings import Settings
from matcher.storage.database import Database

__all__ = ["State"]


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
