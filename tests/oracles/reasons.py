"""Why each volunteer does not serve a request that stays open: the first constraint that fails."""

from collections import Counter
from collections.abc import Iterator

from matcher.domain.plans import Plan, Problem
from matcher.domain.reasons import Reason
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from oracles import alone
from oracles.minutes import both
from oracles.rules import Rules

__all__ = ["Counts", "counts", "refusal"]

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
    reason = refusal(rules, request, number, who)
    if reason is not None:
        return reason
    return Reason.OUTBID if _can_be_complete(rules, request, number) else Reason.TEAM_INCOMPLETE


def refusal(rules: Rules, request: HelpRequest, number: int, who: Volunteer) -> Reason | None:
    """Return the first constraint that fails for one volunteer beside what is pinned; None if all hold."""
    role = request.roles[number]
    if not rules.request_starts(request, request.duration_min):
        return Reason.NO_WINDOW
    reason = rules.refusal(request, role, who)
    if reason is not None:
        return reason
    available = rules.available_starts(request, role, who)
    if not available:
        return Reason.NOT_AVAILABLE
    with_room = alone.room(rules, request, who, available)
    if not with_room:
        return Reason.CAPACITY_REACHED
    if not both(with_room, rules.promised_starts(request, who)):
        return Reason.BUSY
    return None


def _can_be_complete(rules: Rules, request: HelpRequest, number: int) -> bool:
    """Tell whether enough could be there at one start if nothing else were planned."""
    pinned = rules.pins.get(request.id, [])
    present = {id_ for id_, _ in pinned}
    role = request.roles[number]
    able = [alone.starts(rules, request, number, who) for who in rules.problem.volunteers if who.id not in present]
    if request.by_role:
        needed = role.count - sum(filled == number for _, filled in pinned)
    else:
        needed = request.min_headcount - len(pinned)
    moments = {first for starts in able for first, _ in starts}
    most = max((sum(bool(both(starts, ((at, at),))) for starts in able) for at in moments), default=0)
    return most >= needed
