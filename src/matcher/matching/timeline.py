"""Instants as whole minutes since the epoch of a problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINUTE", "Timeline", "pointers"]

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Minutes since ``epoch`` (the first whole minute that is not before now), in ``zone``."""

    epoch: datetime
    zone: ZoneInfo

    @classmethod
    def starting(cls, now: datetime, zone: ZoneInfo) -> "Timeline":
        """Begin at the first whole minute that is not before ``now``."""
        instant = now.astimezone(UTC)
        whole = instant.replace(second=0, microsecond=0)
        return cls(whole if whole == instant else whole + MINUTE, zone)

    def minute_up(self, instant: datetime) -> int:
        """Return the first whole minute that is not before ``instant``."""
        return -((self.epoch - instant) // MINUTE)

    def minute_down(self, instant: datetime) -> int:
        """Return the last whole minute that is not after ``instant``."""
        return (instant - self.epoch) // MINUTE

    def minute_after_day(self, day: date) -> int:
        """Return the local midnight that ends ``day``."""
        return self.minute_up(datetime.combine(day + timedelta(days=1), time(), self.zone))

    def instant(self, minute: int) -> datetime:
        """Return the instant of a minute, in the zone of the problem."""
        return (self.epoch + int(minute) * MINUTE).astimezone(self.zone)


def pointers(lists: Sequence[Sequence[object]]) -> NDArray[np.int32]:
    """Return where each list starts when all are laid end to end: shape (len(lists) + 1,)."""
    ends = np.zeros(len(lists) + 1, np.int32)
    np.cumsum([len(entries) for entries in lists], out=ends[1:])
    return ends
