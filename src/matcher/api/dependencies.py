"""What routes ask for: the clock, the settings, the solvers, the results. Read from outside here alone."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from matcher.api.state import State
from matcher.services.results import Results
from matcher.services.solving import Solvers
from matcher.settings import Settings

__all__ = ["NowDep", "ResultsDep", "SettingsDep", "SolversDep", "StateDep"]


def _state(request: Request) -> State:
    state: State = request.app.state.matcher
    return state


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the edge


StateDep = Annotated[State, Depends(_state)]
NowDep = Annotated[datetime, Depends(_now)]


def _settings(state: StateDep) -> Settings:
    return state.settings


def _solvers(state: StateDep) -> Solvers:
    return state.solvers


def _results(state: StateDep) -> Results:
    return state.results


SettingsDep = Annotated[Settings, Depends(_settings)]
SolversDep = Annotated[Solvers, Depends(_solvers)]
ResultsDep = Annotated[Results, Depends(_results)]
