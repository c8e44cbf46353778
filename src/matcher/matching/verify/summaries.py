"""The plan's figures about itself: what is unassigned, the summary, the claim of optimality."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isclose

from matcher.domain.plans import Plan, Problem, Summary
from matcher.matching.verify.facts import Case
from matcher.matching.verify.teams import is_served, missing_places
from matcher.matching.verify.violation import Defect, Violation

__all__ = ["check"]


def check(problem: Problem, plan: Plan, cases: Mapping[str, Sequence[Case]]) -> Iterator[Violation]:
    """Yield every figure of the plan about itself that does not follow from its assignments."""
    yield from _unassigned(problem, plan, cases)
    yield from _figures(problem, plan, cases)
    yield from _proof(plan.summary)


def _unassigned(problem: Problem, plan: Plan, cases: Mapping[str, Sequence[Case]]) -> Iterator[Violation]:
    listed = Counter(left.request_id for left in plan.unassigned)
    stated = {left.request_id: left.missing_headcount for left in plan.unassigned}
    missing = {request.id: missing_places(request, cases[request.id]) for request in problem.requests}
    for request_id in sorted(listed.keys() | missing.keys()):
        places = missing.get(request_id, 0)
        if listed[request_id] != (places > 0) or stated.get(request_id, 0) != places:
            found = f"listed {listed[request_id]} times with {stated.get(request_id, 0)}"
            yield Violation(Defect.WRONG_UNASSIGNED, request_id, None, f"{places} places are open, {found}")


def _figures(problem: Problem, plan: Plan, cases: Mapping[str, Sequence[Case]]) -> Iterator[Violation]:
    served = [request for request in problem.requests if is_served(request, cases[request.id])]
    expected = {
        "requests": len(problem.requests),
        "volunteers": len(problem.volunteers),
        "served_requests": len(served),
        "served_urgency": sum(request.urgency for request in served),
        "filled_places": len(plan.assignments),
        "total_cost": sum(assignment.cost for assignment in plan.assignments),
    }
    for name, figure in expected.items():
        found: int = getattr(plan.summary, name)
        if found != figure:
            yield _wrong(f"{name} is {figure}, not {found}")
    gap = _gap(plan.summary)
    if not isclose(plan.summary.gap, gap, abs_tol=1e-9):
        yield _wrong(f"gap is {gap}, not {plan.summary.gap}")


def _gap(summary: Summary) -> float:
    if summary.urgency_bound == 0:
        return 0.0
    return (summary.urgency_bound - summary.served_urgency) / summary.urgency_bound


def _proof(summary: Summary) -> Iterator[Violation]:
    if summary.served_urgency > summary.urgency_bound:
        yield _false(f"{summary.served_urgency} urgency is served, above the bound {summary.urgency_bound}")
    if summary.proof != "optimal":
        return
    if summary.served_urgency < summary.urgency_bound:
        yield _false(f"called optimal with {summary.served_urgency} of {summary.urgency_bound} urgency served")
    if summary.total_cost != summary.cost_bound:
        yield _false(f"called optimal at cost {summary.total_cost}, where the bound is {summary.cost_bound}")


def _wrong(detail: str) -> Violation:
    return Violation(Defect.WRONG_SUMMARY, None, None, detail)


def _false(detail: str) -> Violation:
    return Violation(Defect.FALSE_PROOF, None, None, detail)
