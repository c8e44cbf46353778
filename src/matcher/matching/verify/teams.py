"""The assignments of each request together: enough people, not too many, at one common start."""

from collections import Counter
from collections.abc import Iterator, Sequence

from matcher.domain.reasons import LABELS, Reason
from matcher.domain.requests import HelpRequest
from matcher.matching.verify.facts import Case
from matcher.matching.verify.violation import Defect, Violation

__all__ = ["check", "is_served", "missing_places"]


def check(request: HelpRequest, cases: Sequence[Case]) -> Iterator[Violation]:
    """Yield what is wrong with the team of one request."""
    free = [case for case in cases if not case.assignment.pinned]
    if not free:
        return
    if len({case.assignment.start for case in cases}) > 1:
        yield Violation(Defect.STARTS_DIFFER, request.id, None, "its volunteers do not start at the same time")
    filled = Counter(case.assignment.role for case in cases)
    for role in sorted({case.assignment.role for case in free}):
        if filled[role] > request.roles[role].count:
            detail = f"{filled[role]} volunteers in role {role}, which asks for {request.roles[role].count}"
            yield Violation(Defect.HEADCOUNT_EXCEEDED, request.id, None, detail)
    if not is_served(request, cases):
        yield Violation(Reason.TEAM_INCOMPLETE, request.id, None, LABELS[Reason.TEAM_INCOMPLETE][0])


def is_served(request: HelpRequest, cases: Sequence[Case]) -> bool:
    """Say whether enough are present: people, or whole roles where the request asks by role."""
    filled = Counter(case.assignment.role for case in cases)
    if request.by_role:
        whole = sum(filled[number] >= role.count for number, role in enumerate(request.roles))
        return whole >= request.min_headcount
    return len(cases) >= request.min_headcount


def missing_places(request: HelpRequest, cases: Sequence[Case]) -> int:
    """Return how many places of a request stay open."""
    filled = Counter(case.assignment.role for case in cases)
    return sum(max(0, role.count - filled[number]) for number, role in enumerate(request.roles))
