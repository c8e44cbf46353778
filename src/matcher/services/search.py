"""Best first: whoever may turn out best is judged next, until nobody who is left can be better.

How far is looked grows step by step, and how many are judged is limited: the answer then says below
which cost it is complete.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["MOST_JUDGED", "View", "search"]

# How many rows of an index are looked at, until one of them is enough.
LIMITS: Final = (1_000, 4_000, 20_000)
MOST_JUDGED: Final = 512
_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class View:
    """What is seen from one distance: numbers by the least cost that each can have, and that of all who are not seen.

    ``frontier`` is infinite where there is nobody else.
    """

    nos: Sequence[int]
    bounds: Sequence[int]
    frontier: float


def search(
    look: Callable[[int], View],
    judge: Callable[[Sequence[int]], None],
    goal: Callable[[], float],
    *,
    judged: set[int],
) -> float:
    """Judge one after another by least cost until the goal is proven.

    Parameters
    ----------
    look
        Returns what is seen when so many rows are looked at.
    judge
        Takes some numbers, and finds out what they cost.
    goal
        Returns the cost up to which everybody has to be found: infinite as long as too few are.
    judged
        Numbers that were judged before; those that are judged now are added.

    Returns
    -------
    float
        Whoever costs less than this has been judged; infinite if everybody was.
    """
    proven, budget = 0.0, MOST_JUDGED
    for limit in LIMITS:
        view = look(limit)
        waiting = [(bound, no) for bound, no in zip(view.bounds, view.nos, strict=True) if no not in judged]
        at = 0
        while at < len(waiting) and budget > 0 and waiting[at][0] <= min(goal(), view.frontier):
            most = min(goal(), view.frontier)
            chunk = [no for bound, no in waiting[at : at + min(_AT_ONCE, budget)] if bound <= most]
            judge(chunk)
            judged.update(chunk)
            at += len(chunk)
            budget -= len(chunk)
        proven = min(waiting[at][0] if at < len(waiting) else math.inf, view.frontier)
        if proven > goal() or proven == math.inf or budget <= 0:
            break
    return proven
