"""An erasure: a person disappears from everything that is kept."""

from enum import StrEnum

__all__ = ["ErasureKind", "ErasureStatus"]


class ErasureKind(StrEnum):
    """Who or what is erased: a volunteer, all requests of somebody who asked for help, or one request."""

    VOLUNTEER = "volunteer"
    REQUESTER = "requester"
    REQUEST = "request"


class ErasureStatus(StrEnum):
    """How far an erasure is."""

    RUNNING = "running"
    FINISHED = "finished"
