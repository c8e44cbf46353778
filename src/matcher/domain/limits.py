"""How often something may happen: a quota that refills evenly over a window."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Bucket", "Budget", "Quota"]


class Budget(StrEnum):
    """What a call draws from. Answers to offers have their own: they live when all else is throttled."""

    CALLS = "calls"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Quota:
    """So many draws within a window."""

    count: int
    window_s: float


class Bucket:
    """What is left of a quota; instants are seconds of any clock that never goes back."""

    __slots__ = ("_at", "_left", "quota")

    def __init__(self, quota: Quota, *, now: float) -> None:
        self.quota = quota
        self._left = float(quota.count)
        self._at = now

    def draw(self, *, now: float) -> bool:
        """Take one, and tell whether there was one to take."""
        self._refill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def left(self, *, now: float) -> int:
        """Return how many can be taken at once."""
        self._refill(now)
        return int(self._left)

    def wait_s(self, *, now: float) -> float:
        """Return the seconds until one can be taken."""
        return self._seconds(1, now)

    def full_in_s(self, *, now: float) -> float:
        """Return the seconds until the whole quota is there again."""
        return self._seconds(self.quota.count, now)

    def _seconds(self, count: int, now: float) -> float:
        self._refill(now)
        return max(0.0, count - self._left) * self.quota.window_s / self.quota.count

    def _refill(self, now: float) -> None:
        passed = max(0.0, now - self._at)
        self._left = min(float(self.quota.count), self._left + passed * self.quota.count / self.quota.window_s)
        self._at = max(self._at, now)
