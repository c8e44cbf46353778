"""Open requests that a volunteer could take, best first, told so that nobody learns more of a place than its cell.

A request counts as in the middle of its cell throughout: for who may take it, for its rank, and for its
distance. Two requests in one cell that differ in nothing but their doors get the same answer.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from matcher.domain import geo
from matcher.domain.access import Principal
from matcher.domain.dispatch import TIME_ZONE
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.plans import Options, Pin, Problem, Weights
from matcher.domain.requests import HelpRequest, RequestStatus, Role
from matcher.domain.volunteers import SPEED_M_PER_H, Volunteer
from matcher.matching import candidates, distance, eligibility
from matcher.matching.problem import Compiled, compile_problem
from matcher.services import cells, reading
from matcher.services.cells import Cell
from matcher.services.judging import beside, exact_regions, pins_of, within_horizon
from matcher.services.search import View, search
from matcher.storage import closeups, grid, opportunities, scopes
from matcher.storage.closeups import Asked, Person
from matcher.storage.database import Session
from matcher.storage.facts import RequestFacts
from matcher.storage.opportunities import Field, Sought

__all__ = ["Listing", "Opportunity", "list_for"]

_MATCHABLE: Final = (RequestStatus.OPEN, RequestStatus.PLANNED)
_MOST_STARTS: Final = 3
# What a request would cost in other people's skills is for a dispatcher to weigh.
_WEIGHTS: Final = Weights(overqualification=0)
_MOST_URGENCY: Final = 2**15
_COST_BITS: Final = 32
_FAR_M: Final = 2**31
_NO_VOLUNTEER: Final = Text(en="There is no such volunteer.", zh="没有该志愿者。")


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A request that the volunteer could take a place of; ``cell`` and ``distance_m`` are None without a place."""

    facts: RequestFacts
    role: int
    needs: Role
    open_places: int
    cell: Cell | None
    distance_m: int | None
    travel_min: int | None
    starts: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Listing:
    """Opportunities, the most urgent first; ``is_complete`` says that no other is better."""

    opportunities: Sequence[Opportunity]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class _Option:
    """An eligible row of a problem, and what decides its rank."""

    rank: int
    distance_m: int
    asked: Asked
    role: int
    cell: Cell | None
    compiled: Compiled
    row: int

    @property
    def order(self) -> tuple[int, int, str]:
        return self.rank, self.distance_m, self.asked.facts.external_id


def list_for(session: Session, principal: Principal, volunteer_id: str, *, limit: int, now: datetime) -> Listing:
    """Return what a volunteer could do within the regions of the key, ``limit`` requests at most.

    Raises
    ------
    NotFoundError
        If the key does not hold for the volunteer.
    """
    with scopes.crossing(session):
        person = closeups.find_volunteer(session, principal.client_no, volunteer_id, regions=principal.regions, now=now)
    if person is None:
        raise NotFoundError(_NO_VOLUNTEER)
    grid.keep_order(session)
    return _Lookup(session, principal, person, now).find(limit)


