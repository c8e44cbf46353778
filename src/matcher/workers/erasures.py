"""Working an erasure off: the person's own rows at once, what names them once nothing older is under way."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final, TypeVar

from matcher.domain.erasures import ErasureKind
from matcher.domain.errors import OverloadedError
from matcher.services import erasures
from matcher.services.scrubbing import UNCHANGED
from matcher.storage import erasing
from matcher.storage.erasures import ErasureRow
from matcher.workers.context import Context

__all__ = ["work"]

Key = TypeVar("Key", int, str)

_SCRUB_PROBLEM: Final = "matcher.services.scrubbing:problem"
_SCRUB_PLAN: Final = "matcher.services.scrubbing:plan"
_PAUSE_S: Final = 0.5


def work(context: Context, erasure_no: int) -> None:
    """Erase a person as far as may be now, and look again later if not everywhere."""
    now = context.now()
    with context.begin() as session:
        row = erasures.find(session, erasure_no)
        if row is None:
            return
        erasures.erase_rows(session, row, now=now)
        if not erasures.is_settled(session, row, settle=timedelta(seconds=context.settings.erasure_settle_s)):
            erasures.postpone(session, row, now=now)
            return
    _erase_mentions(context, erasure_no)
    named = erasures.traces(row)
    _scrub_runs(context, row, named.kind, named.ids)
    with context.begin() as session:
        row = erasures.find(session, erasure_no)
        if row is not None:
            erasures.finish(session, row, now=context.now())


def _erase_mentions(context: Context, erasure_no: int) -> None:
    with context.begin() as session:
        row = erasures.find(session, erasure_no)
        if row is not None:
            erasures.erase_mentions(session, row)
    _all_along(context, erasure_no, erasures.strip_events, 0)
    _all_along(context, erasure_no, erasures.blank_answers, "")


def _all_along(context: Context, erasure_no: int, step: Callable[..., Key | None], first: Key) -> None:
    """Take a step again and again, each in a short transaction, until it says that it has come to the end."""
    after: Key | None = first
    while after is not None:
        context.check()
        with context.begin() as session:
            row = erasures.find(session, erasure_no)
            after = None if row is None else step(session, row, after=after)


def _scrub_runs(context: Context, erasure: ErasureRow, kind: ErasureKind, ids: Collection[str]) -> None:
    with context.begin() as session:
        run_nos = erasing.find_runs(session, erasure.client_no)
    for run_no in run_nos:
        with context.begin() as session:
            problem, plan = erasing.find_texts(session, run_no)
        problem = _scrub(context, _SCRUB_PROBLEM, problem, kind, ids)
        plan = _scrub(context, _SCRUB_PLAN, plan, kind, ids)
        if problem is None and plan is None:
            continue
        with context.begin() as session:
            row = erasures.find(session, erasure.no)
            if row is not None:
                erasures.replace_texts(session, row, run_no, problem=problem, plan=plan)


def _scrub(context: Context, work: str, text: bytes | None, kind: ErasureKind, ids: Collection[str]) -> bytes | None:
    """Return a text without the ids; None if it does not name them."""
    if text is None:
        return None
    answer = _answer(context, work, text, kind, ids)
    return None if answer == UNCHANGED else answer


def _answer(context: Context, work: str, text: bytes, kind: ErasureKind, ids: Collection[str]) -> bytes:
    """Have a text scrubbed, once there is room for that."""
    while True:
        context.check()
        try:
            ticket = context.solvers.submit(work, text, kind, tuple(ids))
        except OverloadedError:
            context.process.stopping.wait(_PAUSE_S)
            continue
        try:
            return context.wait(ticket.answer)
        finally:
            if not ticket.answer.done():
                context.solvers.cancel(ticket)
