"""What a solver process does before an older plan is published: which of it still holds.

Named and not imported by the service, as ``run_solving`` is. The rules are those of the checker that
shares no code with the solver.
"""

import gzip
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from matcher.domain.plans import Assignment, Options, Pin
from matcher.matching.verify import eligibility, facts, schedules
from matcher.matching.verify.facts import Case, Facts
from matcher.matching.verify.instants import plan_in_utc, problem_in_utc
from matcher.services import plan_body, run_plans, snapshot
from matcher.services.plan_body import PlanBody
from matcher.services.run_placements import placement
from matcher.services.run_plans import Checked
from matcher.services.solver_messages import Job
from matcher.storage.publishing import LeftOut
from matcher.storage.snapshot import Rows, Scene

__all__ = ["check"]

_CHECK_S = 60.0


def check(job: Job, plan: bytes, rows: Rows, scene: Scene, now: datetime) -> bytes:
    """Return a packed ``Checked``: which new assignments of a plan keep every rule with the rows of now."""
    job.report("checking", 0.0)
    made = snapshot.build(rows, scene, Options(), now=now)
    job.allow(_CHECK_S)
    planned = plan_in_utc(plan_body.to_plan(PlanBody.model_validate_json(gzip.decompress(plan))))
    known = facts.gather(problem_in_utc(made.problem))
    left_out: list[LeftOut] = []
    of_volunteer: defaultdict[str, list[Case]] = defaultdict(list)
    for item in planned.assignments:
        if item.pinned:
            continue
        case = known.case(item)
        code = _missing(item, known) if case is None else _broken(case)
        if case is not None and code is None:
            of_volunteer[item.volunteer_id].append(case)
        else:
            left_out.append(LeftOut(item.request_id, item.volunteer_id, str(code)))
    pinned = _pinned(known)
    placements = []
    for volunteer_id, cases in of_volunteer.items():
        kept, crowded_out = _together(pinned.get(volunteer_id, []), cases)
        placements += [placement(case.assignment, made, now) for case in kept]
        left_out += crowded_out
    placements.sort(key=lambda item: (item.request_id, item.role, item.volunteer_id))
    return run_plans.pack(Checked(placements, left_out, made.offers))


def _missing(item: Assignment, known: Facts) -> str:
    """Return why a planned assignment names something that is not there any more."""
    if item.request_id not in known.requests:
        return "request-closed"
    return "volunteer-gone" if item.volunteer_id not in known.volunteers else "request-changed"


def _broken(case: Case) -> str | None:
    """Return the first rule that an assignment breaks by itself."""
    return next((str(fault.code) for fault in eligibility.check(case)), None)


def _pinned(known: Facts) -> dict[str, list[Case]]:
    """Return by volunteer what they have promised to requests of the problem."""
    found: defaultdict[str, list[Case]] = defaultdict(list)
    for pin in known.problem.pinned:
        case = known.case(_as_assignment(pin, known))
        if case is not None:
            found[pin.volunteer_id].append(case)
    return found


def _as_assignment(pin: Pin, known: Facts) -> Assignment:
    minutes = timedelta(minutes=known.requests[pin.request_id].duration_min)
    return Assignment(
        request_id=pin.request_id,
        volunteer_id=pin.volunteer_id,
        start=pin.start,
        end=None if pin.start is None else pin.start + minutes,
        distance_m=None,
        travel_min=None,
        cost=0,
        cost_terms={},
        role=pin.role or 0,
        pinned=True,
    )


def _together(pinned: Sequence[Case], cases: Sequence[Case]) -> tuple[list[Case], list[LeftOut]]:
    """Return which of a volunteer's assignments go together, beside what they have promised, the cheapest first."""
    kept, left_out = [*pinned], []
    for case in sorted(cases, key=lambda case: (case.assignment.cost, case.request.id)):
        fault = next(schedules.check(case.volunteer, [*kept, case]), None)
        if fault is None:
            kept.append(case)
        else:
            left_out.append(LeftOut(case.request.id, case.volunteer.id, str(fault.code)))
    return kept[len(pinned) :], left_out
