"""Who could serve a request now, by the rules of matching."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from matcher.domain.access import Principal
from matcher.domain.dispatch import TIME_ZONE
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.plans import Options, Pin, Problem
from matcher.domain.reasons import Reason
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from matcher.domain.windows import Interval
from matcher.matching import eligibility
from matcher.matching.problem import MAX_HORIZON, Compiled, compile_problem
from matcher.services import reading, snapshot
from matcher.storage import candidates
from matcher.storage.candidates import Asked, Person
from matcher.storage.database import Session
from matcher.storage.tables.people import RequestRow, VolunteerRow

__all__ = ["check"]

# Stands for whoever holds a place: no caller's id has a control character.
_HOLDER: Final = "\x1f{offer_no}"


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
    asked = candidates.find_request(
        session, principal.client_no, request.external_id, regions=principal.regions, now=now
    )
    people = candidates.list_named(session, principal.client_no, [volunteer.no], regions=("",), now=now)
    if asked is None or not people:
        raise NotFoundError(Text(en="There is no such pair of request and volunteer.", zh="没有该求助与志愿者的配对。"))
    wanted = _at(_request(asked, people), start)
    compiled = _compile(_within_horizon(wanted, now), [_volunteer(person, asked) for person in people], (), now)
    (judged,) = eligibility.judge(compiled, [role])
    return judged.reason(0)


def _request(asked: Asked, people: Iterable[Person]) -> HelpRequest:
    """Return the request, kept from everybody here who is not to be asked (again)."""
    request = reading.request_of(asked.facts)
    refused = (person.facts.external_id for person in people if person.facts.no in asked.refused)
    return replace(request, excluded_volunteers=tuple(dict.fromkeys((*request.excluded_volunteers, *refused))))


def _within_horizon(request: HelpRequest, now: datetime) -> HelpRequest:
    """Return the request without what lies too far ahead to be planned."""
    if request.windows is None:
        return request
    end = now + MAX_HORIZON
    windows = (Interval(window.start, min(window.end, end)) for window in request.windows if window.start < end)
    return replace(request, windows=tuple(windows))


def _at(request: HelpRequest, start: datetime | None) -> HelpRequest:
    """Return the request as if it could begin at one start alone."""
    if request.windows is None or start is None:
        return request
    end = start + timedelta(minutes=request.duration_min)
    fits = any(window.start <= start and end <= window.end for window in request.windows)
    return replace(request, windows=(Interval(start, end),) if fits else ())


def _volunteer(person: Person, asked: Asked) -> Volunteer:
    """Return a volunteer beside all that they have promised."""
    spent = snapshot.Spent(recent=[person.minutes])
    for promise in person.promises:
        spent.add(promise)
    return snapshot.beside(reading.volunteer_of(person.facts, certified=asked.certified), spent)


def _compile(request: HelpRequest, volunteers: Sequence[Volunteer], pins: Sequence[Pin], now: datetime) -> Compiled:
    problem = Problem(
        now=now,
        time_zone=TIME_ZONE,
        requests=(request,),
        volunteers=tuple(volunteers),
        pinned=tuple(pins),
        options=Options(),
    )
    return compile_problem(problem)
