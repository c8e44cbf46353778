"""What a solver process does for a run: rows in, the problem and its plan out.

Named and not imported by the service, which so needs none of the solver's memory; what comes back
is in ``run_plans``.
"""

import gzip
import hashlib
import time
import zlib
from dataclasses import replace
from datetime import datetime

from matcher.domain.plans import Options, Plan, Problem
from matcher.matching import pipeline
from matcher.services import plan_body, problem_text, run_plans, snapshot
from matcher.services.run_placements import placement
from matcher.services.run_plans import Solved
from matcher.services.solver_messages import Backend, Job
from matcher.storage.snapshot import Rows, Scene

__all__ = ["solve"]

_STAGE_S = 60.0
_LEVEL = 3
_GZIP = 31


def solve(job: Job, rows: Rows, scene: Scene, options: Options, now: datetime) -> bytes:
    """Return a packed ``Solved``: the problem that the rows make, and its plan."""

    def report(stage: str, fraction: float) -> None:
        # Nobody waits at the other end of a line: each stage of a large city may take its time.
        if fraction == 0.0:
            job.allow(max(options.time_limit_s, _STAGE_S))
        job.report(stage, fraction)

    report("reading", 0.0)
    made = snapshot.build(rows, scene, options, now=now)
    plan = pipeline.solve(
        made.problem,
        clock=time.perf_counter,
        report=report,
        backend="scipy" if job.backend is Backend.SCIPY else None,
        should_finish=job.should_finish,
    )
    report("writing", 0.0)
    problem_hash, problem = _pack_problem(made.problem)
    return run_plans.pack(
        Solved(
            problem_hash=problem_hash,
            problem=problem,
            plan=_pack_plan(plan, made.problem),
            summary=plan_body.summary_of(plan),
            placements=[placement(item, made, now) for item in plan.assignments if not item.pinned],
            offers=made.offers,
        )
    )


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
