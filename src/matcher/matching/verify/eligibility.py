"""Each assignment on its own against the hard constraints of its request and volunteer."""

from collections.abc import Callable, Iterator

from matcher.domain import windows
from matcher.domain.reasons import LABELS, Reason
from matcher.domain.requests import Need
from matcher.domain.windows import Interval
from matcher.matching.verify.facts import Case, is_counted, lasts
from matcher.matching.verify.violation import Defect, Violation

__all__ = ["check"]


def check(case: Case) -> Iterator[Violation]:
    """Yield what is wrong with one assignment. A pinned one is a fact, whatever the rules say."""
    if case.assignment.pinned:
        return
    for code, fails in _FAILS.items():
        if fails(case):
            detail = LABELS[code][0] if isinstance(code, Reason) else _SENTENCES[code]
            yield Violation(code, case.request.id, case.volunteer.id, detail)


def _is_unpaired(case: Case) -> bool:
    return case.facts.problem.pairs is not None and case.pair is None


def _is_barred_minor(case: Case) -> bool:
    if case.volunteer.birth_year is None:
        return False
    years = case.facts.day(case.facts.problem.now).year - case.volunteer.birth_year
    return years <= 18 and (case.request.adults_only or not case.volunteer.guardian_consent)


def _lacks_skill(case: Case) -> bool:
    codes = {skill.code for skill in case.volunteer.skills}
    return any(need.code not in codes for need in case.role.skills)


def _lacks_level(case: Case) -> bool:
    return any(not _levels(case, need) and _has(case, need) for need in case.role.skills)


def _has_expired(case: Case) -> bool:
    return any(
        _levels(case, need) and not any(is_counted(skill, need, case.last_day) for skill in case.volunteer.skills)
        for need in case.role.skills
    )


def _has(case: Case, need: Need) -> bool:
    return any(skill.code == need.code for skill in case.volunteer.skills)


def _levels(case: Case, need: Need) -> bool:
    return any(skill.code == need.code and skill.level >= need.level for skill in case.volunteer.skills)


def _is_too_far(case: Case) -> bool:
    distance_m, travel_min, volunteer = case.distance_m, case.travel_min, case.volunteer
    beyond = distance_m is not None and volunteer.max_distance_m is not None and distance_m > volunteer.max_distance_m
    too_long = travel_min is not None and volunteer.max_travel_min is not None and travel_min > volunteer.max_travel_min
    return beyond or too_long


def _is_away(case: Case) -> bool:
    start, end = case.assignment.start, case.assignment.end
    if start is None or end is None:
        return False
    free = windows.expand(case.volunteer.availability, start, end, case.facts.problem.time_zone)
    return free != [Interval(start, end)]


def _is_in_the_past(case: Case) -> bool:
    return case.assignment.start is not None and case.assignment.start < case.facts.problem.now


def _is_outside_windows(case: Case) -> bool:
    start, end = case.assignment.start, case.assignment.end
    if case.request.windows is None or start is None or end is None:
        return False
    return not any(window.start <= start and end <= window.end for window in case.request.windows)


_FAILS: dict[Reason | Defect, Callable[[Case], bool]] = {
    Reason.PAUSED: lambda case: case.volunteer.paused,
    Reason.NOT_PAIRED: _is_unpaired,
    Reason.EXCLUDED: lambda case: case.volunteer.id in case.request.excluded_volunteers,
    Reason.MINOR: _is_barred_minor,
    Reason.GENDER: lambda case: case.role.gender not in (None, case.volunteer.gender),
    Reason.SKILL_MISSING: _lacks_skill,
    Reason.LEVEL_TOO_LOW: _lacks_level,
    Reason.CERTIFICATE_EXPIRED: _has_expired,
    Reason.UNTRAINED: lambda case: not set(case.request.trainings) <= set(case.volunteer.trainings),
    Reason.UNINSURED: lambda case: (
        case.request.needs_insurance and not lasts(case.volunteer.insured_until, case.last_day)
    ),
    Reason.TOO_FAR: _is_too_far,
    Reason.NOT_AVAILABLE: _is_away,
    Defect.BEFORE_NOW: _is_in_the_past,
    Defect.OUTSIDE_WINDOW: _is_outside_windows,
}

_SENTENCES = {
    Defect.BEFORE_NOW: "the service starts before now",
    Defect.OUTSIDE_WINDOW: "the service does not lie inside one window of the request",
}
