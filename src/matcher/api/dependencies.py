"""What routes ask for: the clock, the settings, the solvers, the results. Read from outside here alone.

They are coroutines, although they wait for nothing: a plain function would be sent to another thread
at each call, which takes longer than what it does.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from matcher.api.state import State
from matcher.services.results import Results
from matcher.services.solving import Solvers
from matcher.settings import Settings
from matcher.storage.database import Database

__all__ = ["DatabaseDep", "NowDep", "ResultsDep", "SettingsDep", "SolversDep", "StateDep"]


def _of(request: Request) -> State:
    state: State = request.app.state.matcher
    return state


async def _state(request: Request) -> State:
    return _of(request)


async def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the edge


# Each asks the request itself: one that asked another one would be two to be resolved at each call.
async def _settings(request: Request) -> Settings:
    return _of(request).settings


async def _database(request: Request) -> Database:
    return _of(request).database


async def _solvers(request: Request) -> Solvers:
    return _of(request).solvers


async def _results(request: Request) -> Results:
    return _of(request).results


StateDep = Annotated[State, Depends(_state)]
NowDep = Annotated[datetime, Depends(_now)]
DatabaseDep = Annotated[Database, Depends(_database)]
SettingsDep = Annotated[Settings, Depends(_settings)]
SolversDep = Annotated[Solvers, Depends(_solvers)]
ResultsDep = Annotated[Results, Depends(_results)]