class _Lookup:
    """One look for the opportunities of one volunteer."""

    def __init__(self, session: Session, principal: Principal, person: Person, now: datetime) -> None:
        self._session = session
        self._principal = principal
        self._person = person
        self._now = now
        self._exact = exact_regions(principal)
        volunteer = beside(person, frozenset(), self._exact)
        limits = [volunteer.max_distance_m]
        if volunteer.max_travel_min is not None:
            limits.append(volunteer.max_travel_min * SPEED_M_PER_H[volunteer.travel_mode] // 60)
        self._point = volunteer.point
        self._sought = Sought(
            skill_codes=[skill.code for skill in volunteer.skills],
            reach_m=min((limit for limit in limits if limit is not None), default=_FAR_M),
            slack_m=cells.FARTHEST_M,
            travel=_WEIGHTS.travel,
        )
        self._found: list[_Option] = []

    def find(self, limit: int) -> Listing:
        """Judge requests, the most urgent first, until ``limit`` are found that no other can beat."""

        def goal() -> float:
            ranks = sorted(option.rank for option in self._found)
            return ranks[limit - 1] if len(ranks) >= limit else math.inf

        proven = search(self._look, self._judge, goal, judged=set())
        chosen = sorted(self._found, key=lambda option: option.order)[:limit]
        is_complete = proven == math.inf or (len(chosen) == limit and proven > chosen[-1].rank)
        return Listing([_opportunity(option) for option in chosen], is_complete)

    def _look(self, most: int) -> View:
        field = opportunities.scan(
            self._session,
            self._principal.client_no,
            self._point,
            self._sought,
            regions=self._principal.regions,
            limit=most,
        )
        bounds = [_rank(urgency, cost) for urgency, cost in zip(field.urgencies, field.costs, strict=True)]
        return View(field.nos, bounds, self._frontier(field, most))

    def _frontier(self, field: Field, most: int) -> float:
        """Return how good a request can be at best that was not looked at."""
        if field.nowhere == most:
            return 0.0
        if field.count < most:
            return math.inf
        if self._point is None:
            return _rank(field.least_urgency, 0)
        nearest_m = geo.least_m(self._point, field.degrees) - self._sought.slack_m
        return math.inf if nearest_m > self._sought.reach_m else 0.0

    def _judge(self, nos: Sequence[int]) -> None:
        """Note the requests of which the volunteer could take a place."""
        found = closeups.list_requests(
            self._session, self._principal.client_no, nos, regions=self._principal.regions, now=self._now
        )
        mine = self._person.facts.no
        asked = [each for each in found if _is_open(each) and mine not in each.asked and mine not in each.refused]
        if asked:
            self._found += self._options(asked)

    def _options(self, asked: Sequence[Asked]) -> Iterator[_Option]:
        blurred = [_blurred(each, self._now) for each in asked]
        pins = [pin for each, (request, _) in zip(asked, blurred, strict=True) for pin in pins_of(each, request)]
        compiled = self._compile(asked, [request for request, _ in blurred], pins)
        instance = compiled.instance
        edges = candidates.candidates(instance, compiled=False)
        seen: set[int] = set()
        for edge in range(len(edges.volunteer)):
            row = int(edges.row[edge])
            r = int(instance.rows.request[row])
            if edges.volunteer[edge] != 0 or r in seen:
                continue
            seen.add(r)
            yield _Option(
                rank=_rank(asked[r].facts.urgency, int(edges.cost[edge])),
                distance_m=int(edges.distance_m[edge]),
                asked=asked[r],
                role=row - int(instance.requests.row_ptr[r]),
                cell=blurred[r][1],
                compiled=compiled,
                row=row,
            )

    def _compile(self, asked: Sequence[Asked], requests: Sequence[HelpRequest], pins: Sequence[Pin]) -> Compiled:
        certified = frozenset(code for each in asked for code in each.certified)
        problem = Problem(
            now=self._now,
            time_zone=TIME_ZONE,
            requests=tuple(requests),
            volunteers=(
                beside(self._person, certified, self._exact),
                *(Volunteer(pin.volunteer_id) for pin in pins),
            ),
            pinned=tuple(pins),
            options=Options(weights=_WEIGHTS),
        )
        return compile_problem(problem)


def _rank(urgency: int, cost: int) -> int:
    """Return urgency and cost as one number, the best the least."""
    return (_MOST_URGENCY - urgency << _COST_BITS) + cost


def _is_open(asked: Asked) -> bool:
    facts = asked.facts
    is_matchable = RequestStatus(facts.status) in _MATCHABLE and facts.verified
    return is_matchable and sum(facts.taken) < sum(facts.places)


def _blurred(asked: Asked, now: datetime) -> tuple[HelpRequest, Cell | None]:
    """Return a request as if it lay in the middle of its cell, and the cell."""
    request = within_horizon(reading.request_of(asked.facts), now)
    if request.point is None:
        return request, None
    cell = cells.blur(request.point)
    return replace(request, point=cell.centre), cell


def _opportunity(option: _Option) -> Opportunity:
    compiled, facts = option.compiled, option.asked.facts
    metres = option.distance_m
    speed = int(compiled.instance.volunteers.speed[0])
    return Opportunity(
        facts=facts,
        role=option.role,
        needs=compiled.problem.requests[int(compiled.instance.rows.request[option.row])].roles[option.role],
        open_places=facts.places[option.role] - facts.taken[option.role],
        cell=option.cell,
        distance_m=None if metres < 0 else metres,
        travel_min=None if metres < 0 else int(distance.travel_min(np.int64(metres), speed)),
        starts=eligibility.next_starts(compiled, option.row, 0, most=_MOST_STARTS),
    )
