"""A run: one execution of matching for a region and a horizon."""

from enum import StrEnum
from typing import Final

from matcher.domain.errors import MatcherError, Text

__all__ = ["PUBLISHING", "PlanMissingError", "RunActiveError", "RunMode", "RunStatus"]

# The stage of a run that is over and whose plan is being put to the volunteers.
PUBLISHING: Final = "publishing"


class RunMode(StrEnum):
    """What becomes of the plan: looked at, or put to the volunteers as offers."""

    PREVIEW = "preview"
    PUBLISH = "publish"


class RunStatus(StrEnum):
    """How far a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


class RunActiveError(MatcherError):
    """A run of the same region, of one above or of one below, is not over yet."""

    code = "run-active"

    def __init__(self, active: str | None) -> None:
        self.active = active
        if active is None:
            detail = Text(
                en="A run of a region that holds this one is not over yet. Wait for its end.",
                zh="上级区域的匹配运行尚未结束，请等待其完成。",
            )
        else:
            detail = Text(
                en="The run {id} of this region, or one above or below it, is not over yet. Wait for it or cancel it.",
                zh="该区域或其上下级区域的匹配运行 {id} 尚未结束。请等待其完成或将其取消。",
                values={"id": active},
            )
        super().__init__(detail)

    def __reduce__(self) -> tuple[type["RunActiveError"], tuple[object, ...]]:
        return type(self), (self.active,)


class PlanMissingError(MatcherError):
    """The run has no plan: it is not over yet, or it ended without one."""

    code = "plan-missing"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="This run has no plan: it is not over yet, or it ended without one.",
                zh="该运行没有方案：尚未结束，或结束时没有得到方案。",
            )
        )

    def __reduce__(self) -> tuple[type["PlanMissingError"], tuple[object, ...]]:
        return type(self), ()
