"""A problem after its nearest fix: the one change, made."""

from dataclasses import replace
from datetime import date

from matcher.domain.plans import NearestFix, Pair, Problem
from matcher.domain.reasons import Fix
from matcher.domain.requests import HelpRequest, Role
from matcher.domain.volunteers import Skill, Volunteer
from matcher.domain.windows import Availability, Interval

__all__ = ["NEWCOMER", "after"]

NEWCOMER = "newcomer"
LATE = date(2099, 12, 31)


def after(problem: Problem, request: HelpRequest, role: Role, fix: NearestFix) -> Problem:
    """Return the problem with the change that a fix proposes for one role of a request."""
    if fix.code is Fix.ADD_VOLUNTEER:
        return _with_newcomer(problem, request, role, fix)
    changed = tuple(_changed(who, request, fix) if who.id == fix.volunteer_id else who for who in problem.volunteers)
    return replace(problem, volunteers=changed)


def _with_newcomer(problem: Problem, request: HelpRequest, role: Role, fix: NearestFix) -> Problem:
    """Add somebody who lives at the place, has what the role asks for, and comes when the fix says."""
    newcomer = Volunteer(
        NEWCOMER,
        point=request.point,
        skills=tuple(Skill(need.code, need.level) for need in role.skills),
        trainings=request.trainings,
        insured_until=LATE,
        gender=role.gender,
        availability=_only(fix),
    )
    pairs = None if problem.pairs is None else (*problem.pairs, Pair(request.id, NEWCOMER))
    return replace(problem, volunteers=(*problem.volunteers, newcomer), pairs=pairs)


def _changed(who: Volunteer, request: HelpRequest, fix: NearestFix) -> Volunteer:
    if fix.code is Fix.WIDEN_DISTANCE:
        metres = who.max_distance_m if fix.to_km is None else round(fix.to_km * 1000)
        minutes = who.max_travel_min if fix.to_min is None else fix.to_min
        return replace(who, max_distance_m=metres, max_travel_min=minutes)
    if fix.code is Fix.ADD_AVAILABILITY:
        return replace(who, availability=_only(fix))
    if fix.code is Fix.RAISE_CAPACITY:
        return replace(who, max_assignments=None, max_minutes=None)
    if fix.code is Fix.GIVE_TRAINING:
        return replace(who, trainings=(*who.trainings, *request.trainings))
    if fix.code is Fix.GIVE_INSURANCE:
        return replace(who, insured_until=LATE)
    if fix.code in {Fix.RAISE_LEVEL, Fix.RENEW_CERTIFICATE} and fix.skill is not None:
        others = tuple(skill for skill in who.skills if skill.code != fix.skill)
        return replace(who, skills=(*others, Skill(fix.skill, fix.level or 1)))
    raise AssertionError(f"there is no way to do {fix.code}")


def _only(fix: NearestFix) -> Availability | None:
    if fix.start is None or fix.end is None:
        return None
    return Availability(extra=(Interval(fix.start, fix.end),))
