"""How people match by hand: the yardstick beside which a plan is worth something."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from matcher.domain.plans import Problem
from matcher.matching.arrays import Edges, Instance
from matcher.matching.candidates import candidates
from matcher.matching.problem import compile_problem
from matcher.simulation.diaries import Diaries

__all__ = ["Choice", "nearest_first"]

_NEVER_ASKED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Choice:
    """One volunteer sent to one request.

    ``request`` and ``volunteer`` are positions in the problem, ``role`` one in the request.
    ``start_min`` counts from the first whole minute that is not before now, and is -1 where the
    request has no time; ``distance_m`` is -1 where it is not known.
    """

    request: int
    role: int
    volunteer: int
    start_min: int
    distance_m: int


def nearest_first(problem: Problem, *, urgent_first: bool = False) -> list[Choice]:
    """Serve the requests in the order of their arrival, each by the nearest volunteers who still can.

    With ``urgent_first`` the urgent ones come before, in the order of their arrival among equals.

    The nearest of a team who still has time sets the start; the others are the nearest who are free
    then. Every rule of the problem is kept. Pinned assignments are taken as made, and not listed.
    """
    compiled = compile_problem(problem)
    edges = candidates(compiled.instance)
    desk = _Desk(compiled.instance, edges)
    arrival = [request.requested_at or _NEVER_ASKED for request in problem.requests]
    order = sorted(range(len(arrival)), key=arrival.__getitem__)
    if urgent_first:
        order.sort(key=lambda r: -problem.requests[r].urgency)
    return [choice for r in order for choice in desk.serve(r)]


class _Desk:
    """What a dispatcher has before them: who is near, nearest first, and everybody's diary."""

    def __init__(self, instance: Instance, edges: Edges) -> None:
        self._diaries = Diaries(instance, edges)
        self._row_ptr = instance.requests.row_ptr.tolist()
        by_distance = np.lexsort((edges.volunteer, edges.distance_m, edges.row))
        pairs = np.stack([edges.volunteer, edges.distance_m], axis=1)[by_distance].tolist()
        self._near: list[list[tuple[int, int]]] = [pairs[first:last] for first, last in pairwise(edges.ptr.tolist())]

    def serve(self, r: int) -> list[Choice]:
        """Return who goes, and write it into their diaries; nobody, if the least number cannot go."""
        for start in self._starts(r):
            team = self._team(r, start)
            if self._diaries.is_enough(r, [choice.role for choice in team]):
                for choice in team:
                    self._diaries.add(choice.volunteer, self._row_ptr[r] + choice.role, start)
                return team
        return []

    def _starts(self, r: int) -> Iterator[int]:
        """Yield the first free start of the nearest volunteer, then of the next, each once."""
        tried = set()
        for row in range(self._row_ptr[r], self._row_ptr[r + 1]):
            for v, _ in self._near[row]:
                start = self._diaries.first_start(v, row)
                if start is not None and start not in tried:
                    tried.add(start)
                    yield start

    def _team(self, r: int, start: int) -> list[Choice]:
        team: list[Choice] = []
        taken: set[int] = set()
        for role, row in enumerate(range(self._row_ptr[r], self._row_ptr[r + 1])):
            places = self._diaries.places(row)
            for v, distance_m in self._near[row]:
                if not places:
                    break
                if v not in taken and self._diaries.has_room(v, row, start):
                    team.append(Choice(r, role, v, start, distance_m))
                    taken.add(v)
                    places -= 1
        return team
