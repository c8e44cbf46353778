"""What a solver process does for a run: rows in, the problem and its plan out.

Named and not imported by the service, which so needs none of the solver's memory; what comes back
is in ``run_plans``.
"""

import gzip
import hashlib
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from matcher.domain import dispatch
from matcher.domain.plans import Assignment, Options, Pin, Plan, Problem
from matcher.matching import pipeline
from matcher.matching.verify import eligibility, facts, schedules
from matcher.matching.verify.facts import Case, Facts
from matcher.matching.verify.instants import plan_in_utc, problem_in_utc
from matcher.services import plan_body, problem_text, run_plans, snapshot
from matcher.services.plan_body import PlanBody
from matcher.services.run_plans import Checked, Solved
from matcher.services.snapshot import Snapshot
from matcher.services.solver_messages import Backend, Job
from matcher.storage.publishing import LeftOut, Placement
from matcher.storage.snapshot import Rows, Scene

__all__ = ["check", "solve"]

_LEVEL = 3
_GZIP = 31


def solve(job: Job, rows: Rows, scene: Scene, options: Options, now: datetime) -> bytes:
    """Return a packed ``Solved``: the problem that the rows make, and its plan."""
    job.report("reading", 0.0)
    made = snapshot.build(rows, scene, options, now=now)
    job.allow(options.time_limit_s)
    plan = pipeline.solve(
        made.problem,
        clock=time.perf_counter,
        report=job.report,
        backend="scipy" if job.backend is Backend.SCIPY else None,
        should_finish=job.should_finish,
    )
    job.report("writing", 0.0)
    problem_hash, problem = _pack_problem(made.problem)
    return run_plans.pack(
        Solved(
            problem_hash=problem_hash,
            problem=problem,
            plan=_pack_plan(plan, made.problem),
            summary=plan_body.summary_of(plan),
            placements=[_placement(item, made, now) for item in plan.assignments if not item.pinned],
            offers=made.offers,
        )
    )


def check(job: Job, plan: bytes, rows: Rows, scene: Scene, now: datetime) -> bytes:
    """Return a packed ``Checked``: which new assignments of a plan keep every rule with the rows of now."""
    job.report("checking", 0.0)
    made = snapshot.build(rows, scene, Options(), now=now)
    planned = plan_in_utc(plan_body.to_plan(PlanBody.model_validate_json(gzip.decompress(plan))))
    known = facts.gather(problem_in_utc(made.problem))
    left_out: list[LeftOut] = []
    of_volunteer: defaultdict[str, list[Case]] = defaultdict(list)
    for item in planned.assignments:
        if item.pinned:
            continue
        case = known.case(item)
        code = (
            _missing(item, known)
            if case is None
            else next((str(fault.code) for fault in eligibility.check(case)), None)
        )
        if case is None or code is not None:
            left_out.append(LeftOut(item.request_id, item.volunteer_id, code or "request-changed"))
        else:
            of_volunteer[item.volunteer_id].append(case)
    pinned = _pinned(known)
    placements = []
    for volunteer_id, cases in of_volunteer.items():
        kept, crowded_out = _together(pinned.get(volunteer_id, []), cases)
        placements += [_placement(case.assignment, made, now) for case in kept]
        left_out += crowded_out
    placements.sort(key=lambda item: (item.request_id, item.role, item.volunteer_id))
    return run_plans.pack(Checked(placements, left_out, made.offers))


def _pack_problem(problem: Problem) -> tuple[str, bytes]:
    """Return the hash of a problem's text, and the text gzipped."""
    digest, packer = hashlib.sha256(), zlib.compressobj(_LEVEL, wbits=_GZIP)
    parts = []
    for part in problem_text.write(problem):
        digest.update(part)
        parts.append(packer.compress(part))
    return digest.hexdigest(), b"".join([*parts, packer.flush()])


def _pack_plan(plan: Plan, problem: Problem) -> bytes:
    """Return a plan gzipped, without how long it took: one problem has one plan, byte for byte."""
    timeless = replace(plan, summary=replace(plan.summary, timings_s={}))
    body = plan_body.from_plan(timeless, time_zone=problem.time_zone)
    return gzip.compress(body.to_json(), _LEVEL, mtime=0)


def _placement(item: Assignment, made: Snapshot, now: datetime) -> Placement:
    request, volunteer = made.requests[item.request_id], made.volunteers[item.volunteer_id]
    return Placement(
        request_id=item.request_id,
        request_no=request.no,
        request_version=request.version,
        request_content=request.content,
        volunteer_id=item.volunteer_id,
        volunteer_no=volunteer.no,
        volunteer_version=volunteer.version,
        role=item.role,
        starts_at=None if item.start is None else item.start.astimezone(UTC).isoformat(),
        ends_at=None if item.end is None else item.end.astimezone(UTC).isoformat(),
        distance_m=item.distance_m,
        travel_min=item.travel_min,
        cost=item.cost,
        cost_terms=item.cost_terms,
        lifetime_s=dispatch.lifetime(item.start, now=now).total_seconds(),
    )


def _missing(item: Assignment, known: Facts) -> str:
    """Return why a planned assignment names something that is not there any more."""
    if item.request_id not in known.requests:
        return "request-closed"
    return "volunteer-gone" if item.volunteer_id not in known.volunteers else "request-changed"


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
