"""One thing wrong in a plan."""

from dataclasses import dataclass
from enum import StrEnum

from matcher.domain.reasons import Reason

__all__ = ["Defect", "Violation"]


class Defect(StrEnum):
    """A fault of the plan itself; where a hard constraint of a pair is broken, its ``Reason`` is used."""

    UNKNOWN_ID = "unknown-id"
    UNKNOWN_ROLE = "unknown-role"
    REPEATED_PAIR = "repeated-pair"
    PIN_LOST = "pin-lost"
    PIN_MOVED = "pin-moved"
    PIN_INVENTED = "pin-invented"
    BEFORE_NOW = "before-now"
    OUTSIDE_WINDOW = "outside-window"
    STARTS_DIFFER = "starts-differ"
    WRONG_TIMES = "wrong-times"
    WRONG_TRAVEL = "wrong-travel"
    WRONG_COST = "wrong-cost"
    HEADCOUNT_EXCEEDED = "headcount-exceeded"
    WRONG_UNASSIGNED = "wrong-unassigned"
    WRONG_SUMMARY = "wrong-summary"
    FALSE_PROOF = "false-proof"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the plan breaks, where, and in words."""

    code: Reason | Defect
    request_id: str | None
    volunteer_id: str | None
    detail: str
