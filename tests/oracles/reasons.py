"""Why each volunteer does not serve a request that stays open: the first constraint that fails."""

from collections import Counter
from collections.abc import Iterator, Sequence

from matcher.domain.plans import Plan, Problem
from matcher.domain.reasons import Reason
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from oracles.minutes import Minutes, both, union
from oracles.rules import Rules

__all__ = ["Counts", "counts"]

Counts = dict[tuple[str, int | None, Reason], int]


def counts(problem: Problem, plan: Plan) -> Counts:
    """Return how many volunteers fail first at each constraint, by request, role and reason.

    The role is None unless the request asks by role. Whoever serves the request is not counted.
    """
    rules = Rules(problem)
    return dict(Counter(_reasons(rules, plan)))


def _reasons(rules: Rules, plan: Plan) -> Iterator[tuple[str, int | None, Reason]]:
    for left in plan.unassigned:
        request = rules.request_of[left.request_id]
        here = [item for item in plan.assignments if item.request_id == request.id]
        present = {item.volunteer_id for item in here}
        for number, role in enumerate(request.roles):
            if sum(item.role == number for item in here) >= role.count:
                continue
            for who in rules.problem.volunteers:
                if who.id not in present:
                    yield request.id, number if request.by_role else None, _reason(rules, request, number, who)


def _reason(rules: Rules, request: HelpRequest, number: int, who: Volunteer) -> Reason:
    role = request.roles[number]
    if not rules.request_starts(request, request.duration_min):
        return Reason.NO_WINDOW
    refusal = rules.refusal(request, role, who)
    if refusal is not None:
        return refusal
    available = rules.available_starts(request, role, who)
    if not available:
        return Reason.NOT_AVAILABLE
    with_room = both(available, _room(rules, request, who, available))
    if not with_room:
        return Reason.CAPACITY_REACHED
    if not both(with_room, rules.promised_starts(request, who)):
        return Reason.BUSY
    if not _can_be_complete(rules, request, number):
        return Reason.TEAM_INCOMPLETE
    return Reason.OUTBID


def _room(rules: Rules, request: HelpRequest, who: Volunteer, available: Minutes) -> Minutes:
    """Return the starts at which the limits leave room beside what is pinned."""
    duration, pinned = rules.duration_min(request, who), rules.pinned_use(who)
    if not _is_within(pinned, duration, who.max_assignments, who.max_minutes):
        return ()
    if request.windows is None:
        return available
    rooms, start = [], 0
    while start <= max(last for _, last in available):
        day = rules.day(start)
        end = rules.midnight_after(day)
        of_day = [(at, minutes) for at, minutes in pinned if at is not None and rules.day(at) == day]
        if _is_within(of_day, duration, who.max_assignments_per_day, who.max_minutes_per_day):
            rooms.append((start, end - 1))
        start = end
    return union(rooms)


def _is_within(
    pinned: Sequence[tuple[int | None, int]], duration_min: int, assignments: int | None, minutes: int | None
) -> bool:
    fits = assignments is None or len(pinned) + 1 <= assignments
    return fits and (minutes is None or sum(own for _, own in pinned) + duration_min <= minutes)


def _can_be_complete(rules: Rules, request: HelpRequest, number: int) -> bool:
    """Tell whether enough could be there at one start if nothing else were planned."""
    pinned = rules.pins.get(request.id, [])
    present = {id_ for id_, _ in pinned}
    role = request.roles[number]
    able = [
        _starts_alone(rules, request, number, who)
        for who in rules.problem.volunteers
        if who.id not in present and rules.refusal(request, role, who) is None
    ]
    if request.by_role:
        needed = role.count - sum(filled == number for _, filled in pinned)
    else:
        needed = request.min_headcount - len(pinned)
    moments = {first for starts in able for first, _ in starts}
    most = max((sum(bool(both(starts, ((at, at),))) for starts in able) for at in moments), default=0)
    return most >= needed


def _starts_alone(rules: Rules, request: HelpRequest, number: int, who: Volunteer) -> Minutes:
    available = rules.available_starts(request, request.roles[number], who)
    if not available:
        return ()
    return both(both(available, _room(rules, request, who, available)), rules.promised_starts(request, who))
