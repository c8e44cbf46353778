"""A run: one execution of matching for a region and a horizon."""

from enum import StrEnum

__all__ = ["RunMode", "RunStatus"]


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
