"""How offers are put to volunteers: the rules of dispatch, as data."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["LIFETIME", "TIME_ZONE", "URGENT_WITHIN", "Haste", "haste", "lifetime"]

# The wall clock of weekly availability, and of what counts as the same day.
TIME_ZONE: Final = ZoneInfo("Asia/Shanghai")


class Haste(StrEnum):
    """How soon the service begins."""

    URGENT = "urgent"
    SAME_DAY = "same-day"
    LATER = "later"


URGENT_WITHIN: Final = timedelta(hours=2)

# How long a volunteer has to answer.
LIFETIME: Final[dict[Haste, timedelta]] = {
    Haste.URGENT: timedelta(minutes=10),
    Haste.SAME_DAY: timedelta(minutes=45),
    Haste.LATER: timedelta(hours=6),
}


def haste(starts_at: datetime | None, *, now: datetime) -> Haste:
    """Return how soon a service begins; one without time is for later."""
    if starts_at is None:
        return Haste.LATER
    if starts_at - now <= URGENT_WITHIN:
        return Haste.URGENT
    is_today = starts_at.astimezone(TIME_ZONE).date() == now.astimezone(TIME_ZONE).date()
    return Haste.SAME_DAY if is_today else Haste.LATER


def lifetime(starts_at: datetime | None, *, now: datetime) -> timedelta:
    """Return how long an offer stands: by its haste, and never beyond the start of the service."""
    allowed = LIFETIME[haste(starts_at, now=now)]
    return allowed if starts_at is None else max(timedelta(0), min(allowed, starts_at - now))
