"""An import: volunteers or requests that come in bulk."""

from enum import StrEnum

__all__ = ["ImportFormat", "ImportKind", "ImportStatus"]


class ImportKind(StrEnum):
    """What the lines are."""

    VOLUNTEERS = "volunteers"
    REQUESTS = "requests"


class ImportFormat(StrEnum):
    """How the lines are written."""

    NDJSON = "ndjson"
    CSV = "csv"


class ImportStatus(StrEnum):
    """How far an import is."""

    RECEIVING = "receiving"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
