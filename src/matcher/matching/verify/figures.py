"""The figures of each assignment: distance, travel, times and every cost term."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from matcher.matching.verify.facts import Case, is_counted
from matcher.matching.verify.violation import Defect, Violation

__all__ = ["check"]


def check(case: Case) -> Iterator[Violation]:
    """Yield every figure of one assignment that is not what the rules give."""
    assignment = case.assignment
    if not _fits_duration(case):
        found = f"{assignment.start} to {assignment.end}"
        yield _wrong(case, Defect.WRONG_TIMES, f"the service lasts {case.duration_min} minutes, not from {found}")
    if (assignment.distance_m, assignment.travel_min) != (case.distance_m, case.travel_min):
        found = f"{assignment.distance_m} m and {assignment.travel_min} min"
        yield _wrong(case, Defect.WRONG_TRAVEL, f"travel is {case.distance_m} m and {case.travel_min} min, not {found}")
    terms = _terms(case)
    if assignment.cost != sum(terms.values()) or _without_zeros(assignment.cost_terms) != _without_zeros(terms):
        found = f"{assignment.cost} of {dict(assignment.cost_terms)}"
        yield _wrong(case, Defect.WRONG_COST, f"the cost is {sum(terms.values())} of {terms}, not {found}")


def _wrong(case: Case, code: Defect, detail: str) -> Violation:
    return Violation(code, case.request.id, case.volunteer.id, detail)


def _fits_duration(case: Case) -> bool:
    start, end = case.assignment.start, case.assignment.end
    if start is None or end is None:
        return start is None and end is None and case.request.windows is None
    return case.request.windows is not None and end - start == timedelta(minutes=case.duration_min)


def _without_zeros(terms: Mapping[str, int]) -> dict[str, int]:
    return {name: points for name, points in terms.items() if points}


def _terms(case: Case) -> dict[str, int]:
    if case.pair is not None and case.pair.cost is not None:
        return {"given": case.pair.cost}
    weights = case.facts.problem.options.weights
    preferred = case.request.preferred_volunteers
    return {
        "travel": weights.travel * (case.distance_m or 0) // 5000,
        "delay": weights.delay * min(_delay_min(case), 1440) // 1440,
        "overqualification": weights.overqualification * min(_extra_skills(case), 20) // 20,
        "load": weights.load * min(case.volunteer.recent_minutes, 600) // 600,
        "preference": weights.preference if preferred and case.volunteer.id not in preferred else 0,
    }


def _delay_min(case: Case) -> int:
    start = case.assignment.start
    if start is None or case.request.windows is None:
        return 0
    earliest = min(_earliest_starts(case), default=case.facts.problem.now)
    return max(0, (start - earliest) // timedelta(minutes=1))


def _earliest_starts(case: Case) -> Iterator[datetime]:
    """Yield the first start that is left in each window long enough for the request."""
    for window in case.request.windows or ():
        start = max(window.start, case.facts.problem.now)
        if start + timedelta(minutes=case.request.duration_min) <= window.end:
            yield start


def _extra_skills(case: Case) -> int:
    today = case.facts.day(case.facts.problem.now)
    return sum(
        any(is_counted(skill, need, today) for skill in case.volunteer.skills)
        and not any(asked.code == need.code and asked.level >= need.level for asked in case.role.skills)
        for need in case.facts.needs
    )
