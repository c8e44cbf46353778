"""What a solver process gives back to a run, and how it travels."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from matcher.storage.publishing import LeftOut, Placement

__all__ = ["Checked", "Solved", "pack", "unpack"]

Kind = TypeVar("Kind", "Solved", "Checked")


@dataclass(frozen=True, slots=True)
class Solved:
    """A problem with its plan, both as gzipped JSON.

    ``placements`` are the assignments that are new, ``offers`` those that the plan reckons with.
    """

    problem_hash: str
    problem: bytes
    plan: bytes
    summary: Mapping[str, Any]
    placements: Sequence[Placement]
    offers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Checked:
    """What of an older plan still holds, and what does not; ``offers`` are those that were reckoned with."""

    placements: Sequence[Placement]
    left_out: Sequence[LeftOut]
    offers: Sequence[int]


def pack(result: Solved | Checked) -> bytes:
    """Return a result as bytes."""
    return pickle.dumps(result)


def unpack(answer: bytes, kind: type[Kind]) -> Kind:
    """Return the result that a solver process of ours packed."""
    result = pickle.loads(answer)  # noqa: S301 - from our own process, over a socket that nobody else has
    if not isinstance(result, kind):
        raise TypeError(f"Expected {kind.__name__}, not {type(result).__name__}.")
    return result
