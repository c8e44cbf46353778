"""The application: what is started, in which order, and how it ends."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from matcher import telemetry
from matcher.api import access, documentation, openapi, problems
from matcher.api.callers import Callers
from matcher.api.edge import Edge
from matcher.api.rates import Rates
from matcher.api.state import State
from matcher.domain.limits import Budget, Quota
from matcher.services.results import Results
from matcher.services.solving import Limits, Solvers
from matcher.settings import Settings
from matcher.storage import database
from matcher.storage.database import Database, DatabaseStartError

__all__ = ["Service", "create_app", "serve"]

# What is left of the time to stop is for answers that were given at its end.
_DRAIN_PART: Final = 0.75
_RATE_WINDOW_S: Final = 60.0

logger = logging.getLogger(__name__)


class Service(FastAPI):
    """The application, with the description of its API."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the edge around everything, so that an answer to a defect has its headers too."""
        return Edge(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi.describe()
        return self.openapi_schema


def create_app(settings: Settings) -> Service:
    """Return the application; what it needs is started with it and ended with it.

    Raises
    ------
    UndeclaredRouteError
        If a route does not say who may call it.
    """
    access.check_routes(openapi.routes())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        connected = await asyncio.to_thread(_connect, settings)
        solvers = Solvers(_limits(settings), kernels=settings.kernels, log_level=settings.log_level)
        solvers.start()
        app.state.matcher = State(
            settings=settings,
            database=connected,
            solvers=solvers,
            results=Results(most=settings.max_results, lifetime=timedelta(seconds=settings.result_ttl_s)),
            stopping=asyncio.Event(),
            callers=Callers(connected),
            rates=Rates(_quotas(settings)),
        )
        try:
            yield
        finally:
            app.state.matcher.stopping.set()
            await asyncio.to_thread(solvers.close, drain_s=0)
            await asyncio.to_thread(connected.close)

    app = Service(
        title="matcher",
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app, openapi.routes())
    for router in openapi.ROUTERS:
        app.include_router(router)
    if settings.docs:
        documentation.install(app)
    return app


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let answers in flight finish for ``drain_s`` and end."""
    telemetry.configure(settings.log_level)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )
    _Server(config, app, drain_s=settings.drain_s * _DRAIN_PART).run()


class _Server(uvicorn.Server):
    """Tells the application that it has to stop, before the last connections close."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, drain_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_s = drain_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        super().handle_exit(sig, frame)
        state: State | None = getattr(self._app.state, "matcher", None)
        if state is None or state.stopping.is_set():
            return
        state.stopping.set()
        threading.Thread(target=state.solvers.close, kwargs={"drain_s": self._drain_s}, daemon=True).start()


def _connect(settings: Settings) -> Database:
    url = None if settings.database_url is None else settings.database_url.get_secret_value()
    try:
        return database.connect(url, settings.data_dir)
    except DatabaseStartError as error:
        # The text of an exception is kept out of the log; this one is written for whoever reads it.
        logger.critical("the database did not start: %s", error)
        raise


def _limits(settings: Settings) -> Limits:
    return Limits(
        workers=settings.solver_workers,
        queue=settings.solver_queue,
        time_limit_s=settings.solver_time_limit_s,
        grace_s=settings.solver_grace_s,
        memory_mb=settings.solver_memory_mb,
    )


def _quotas(settings: Settings) -> dict[Budget, Quota]:
    counts = {Budget.CALLS: settings.rate_limit, Budget.ANSWERS: settings.answer_rate_limit}
    return {budget: Quota(count, _RATE_WINDOW_S) for budget, count in counts.items() if count}
