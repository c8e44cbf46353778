"""An independent proof that a plan keeps every rule: plain Python on the words of the domain.

It shares no code with the solver, so that a fault there cannot hide itself here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from matcher.domain.plans import Pin, Plan, Problem
from matcher.matching.verify import eligibility, figures, schedules, summaries, teams
from matcher.matching.verify.facts import Case, Facts, gather
from matcher.matching.verify.instants import plan_in_utc, problem_in_utc
from matcher.matching.verify.violation import Defect, Violation

__all__ = ["Defect", "Violation", "violations"]


def violations(problem: Problem, plan: Plan) -> list[Violation]:
    """Return everything that is wrong in a plan; an empty list is the proof that nothing is."""
    problem, plan = problem_in_utc(problem), plan_in_utc(plan)
    facts = gather(problem)
    of_request: defaultdict[str, list[Case]] = defaultdict(list)
    of_volunteer: defaultdict[str, list[Case]] = defaultdict(list)
    found = [*_unreadable(facts, plan), *_pins(facts, plan)]
    for assignment in plan.assignments:
        case = facts.case(assignment)
        if case is None:
            continue
        of_request[case.request.id].append(case)
        of_volunteer[case.volunteer.id].append(case)
        found += [*eligibility.check(case), *figures.check(case)]
    for request in problem.requests:
        found += teams.check(request, of_request[request.id])
    for volunteer in problem.volunteers:
        found += schedules.check(volunteer, of_volunteer[volunteer.id])
    return [*found, *summaries.check(problem, plan, of_request)]


def _unreadable(facts: Facts, plan: Plan) -> Iterator[Violation]:
    times = Counter((assignment.request_id, assignment.volunteer_id) for assignment in plan.assignments)
    for (request_id, volunteer_id), count in times.items():
        if request_id not in facts.requests:
            yield Violation(Defect.UNKNOWN_ID, request_id, None, "there is no such request")
        if volunteer_id not in facts.volunteers:
            yield Violation(Defect.UNKNOWN_ID, None, volunteer_id, "there is no such volunteer")
        if count > 1:
            yield Violation(Defect.REPEATED_PAIR, request_id, volunteer_id, f"the pair is assigned {count} times")
    for assignment in plan.assignments:
        request = facts.requests.get(assignment.request_id)
        if request is not None and not 0 <= assignment.role < len(request.roles):
            detail = f"the request has no role {assignment.role}"
            yield Violation(Defect.UNKNOWN_ROLE, request.id, assignment.volunteer_id, detail)


def _pins(facts: Facts, plan: Plan) -> Iterator[Violation]:
    kept = {(assignment.request_id, assignment.volunteer_id) for assignment in plan.assignments if assignment.pinned}
    for request_id, volunteer_id in sorted(facts.pins.keys() - kept):
        yield Violation(Defect.PIN_LOST, request_id, volunteer_id, "the pinned assignment is not in the plan")
    for assignment in plan.assignments:
        pin = facts.pins.get((assignment.request_id, assignment.volunteer_id))
        place = assignment.request_id, assignment.volunteer_id
        if assignment.pinned and pin is None:
            yield Violation(Defect.PIN_INVENTED, *place, "the assignment is called pinned, which it is not")
        if pin is not None and _is_timed(facts, pin) and pin.start not in (None, assignment.start):
            yield Violation(Defect.PIN_MOVED, *place, f"pinned at {pin.start}, planned at {assignment.start}")


def _is_timed(facts: Facts, pin: Pin) -> bool:
    request = facts.requests.get(pin.request_id)
    return request is not None and request.windows is not None
