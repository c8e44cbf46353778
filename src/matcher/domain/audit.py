"""What is written into the audit trail, which rows are only ever added to."""

from enum import StrEnum

__all__ = ["Action"]


class Action(StrEnum):
    """Something that somebody may have to answer for."""

    PLACE_REVEALED = "place.revealed"
    REVEAL_REFUSED = "place.reveal-refused"
    STEP_ON_BEHALF = "offer.step-on-behalf"
    RECORD_CORRECTED = "record.corrected"
    RECORDS_EXPORTED = "records.exported"
    IMPORT_STARTED = "import.started"
    IMPORT_CANCELLED = "import.cancelled"
    ERASURE_REQUESTED = "erasure.requested"
    ERASURE_FINISHED = "erasure.finished"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
