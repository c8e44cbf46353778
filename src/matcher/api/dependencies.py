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


async def _state(request: Request) -> State:
    state: State = request.app.state.matcher
    return state


async def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the edge


StateDep = Annotated[State, Depends(_state)]
NowDep = Annotated[datetime, Depends(_now)]


async def _settings(state: StateDep) -> Settings:
    return state.settings


async def _database(state: StateDep) -> Database:
    return state.database


async def _solvers(state: StateDep) -> Solvers:
    return state.solvers


async def _results(state: StateDep) -> Results:
    return state.results


DatabaseDep = Annotated[Database, Depends(_database)]
SettingsDep = Annotated[Settings, Depends(_settings)]
SolversDep = Annotated[Solvers, Depends(_solvers)]
ResultsDep = Annotated[Results, Depends(_results)]
