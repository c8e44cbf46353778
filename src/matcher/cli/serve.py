"""``matcher serve``: the service itself."""

import os
import signal
import sys
import threading
from typing import Annotated, Any

import typer

from matcher import settings
from matcher.api import app
from matcher.workers.worker import Worker

__all__ = ["serve"]


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; MATCHER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one; MATCHER_PORT.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Problems solved at the same time; MATCHER_SOLVER_WORKERS.")
    ] = None,
    worker: Annotated[
        bool | None, typer.Option("--worker/--no-worker", help="Whether it does jobs as well; MATCHER_WORKER.")
    ] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Run the service until it is told to stop.

    Everything is set by MATCHER_ variables of the environment; the options here go before them.
    Without MATCHER_DATABASE_URL an embedded PostgreSQL runs in MATCHER_DATA_DIR (var).

    **Examples**

        matcher serve
        MATCHER_DATABASE_URL=postgresql://matcher@db/matcher matcher serve --host 0.0.0.0 --port 80
    """
    given: dict[str, Any] = {"host": host, "port": port, "solver_workers": workers, "worker": worker}
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    chosen = settings.load().model_copy(update={name: value for name, value in given.items() if value is not None})
    app.serve(chosen, companions=[Worker] if chosen.worker else [])


def _end_with_parent() -> None:
    """End in order once standard input closes: whoever started us has gone, even if it was killed."""
    # Not sys.stdin.read: Python would wait for its lock when it ends for another reason.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
