"""Who could serve a request now, best first, and why the others nearby cannot: by the rules of matching."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from matcher.domain import geo
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.plans import ReasonCount, Weights
from matcher.domain.reasons import Reason
from matcher.domain.requests import RequestStatus
from matcher.matching import distance, explain, pricing, slots
from matcher.matching.eligibility import Judgement
from matcher.services import cells
from matcher.services.judging import Judging, exact_regions
from matcher.services.search import View, search
from matcher.storage import candidates, closeups, grid, scopes
from matcher.storage.candidates import Bound, Ring
from matcher.storage.closeups import Asked, Person
from matcher.storage.database import Session
from matcher.storage.facts import RequestFacts
from matcher.storage.tables.people import RequestRow, VolunteerRow

__all__ = ["NEARBY", "Candidate", "Found", "Slot", "Verdict", "check", "find"]

# How many of those who live nearest are told apart by why they cannot come.
NEARBY: Final = 50

_MOST_SLOTS: Final = 3
_MATCHABLE: Final = (RequestStatus.OPEN, RequestStatus.PLANNED)
_LOAD_MIN: Final = 600
_NO_REQUEST: Final = Text(en="There is no such request.", zh="没有该求助。")
_NO_VOLUNTEER: Final = Text(en="There is no such volunteer.", zh="没有该志愿者。")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A volunteer who could fill a role, from their first possible start on."""

    volunteer_id: str
    role: int
    start: datetime | None
    end: datetime | None
    distance_m: int | None
    travel_min: int | None
    cost: int
    cost_terms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one volunteer does in one role: the first constraint that fails, or what they cost.

    ``rank`` is 1 for the best; None where it is not known for sure.
    """

    role: int
    reason: ReasonCount | None = None
    candidate: Candidate | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A start at which so many of the volunteers nearby could come, the nearest of them from ``nearest_m`` away."""

    start: datetime
    end: datetime
    is_within_windows: bool
    volunteers: int
    nearest_m: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """Who could serve a request.

    ``candidates`` are by role and cost; ``is_complete`` says that no other is better. Of the ``nearby``
    volunteers, who live nearest and are not asked already, ``reasons`` counts by role those who cannot,
    each at the first constraint that fails. ``verdicts`` are on the volunteer who was asked about, none if that one
    has an offer already.
    """

    facts: RequestFacts
    candidates: Sequence[Candidate] = ()
    is_complete: bool = True
    nearby: int = 0
    reasons: Sequence[tuple[int, ReasonCount]] = ()
    slots: Sequence[Slot] = ()
    verdicts: Sequence[Verdict] = ()
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class _Option:
    """An eligible volunteer as a judgement has them: by cost, then the nearer, then the id."""

    cost: int
    distance_m: int
    volunteer_id: str
    role: int
    v: int
    start: int
    judgement: Judgement

    @property
    def order(self) -> tuple[int, int, str]:
        return self.cost, self.distance_m, self.volunteer_id


def check(
    session: Session,
    principal: Principal,
    request: RequestRow,
    volunteer: VolunteerRow,
    role: int,
    start: datetime | None,
    now: datetime,
) -> Reason | None:
    """Return why a volunteer cannot fill a role of a request from ``start`` on; None if they can.

    The places left are not looked at: whoever takes one finds out.

    Raises
    ------
    NotFoundError
        If the key does not hold for one of the two.
    """
    asked = _asked(session, principal, request.external_id, now)
    people = closeups.list_volunteers(session, principal.client_no, [volunteer.no], now=now)
    if not people:
        raise NotFoundError(_NO_VOLUNTEER)
    judging = Judging(principal, asked, now=now, is_exact=True)
    if start is not None:
        judging.begin_at(start)
    (judged,) = judging.judge(people, [role])
    return judged.reason(0)


