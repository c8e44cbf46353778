"""Best first: whoever may turn out best is judged next, until nobody who is left can be better.

How far is looked grows step by step, and how many are judged is limited: the answer then says below
which cost it is complete.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["FIRST_LOOK", "LAST_LOOK", "MOST_JUDGED", "View", "search"]

# How many rows of an index are looked at, first and in the end.
FIRST_LOOK, LAST_LOOK = 1_000, 20_000
MOST_JUDGED: Final = 512

# How many are judged together, to begin with and at most: the more there are, the less each of them takes.
_FEW, _MANY = 32, 128
_WIDER: Final = 4
# People do not live evenly spread.
_UNEVEN: Final = 1.25


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
    budget, limit, at_once = MOST_JUDGED, FIRST_LOOK, _FEW
    while True:
        view = look(limit)
        waiting = [(bound, no) for bound, no in zip(view.bounds, view.nos, strict=True) if no not in judged]
        at = 0
        while at < len(waiting) and budget > 0 and waiting[at][0] <= min(goal(), view.frontier):
            most = min(goal(), view.frontier)
            chunk = [no for bound, no in waiting[at : at + min(at_once, budget)] if bound <= most]
            judge(chunk)
            judged.update(chunk)
            at += len(chunk)
            budget -= len(chunk)
            at_once = min(2 * at_once, _MANY)
        proven = min(waiting[at][0] if at < len(waiting) else math.inf, view.frontier)
        if proven > goal() or proven == math.inf or budget <= 0 or limit == LAST_LOOK:
            return proven
        limit = _wider(limit, view.frontier, goal())


def _wider(limit: int, frontier: float, goal: float) -> int:
    """Return how many rows to look at next, so that what is not seen costs more than the goal.

    Cost grows with distance, and the number of rows with its square.
    """
    is_known = 0 < frontier < goal < math.inf
    times = _UNEVEN * (goal / frontier) ** 2 if is_known else _WIDER
    return min(LAST_LOOK, max(round(limit * times), 2 * limit))
