"""What a solver process does for ``POST /v1/match``: bytes in, bytes out.

Reading is done there too: a body of 64 MiB would hold up every other request for seconds. Named
and not imported by the service, which solves nothing itself.
"""

import time
from datetime import datetime

from matcher.api import match, reading
from matcher.matching import pipeline
from matcher.services.solver_messages import Backend, Job

__all__ = ["answer"]


def answer(job: Job, body: bytes, now: datetime, caps: reading.Caps) -> bytes:
    """Return the plan for a body, as JSON."""
    job.report("reading", 0.0)
    problem = reading.read(body, now=now, caps=caps)
    job.allow(problem.options.time_limit_s)
    plan = pipeline.solve(
        problem,
        clock=time.perf_counter,
        report=job.report,
        backend="scipy" if job.backend is Backend.SCIPY else None,
        should_finish=job.should_finish,
    )
    return match.from_plan(plan, time_zone=problem.time_zone).to_json()
