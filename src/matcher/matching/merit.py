"""What orders plans: urgency served, then places beyond the minimum, then cost."""

from typing import NamedTuple

__all__ = ["Merit"]


class Merit(NamedTuple):
    """What orders plans: the higher the better, level by level."""

    served_urgency: int
    extra_urgency: int
    saved: int  # minus the cost
