"""Working an import off: each chunk is read in a process of its own while the one before is being written."""

import logging
from typing import Final

from matcher.domain.errors import OverloadedError
from matcher.services import imports
from matcher.services.import_lines import Lines
from matcher.services.imports import Chunk
from matcher.services.solving import Ticket
from matcher.workers.context import Context

__all__ = ["give_up", "sweep", "work"]

# Named, as all work of solver processes: what callers send is read where it comes in.
_READ: Final = "matcher.api.import_lines:read"
_PAUSE_S: Final = 0.5

logger = logging.getLogger(__name__)


def work(context: Context, import_no: int) -> None:
    """Take in every chunk that is left, and end the import."""
    reading = _start(context, import_no, after=-1)
    try:
        while reading is not None:
            chunk, ticket = reading
            lines = Lines.from_json(context.wait(ticket.answer))
            reading = _start(context, import_no, after=chunk.position)
            with context.begin() as session:
                goes_on = imports.take_in(session, import_no, chunk, lines, now=context.now())
            if not goes_on:
                return
    finally:
        if reading is not None and not reading[1].answer.done():
            context.solvers.cancel(reading[1])
    with context.begin() as session:
        imports.finish(session, import_no)


def give_up(context: Context, import_no: int) -> None:
    """End an import that was tried too often; what it has taken in stays."""
    with context.begin() as session:
        imports.fail(session, import_no, error=imports.GIVEN_UP)


def sweep(context: Context) -> None:
    """End imports whose lines stopped coming, because whoever received them was killed."""
    with context.begin() as session:
        failed = imports.fail_abandoned(session)
    if failed:
        logger.warning("imports were abandoned", extra={"imports": failed})


def _start(context: Context, import_no: int, *, after: int) -> tuple[Chunk, Ticket] | None:
    """Have the next chunk read, once there is room for that; return None if there is none."""
    context.check()
    with context.begin() as session:
        chunk = imports.next_chunk(session, import_no, after=after)
    if chunk is None:
        return None
    while True:
        try:
            return chunk, context.solvers.submit(_READ, chunk)
        except OverloadedError:
            context.process.stopping.wait(_PAUSE_S)
            context.check()
