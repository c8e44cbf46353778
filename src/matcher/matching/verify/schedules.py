"""The assignments of each volunteer together: no two places at once, no limit exceeded."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations

from matcher.domain.reasons import LABELS, Reason
from matcher.domain.volunteers import Busy, Volunteer
from matcher.matching.verify.facts import Case, hops_min
from matcher.matching.verify.violation import Violation

__all__ = ["check"]


def check(volunteer: Volunteer, cases: Sequence[Case]) -> Iterator[Violation]:
    """Yield clashes and exceeded limits among all that one volunteer does. Facts may clash with facts."""
    yield from _clashes(volunteer, cases)
    yield from _excess(volunteer, cases)


def _clashes(volunteer: Volunteer, cases: Sequence[Case]) -> Iterator[Violation]:
    promised = [(_promised(case), case) for case in cases if case.assignment.start is not None]
    for (one, case), (other, other_case) in combinations(promised, 2):
        if not (case.assignment.pinned and other_case.assignment.pinned) and _clash(volunteer, one, other):
            free = other_case if case.assignment.pinned else case
            yield Violation(Reason.BUSY, free.request.id, volunteer.id, LABELS[Reason.BUSY][0])
    for one, case in promised:
        if not case.assignment.pinned and any(_clash(volunteer, one, other) for other in volunteer.busy):
            yield Violation(Reason.BUSY, case.request.id, volunteer.id, LABELS[Reason.BUSY][0])


def _promised(case: Case) -> Busy:
    assignment = case.assignment
    start, end = assignment.start, assignment.end
    if start is None or end is None:
        raise ValueError(f"{case.request.id} has no time")
    return Busy(start, end, case.request.point)


def _clash(volunteer: Volunteer, one: Busy, other: Busy) -> bool:
    travel = hops_min(volunteer, one.point, other.point)
    return one.start < other.end + travel and other.start < one.end + travel


def _excess(volunteer: Volunteer, cases: Sequence[Case]) -> Iterator[Violation]:
    if not cases:
        return
    before = [busy for busy in volunteer.busy if busy.is_assignment]
    yield from _past_limit(volunteer, cases, before, volunteer.max_assignments, volunteer.max_minutes, "in all")
    day_of = cases[0].facts.day
    days: defaultdict[date, list[Case]] = defaultdict(list)
    for case in cases:
        if case.assignment.start is not None:
            days[day_of(case.assignment.start)].append(case)
    for day, of_day in days.items():
        limits = volunteer.max_assignments_per_day, volunteer.max_minutes_per_day
        before_of_day = [busy for busy in before if day_of(busy.start) == day]
        yield from _past_limit(volunteer, of_day, before_of_day, *limits, f"on {day}")


def _past_limit(
    volunteer: Volunteer,
    cases: Sequence[Case],
    before: Sequence[Busy],
    assignments: int | None,
    minutes: int | None,
    when: str,
) -> Iterator[Violation]:
    if all(case.assignment.pinned for case in cases):
        return
    for unit, total, limit in (
        ("assignments", len(cases) + len(before), assignments),
        ("minutes", sum(case.duration_min for case in cases) + sum(map(_minutes, before)), minutes),
    ):
        if limit is not None and total > limit:
            yield Violation(Reason.CAPACITY_REACHED, None, volunteer.id, f"{total} {unit} {when}, at most {limit}")


def _minutes(busy: Busy) -> int:
    return -((busy.start - busy.end) // timedelta(minutes=1))
