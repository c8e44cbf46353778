"""The plan in numbers: what it serves, what any plan could serve at most, and how it came about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from matcher.domain import workdays
from matcher.domain.plans import Assignment, Summary
from matcher.domain.windows import DayKind
from matcher.matching.objective import Objective
from matcher.matching.problem import Compiled
from matcher.matching.schedule import Schedule
from matcher.matching.solver import Backend

__all__ = ["Run", "summarise"]


@dataclass(frozen=True, slots=True)
class Run:
    """How the plan came about."""

    candidates: int
    backend: Backend
    seconds: Mapping[str, float]


def summarise(
    compiled: Compiled,
    aim: Objective,
    bound: int,
    result: Schedule,
    assignments: tuple[Assignment, ...],
    run: Run,
) -> Summary:
    """Return the plan in numbers, beside its bounds.

    Parameters
    ----------
    bound
        Upper bound on ``Objective.points`` of any plan.
    """
    instance, problem = compiled.instance, compiled.problem
    served = result.merit.served_urgency
    urgency_bound = aim.urgency_bound(bound, instance)
    pinned_cost = sum(assignment.cost for assignment in assignments if assignment.pinned)
    cost_bound = pinned_cost + max(0, aim.points(result.merit._replace(saved=0), instance) - bound)
    total_cost = pinned_cost - result.merit.saved
    return Summary(
        requests=instance.request_count,
        volunteers=instance.volunteer_count,
        served_requests=int(result.served.sum()),
        served_urgency=served,
        urgency_bound=urgency_bound,
        filled_places=len(assignments),
        total_cost=total_cost,
        cost_bound=cost_bound,
        gap=(urgency_bound - served) / urgency_bound if urgency_bound else 0.0,
        cost_gap=((total_cost - cost_bound) / total_cost if total_cost else 0.0) if served == urgency_bound else None,
        proof="optimal" if result.stopped_by == "optimal" else "bounded",
        candidates=run.candidates,
        iterations=result.steps,
        stopped_by=result.stopped_by,
        backend=run.backend,
        points_per_urgency=aim.per_urgency,
        calendar_official=_calendar_is_official(compiled),
        timings_s=run.seconds,
        seed=problem.options.seed,
    )


def _calendar_is_official(compiled: Compiled) -> bool:
    """Tell whether every day on which the calendar of working days was asked is officially known."""
    asked = any(
        rule.day_kind is not DayKind.ALL
        for volunteer in compiled.problem.volunteers
        if volunteer.availability is not None
        for rule in volunteer.availability.weekly
    )
    if not asked:
        return True
    days = compiled.instance.days.start
    first = compiled.timeline.instant(int(days[0])).date()
    last = compiled.timeline.instant(int(days[-1])).date()
    span = (last - first).days + 1
    return all(workdays.is_official(first + timedelta(days=offset)) for offset in range(span))
