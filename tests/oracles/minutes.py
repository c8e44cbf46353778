"""Sets of whole minutes as sorted, disjoint, closed ranges."""

from collections.abc import Iterable

__all__ = ["Minutes", "both", "first", "since", "union"]

Minutes = tuple[tuple[int, int], ...]


def union(ranges: Iterable[tuple[int, int]]) -> Minutes:
    """Return the minutes that lie in any of the ranges; an empty range ends before it starts."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if end < start:
            continue
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def both(one: Minutes, other: Minutes) -> Minutes:
    """Return the minutes that lie in both."""
    return union((max(a, c), min(b, d)) for a, b in one for c, d in other)


def since(minutes: Minutes, start: int) -> Minutes:
    """Return the minutes that are not before ``start``."""
    return union((max(a, start), b) for a, b in minutes)


def first(minutes: Minutes, start: int) -> int | None:
    """Return the first minute that is not before ``start``."""
    return next((max(a, start) for a, b in minutes if b >= start), None)
