"""What one volunteer could do for one request if nothing but pinned assignments were planned."""

from collections.abc import Sequence

from matcher.domain.plans import Problem
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from oracles.minutes import Minutes, both, union
from oracles.rules import Rules

__all__ = ["candidates", "room", "starts"]

Candidate = tuple[str, int, str]  # request, number of the role, volunteer
Figures = tuple[int | None, int, int | None]  # first start, cost then, distance


def candidates(problem: Problem) -> dict[Candidate, Figures]:
    """Return every eligible volunteer of every role with a place that no pin fills."""
    rules = Rules(problem)
    found: dict[Candidate, Figures] = {}
    for request in problem.requests:
        pinned = rules.pins.get(request.id, [])
        present = {volunteer_id for volunteer_id, _ in pinned}
        for number, role in enumerate(request.roles):
            if sum(filled == number for _, filled in pinned) == role.count:
                continue
            for who in problem.volunteers:
                possible = starts(rules, request, number, who)
                if who.id not in present and possible:
                    start = None if request.windows is None else possible[0][0]
                    cost = rules.cost(request, role, who, start)
                    found[request.id, number, who.id] = start, cost, rules.distance_m(request, who)
    return found


def starts(rules: Rules, request: HelpRequest, number: int, who: Volunteer) -> Minutes:
    """Return the starts at which a volunteer can fill a role."""
    if rules.refusal(request, request.roles[number], who) is not None:
        return ()
    available = rules.available_starts(request, request.roles[number], who)
    return both(room(rules, request, who, available), rules.promised_starts(request, who))


def room(rules: Rules, request: HelpRequest, who: Volunteer, available: Minutes) -> Minutes:
    """Return those of the starts at which the limits leave room beside what is pinned."""
    duration, pinned = rules.duration_min(request, who), rules.pinned_use(who)
    if not available or not _is_within(pinned, duration, who.max_assignments, who.max_minutes):
        return ()
    if request.windows is None:
        return available
    days, start = [], available[0][0]
    while start <= available[-1][1]:
        day = rules.day(start)
        end = rules.midnight_after(day)
        of_day = [(at, minutes) for at, minutes in pinned if at is not None and rules.day(at) == day]
        if _is_within(of_day, duration, who.max_assignments_per_day, who.max_minutes_per_day):
            days.append((start, end - 1))
        start = end
    return both(available, union(days))


def _is_within(
    pinned: Sequence[tuple[int | None, int]], duration_min: int, assignments: int | None, minutes: int | None
) -> bool:
    fits = assignments is None or len(pinned) + 1 <= assignments
    return fits and (minutes is None or sum(own for _, own in pinned) + duration_min <= minutes)
