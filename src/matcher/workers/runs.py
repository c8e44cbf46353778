"""The jobs of runs: each step in a transaction of its own, the solving outside of all."""

import concurrent.futures
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from matcher.domain.errors import MatcherError, OverloadedError
from matcher.services import publishing, run_plans, runs
from matcher.services.run_plans import Checked, Solved
from matcher.services.runs import Work
from matcher.services.solving import Ticket
from matcher.storage import snapshot
from matcher.workers.context import Context

__all__ = ["give_up_publishing", "give_up_solving", "publish", "solve"]

# How often a run is looked after: its progress written, and whether it is to end.
_LOOK_S: Final = 1.0

logger = logging.getLogger(__name__)


class _RunLostError(Exception):
    """Another worker has the run."""


def solve(context: Context, run_no: int) -> None:
    """Solve a run and end it with its plan, or with what went wrong."""
    with context.begin() as session:
        work = runs.claim(session, run_no)
    if work is None:
        return
    try:
        ticket = _solve(context, work)
    except _RunLostError:
        logger.warning("another worker has the run", extra={"run": run_no})
        return
    error = _verdict(ticket)
    if error is not None:
        with context.begin() as session:
            runs.fail(session, work, error)
        return
    solved = run_plans.unpack(ticket.answer.result(), Solved)
    with context.begin() as session:
        published = runs.finish(session, work, solved)
    if published is None:
        logger.warning("another worker has the run", extra={"run": run_no})
        return
    logger.info("run", extra={"run": run_no, "offers": published.offers, "left_out": len(published.left_out)})


def give_up_solving(context: Context, run_no: int) -> None:
    """End a run that was tried too often."""
    with context.begin() as session:
        runs.give_up(session, run_no)


def publish(context: Context, run_no: int, key_no: int | None) -> None:
    """Put a plan to its volunteers, as far as it holds with the rows of now."""
    now = context.now()
    with context.process.database.begin(is_frozen=True) as session:
        found = publishing.find(session, run_no)
        if found is None:
            return
        plan, scene = found
        rows = snapshot.take(session, scene, now=now)
    ticket = context.solvers.submit(publishing.CHECK, plan, rows, scene, now)
    _attend(context, ticket, context.check)
    error = _verdict(ticket)
    if error is not None:
        with context.begin() as session:
            publishing.give_up(session, run_no, error)
        return
    checked = run_plans.unpack(ticket.answer.result(), Checked)
    with context.begin() as session:
        publishing.finish(session, run_no, checked, key_no=key_no)


def give_up_publishing(context: Context, run_no: int, key_no: int | None) -> None:  # noqa: ARG001 - of the job
    """Leave a plan unpublished that was tried too often."""
    with context.begin() as session:
        publishing.give_up(session, run_no)


def _solve(context: Context, work: Work) -> Ticket:
    now = context.now()
    with context.process.database.begin(is_frozen=True) as session:
        rows = snapshot.take(session, work.scene, now=now)
    most = context.settings.solver_time_limit_s
    options = replace(work.options, time_limit_s=min(work.options.time_limit_s, most))
    ticket = context.solvers.submit(runs.SOLVE, rows, work.scene, options, now)

    def look() -> None:
        context.check()
        progress = ticket.progress
        stage, fraction = ("waiting", 0.0) if progress is None else (progress.stage, progress.fraction)
        with context.begin() as session:
            should_end = runs.report(session, work, stage=stage, fraction=fraction)
        if should_end is None:
            raise _RunLostError
        if should_end:
            context.solvers.finish(ticket)

    _attend(context, ticket, look)
    return ticket


def _verdict(ticket: Ticket) -> MatcherError | None:
    """Return why a problem cannot be solved; what may go better at another time is for the queue to try again."""
    error = ticket.answer.exception()
    return error if isinstance(error, MatcherError) and not isinstance(error, OverloadedError) else None


def _attend(context: Context, ticket: Ticket, look: Callable[[], None]) -> None:
    """Wait for a solver and look after it meanwhile; if that fails, the solver is given up."""
    try:
        look()
        while not concurrent.futures.wait([ticket.answer], timeout=_LOOK_S).done:
            look()
    finally:
        if not ticket.answer.done():
            context.solvers.cancel(ticket)
