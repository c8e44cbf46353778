"""Whether the service lives, and whether it can take work."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from matcher.api import problems
from matcher.api.access import Open
from matcher.api.dependencies import StateDep
from matcher.api.problems import NotReadyError
from matcher.domain.errors import Fault, Text

__all__ = ["HealthBody", "router"]

router = APIRouter(prefix="/health", tags=["health"], dependencies=[Open])

_LOADING = Fault(
    "",
    "kernels-loading",
    Text(
        en="The solver is being compiled or loaded; scipy answers meanwhile.",
        zh="求解器正在编译或加载，期间由 scipy 求解。",
    ),
)
_NO_DATABASE = Fault("", "database-down", Text(en="The database does not answer.", zh="数据库没有响应。"))
_BEHIND = Fault(
    "",
    "schema-behind",
    Text(
        en="The schema of the database is behind this version: run `matcher migrate` on it once.",
        zh="数据库结构落后于当前版本：请对它运行一次 `matcher migrate`。",
    ),
)
_STOPPING = Fault("", "stopping", Text(en="The service is stopping.", zh="服务正在停止。"))


class HealthBody(BaseModel):
    """It is well."""

    status: Literal["live", "ready"]


@router.get("/live", operation_id="getLiveness", summary="Is it alive?", responses=problems.responses())
async def get_liveness() -> HealthBody:
    """Answers as long as the process turns; asks nobody else."""
    return HealthBody(status="live")


@router.get(
    "/ready", operation_id="getReadiness", summary="Can it take work?", responses=problems.responses("not-ready")
)
def get_readiness(state: StateDep) -> HealthBody:
    """Answers once solver, database and its schema are there; until then, 503 with what is missing."""
    answers = state.database.is_ready()
    faults = [
        fault
        for fault, holds in (
            (_STOPPING, state.stopping.is_set()),
            (_LOADING, not state.solvers.is_warm),
            (_NO_DATABASE, not answers),
            (_BEHIND, answers and not state.database.is_migrated()),
        )
        if holds
    ]
    if faults:
        raise NotReadyError(faults)
    return HealthBody(status="ready")
