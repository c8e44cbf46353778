"""Everything in UTC: two instants of one zone otherwise compare by their wall time, which repeats an hour a year."""

from dataclasses import replace
from datetime import UTC, datetime

from matcher.domain.plans import Plan, Problem
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer

__all__ = ["plan_in_utc", "problem_in_utc"]


def problem_in_utc(problem: Problem) -> Problem:
    """Return the same problem, told in UTC; ``extra`` and ``except_`` are read by ``windows.expand`` alone."""
    return replace(
        problem,
        now=problem.now.astimezone(UTC),
        requests=tuple(_request(request) for request in problem.requests),
        volunteers=tuple(_volunteer(volunteer) for volunteer in problem.volunteers),
        pinned=tuple(replace(pin, start=_instant(pin.start)) for pin in problem.pinned),
    )


def plan_in_utc(plan: Plan) -> Plan:
    """Return the same plan, told in UTC."""
    assignments = tuple(
        replace(assignment, start=_instant(assignment.start), end=_instant(assignment.end))
        for assignment in plan.assignments
    )
    return replace(plan, assignments=assignments)


def _request(request: HelpRequest) -> HelpRequest:
    if request.windows is None:
        return request
    windows = tuple(
        replace(window, start=window.start.astimezone(UTC), end=window.end.astimezone(UTC))
        for window in request.windows
    )
    return replace(request, windows=windows)


def _volunteer(volunteer: Volunteer) -> Volunteer:
    if not volunteer.busy:
        return volunteer
    busy = tuple(
        replace(busy, start=busy.start.astimezone(UTC), end=busy.end.astimezone(UTC)) for busy in volunteer.busy
    )
    return replace(volunteer, busy=busy)


def _instant(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