def find(
    session: Session,
    principal: Principal,
    request_id: str,
    *,
    limit: int,
    volunteer_id: str | None = None,
    now: datetime,
) -> Found:
    """Return who could take a place that is left, ``limit`` for each role, and better hours for the request.

    Raises
    ------
    NotFoundError
        If the key does not hold for the request, or for the volunteer that is named.
    """
    asked = _asked(session, principal, request_id, now)
    named = None
    if volunteer_id is not None:
        named = closeups.find_volunteer(session, principal.client_no, volunteer_id, regions=principal.regions, now=now)
        if named is None:
            raise NotFoundError(_NO_VOLUNTEER)
    facts = asked.facts
    roles = [role for role, most in enumerate(facts.places) if facts.taken[role] < most]
    if RequestStatus(facts.status) not in _MATCHABLE or not roles:
        return Found(facts)
    grid.keep_order(session)
    with scopes.crossing(session):
        return _Lookup(session, principal, asked, now).find(roles, named, limit=limit)


def _asked(session: Session, principal: Principal, request_id: str, now: datetime) -> Asked:
    asked = closeups.find_request(session, principal.client_no, request_id, regions=principal.regions, now=now)
    if asked is None:
        raise NotFoundError(_NO_REQUEST)
    return asked


class _Lookup:
    """One look for the candidates of one request."""

    def __init__(self, session: Session, principal: Principal, asked: Asked, now: datetime) -> None:
        self._session = session
        self._client_no = principal.client_no
        self._exact = exact_regions(principal)
        self._judging = Judging(principal, asked, now=now)
        self._now = now
        self._found: dict[int, list[_Option]] = {}

    def find(self, roles: Sequence[int], named: Person | None, *, limit: int) -> Found:
        """Judge those nearby, then whoever else may be better."""
        asked = self._judging.asked
        self._found = {role: [] for role in roles}
        nearby = self._nearby()
        judgements = self._judge(nearby, roles)
        is_asked = named is not None and named.facts.no in asked.asked
        verdicts = [] if named is None or is_asked else self._verdicts(named, roles)
        judged = {*asked.asked, *(person.facts.no for person in nearby)}
        own = {verdict.role: verdict.candidate.cost for verdict in verdicts if verdict.candidate is not None}
        proven = {role: self._search(role, {*judged}, limit, own.get(role, -1)) for role in roles}
        for options in self._found.values():
            options.sort(key=lambda option: option.order)
        return Found(
            asked.facts,
            candidates=[_candidate(option) for role in roles for option in self._found[role][:limit]],
            is_complete=all(_is_complete(self._found[role], proven[role], limit=limit) for role in roles),
            nearby=len(nearby),
            reasons=[
                (role, reason)
                for role, judgement in zip(roles, judgements, strict=True)
                for reason in judgement.reasons()
            ],
            slots=list(self._slots(judgements[0])),
            verdicts=[self._ranked(verdict, proven[verdict.role]) for verdict in verdicts],
            is_asked=is_asked,
        )

    def _nearby(self) -> list[Person]:
        point, asked = self._judging.request.point, self._judging.asked.asked
        if point is None:
            nos = self._look(0, NEARBY).nos[:NEARBY]
            found = closeups.list_volunteers(self._session, self._client_no, nos, now=self._now)
        else:
            found = closeups.list_nearest(self._session, self._client_no, point, now=self._now, limit=NEARBY)
        return [person for person in found if person.facts.no not in asked]

    def _judge(self, people: Sequence[Person], roles: Sequence[int]) -> list[Judgement]:
        """Judge people, and note the eligible ones."""
        judgements = self._judging.judge(people, roles)
        for role, judgement in zip(roles, judgements, strict=True):
            self._found[role] += _options(judgement, role)
        return judgements

    def _search(self, role: int, judged: set[int], limit: int, own: int) -> float:
        def judge(nos: Sequence[int]) -> None:
            self._judge(closeups.list_volunteers(self._session, self._client_no, nos, now=self._now), [role])

        def goal() -> float:
            costs = sorted(option.cost for option in self._found[role])
            return max(own, costs[limit - 1]) if len(costs) >= limit else math.inf

        return search(lambda most: self._look(role, most), judge, goal, judged=judged)

    def _look(self, role: int, most: int) -> View:
        """Look at the nearest volunteers, and tell what all others cost at least."""
        request, weights = self._judging.request, Weights()
        slack_m = 0 if "" in self._exact else cells.FARTHEST_M
        ring = candidates.scan(
            self._session,
            self._client_no,
            request.point,
            [need.code for need in request.roles[role].skills],
            Bound(weights.travel, weights.load, slack_m, self._exact),
            limit=most,
        )
        return View(ring.nos, ring.bounds, self._frontier(ring, most, slack_m))

    def _frontier(self, ring: Ring, most: int, slack_m: int) -> float:
        """Return what everybody costs at least who was not looked at."""
        point, weights = self._judging.request.point, Weights()
        frontier = math.inf
        if ring.nowhere == most:
            frontier = weights.load * min(ring.busiest_min, _LOAD_MIN) // _LOAD_MIN
        if ring.count < most:
            return frontier
        nearest_m = 0 if point is None else max(0, geo.least_m(point, ring.degrees) - slack_m)
        if ring.reach_m is not None and nearest_m > ring.reach_m:
            return frontier
        return min(frontier, weights.travel * nearest_m // 5000)

    def _verdicts(self, person: Person, roles: Sequence[int]) -> list[Verdict]:
        verdicts = []
        for role, judgement in zip(roles, self._judging.judge([person], roles), strict=True):
            reason = judgement.reason(0)
            if reason is None:
                verdicts.append(Verdict(role, candidate=_candidate(next(_options(judgement, role)))))
            else:
                count = explain.named_skill(judgement.compiled, judgement.row, ReasonCount(reason, 1))
                verdicts.append(Verdict(role, reason=count))
        return verdicts

    def _ranked(self, verdict: Verdict, proven: float) -> Verdict:
        own = verdict.candidate
        if own is None or proven <= own.cost:
            return verdict
        order = own.cost, -1 if own.distance_m is None else own.distance_m, own.volunteer_id
        better = sum(other.order < order for other in self._found[verdict.role])
        return Verdict(verdict.role, candidate=own, rank=better + 1)

    def _slots(self, judgement: Judgement) -> Iterator[Slot]:
        """Yield hours at which most of those nearby could come, the most first."""
        request = self._judging.request
        if not request.windows or self._judging.is_fixed:
            return
        for hours in slots.best_hours(judgement, most=_MOST_SLOTS):
            end = hours.start + timedelta(minutes=request.duration_min)
            is_within = any(window.start <= hours.start and end <= window.end for window in request.windows)
            yield Slot(hours.start, end, is_within, hours.volunteers, hours.nearest_m)


def _is_complete(found: Sequence[_Option], proven: float, *, limit: int) -> bool:
    """Tell whether nobody is missing among the best, by what everybody costs who was not judged."""
    return proven == math.inf or (len(found) >= limit and proven > found[limit - 1].cost)


def _options(judgement: Judgement, role: int) -> Iterator[_Option]:
    """Yield the eligible ones of a judgement."""
    volunteers = judgement.compiled.problem.volunteers
    columns = (judgement.volunteer, judgement.cost, judgement.start, judgement.distance_m)
    for v, cost, start, metres in zip(*(column.tolist() for column in columns), strict=True):
        yield _Option(cost, metres, volunteers[v].id, role, v, start, judgement)


def _candidate(option: _Option) -> Candidate:
    compiled, metres = option.judgement.compiled, option.distance_m
    begins = compiled.timeline.instant(option.start) if option.start >= 0 else None
    duration = timedelta(minutes=compiled.problem.requests[0].duration_min)
    speed = int(compiled.instance.volunteers.speed[option.v])
    return Candidate(
        volunteer_id=option.volunteer_id,
        role=option.role,
        start=begins,
        end=None if begins is None else begins + duration,
        distance_m=None if metres < 0 else metres,
        travel_min=None if metres < 0 else int(distance.travel_min(np.int64(metres), speed)),
        cost=option.cost,
        cost_terms=pricing.cost_terms(compiled, option.judgement.row, option.v, metres, option.start),
    )
