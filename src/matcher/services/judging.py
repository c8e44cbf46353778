"""One stored request beside stored volunteers: from rows to judgements.

Everybody is placed as exactly as the key may know it. Without ``requests:read`` the request lies in the
middle of its cell; without ``volunteers:read``, or beyond the regions of the key, so does a home. What is
answered then tells no more of a place than the cell does.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from matcher.domain.access import Principal, Scope
from matcher.domain.dispatch import TIME_ZONE
from matcher.domain.plans import Pin, Problem
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from matcher.domain.windows import Interval
from matcher.matching import eligibility
from matcher.matching.eligibility import Judgement
from matcher.matching.problem import MAX_HORIZON, compile_problem
from matcher.services import cells, reading, snapshot
from matcher.storage.closeups import Asked, Person

__all__ = ["Judging", "at", "beside", "exact_regions", "pins_of", "stand_in", "within_horizon"]

_STAND_IN: Final = "\x1f{number}"


def stand_in(number: int) -> str:
    """Return an id for somebody, or something, that only stands in: no caller's id has a control character."""
    return _STAND_IN.format(number=number)


def at(request: HelpRequest, start: datetime) -> HelpRequest:
    """Return a request as if it could begin at one start alone, inside its windows or not at all."""
    if request.windows is None:
        return request
    end = start + timedelta(minutes=request.duration_min)
    fits = any(window.start <= start and end <= window.end for window in request.windows)
    return replace(request, windows=(Interval(start, end),) if fits else ())


def exact_regions(principal: Principal) -> tuple[str, ...]:
    """Return the regions in which the homes of volunteers are known to a key as they are."""
    return principal.regions if Scope.VOLUNTEERS_READ in principal.scopes else ()


class Judging:
    """A request that is held beside volunteers, with the offers that take places of it already.

    Attributes
    ----------
    asked
        The request as it is stored.
    request
        It in the words of the domain.
    """

    def __init__(self, principal: Principal, asked: Asked, *, now: datetime, is_exact: bool = False) -> None:
        self.asked = asked
        self._now = now
        # None: everywhere.
        self._exact = None if is_exact else exact_regions(principal)
        request = within_horizon(reading.request_of(asked.facts), now)
        if request.point is not None and not is_exact and Scope.REQUESTS_READ not in principal.scopes:
            request = replace(request, point=cells.blur(request.point).centre)
        self.request = request
        self._pins = pins_of(asked, request)
        self._holders = tuple(Volunteer(pin.volunteer_id) for pin in self._pins)

    @property
    def is_fixed(self) -> bool:
        """Whether somebody who comes has set the start."""
        return any(pin.start is not None for pin in self._pins)

    def judge(self, people: Sequence[Person], roles: Iterable[int]) -> list[Judgement]:
        """Return, for each of some roles, what becomes of the people, who are numbered as they come."""
        problem = Problem(
            now=self._now,
            time_zone=TIME_ZONE,
            requests=(self._kept_from(people),),
            volunteers=(*self._volunteers(people), *self._holders),
            pinned=self._pins,
        )
        return list(eligibility.judge(compile_problem(problem), roles))

    def begin_at(self, start: datetime) -> None:
        """Ask only for one start from now on, whoever comes already."""
        self.request = at(self.request, start)
        self._pins, self._holders = (), ()

    def _volunteers(self, people: Iterable[Person]) -> Iterator[Volunteer]:
        return (beside(person, self.asked.certified, self._exact) for person in people)

    def _kept_from(self, people: Iterable[Person]) -> HelpRequest:
        """Return the request, kept from those here who are not asked again."""
        refused = (person.facts.external_id for person in people if person.facts.no in self.asked.refused)
        excluded = tuple(dict.fromkeys((*self.request.excluded_volunteers, *refused)))
        return replace(self.request, excluded_volunteers=excluded)


def beside(person: Person, certified: AbstractSet[str], exact: tuple[str, ...] | None) -> Volunteer:
    """Return a volunteer beside all that they have promised.

    Parameters
    ----------
    certified
        Skills that count only with a certificate.
    exact
        In which regions homes are known as they are; None for everywhere.
    """
    volunteer = reading.volunteer_of(person.facts, certified=certified)
    if exact is not None and volunteer.point is not None and not person.facts.region.startswith(exact):
        volunteer = replace(volunteer, point=cells.blur(volunteer.point).centre)
    if not person.promises and not person.minutes:
        return volunteer
    spent = snapshot.Spent(recent=[person.minutes])
    for promise in person.promises:
        spent.add(promise)
    return snapshot.beside(volunteer, spent)


def within_horizon(request: HelpRequest, now: datetime) -> HelpRequest:
    """Return the request without what lies too far ahead to be planned."""
    if request.windows is None:
        return request
    end = now + MAX_HORIZON
    windows = (Interval(window.start, min(window.end, end)) for window in request.windows if window.start < end)
    return replace(request, windows=tuple(windows))


def pins_of(asked: Asked, request: HelpRequest) -> tuple[Pin, ...]:
    """Return the places that are taken, each by a stand-in, at the start that the first of them has set."""
    starts = [datetime.fromisoformat(promise.starts_at) for promise in asked.standing if promise.starts_at is not None]
    start = starts[0].replace(second=0, microsecond=0) if starts and request.windows is not None else None
    if request.windows is not None and start is None:
        return ()
    left = [role.count for role in request.roles]
    pins = []
    for promise in asked.standing:
        if promise.role < len(left) and left[promise.role]:
            left[promise.role] -= 1
            pins.append(Pin(request.id, stand_in(promise.offer_no), start, promise.role))
    return tuple(pins)
