"""``matcher serve``: the service itself."""

from typing import Annotated, Any

import typer

from matcher import settings
from matcher.api import app

__all__ = ["serve"]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; MATCHER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one; MATCHER_PORT.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Problems solved at the same time; MATCHER_SOLVER_WORKERS.")
    ] = None,
) -> None:
    """Run the service until it is told to stop.

    Everything is set by MATCHER_ variables of the environment; the options here go before them.
    Without MATCHER_DATABASE_URL an embedded PostgreSQL runs in MATCHER_DATA_DIR (var).

    **Examples**

        matcher serve
        MATCHER_DATABASE_URL=postgresql://matcher@db/matcher matcher serve --host 0.0.0.0 --port 80
    """
    given: dict[str, Any] = {"host": host, "port": port, "solver_workers": workers}
    app.serve(settings.load().model_copy(update={name: value for name, value in given.items() if value is not None}))
