"""The application: what is started, in which order, and how it ends."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Sequence
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
from matcher.api.routing import ByNoun
from matcher.api.state import Companion, State
from matcher.domain.limits import Budget, Quota
from matcher.services import backing
from matcher.services.results import Results
from matcher.settings import Settings

__all__ = ["Service", "create_app", "serve"]

# What is left of the time to stop is for answers that were given at its end.
_DRAIN_PART: Final = 0.75
_RATE_WINDOW_S: Final = 60.0


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


def create_app(settings: Settings, companions: Sequence[type[Companion]] = ()) -> Service:
    """Return the application; what it needs, and its companions, are started with it and ended with it.

    Raises
    ------
    UndeclaredRouteError
        If a route does not say who may call it.
    """
    access.check_routes(openapi.routes())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        connected = await asyncio.to_thread(backing.connect, settings)
        solvers = backing.start_solvers(settings)
        app.state.matcher = State(
            settings=settings,
            database=connected,
            solvers=solvers,
            results=Results(most=settings.max_results, lifetime=timedelta(seconds=settings.result_ttl_s)),
            stopping=asyncio.Event(),
            callers=Callers(connected),
            rates=Rates(_quotas(settings)),
            companions=[companion(settings, connected, solvers) for companion in companions],
        )
        for companion in app.state.matcher.companions:
            companion.start()
        # What is loaded stays: looking through it again and again would hold up every call for a tenth of a second.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            app.state.matcher.stopping.set()
            for companion in app.state.matcher.companions:
                await asyncio.to_thread(companion.stop, drain_s=settings.drain_s * _DRAIN_PART)
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
    app.router.routes.append(ByNoun(openapi.routes()))
    if settings.docs:
        documentation.install(app)
    return app


def serve(settings: Settings, companions: Sequence[type[Companion]] = ()) -> None:
    """Serve until SIGTERM or SIGINT, then let answers in flight finish for ``drain_s`` and end."""
    telemetry.configure(settings.log_level)
    app = create_app(settings, companions)
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
        for end in (*(companion.stop for companion in state.companions), state.solvers.close):
            threading.Thread(target=end, kwargs={"drain_s": self._drain_s}, daemon=True).start()


def _quotas(settings: Settings) -> dict[Budget, Quota]:
    counts = {Budget.CALLS: settings.rate_limit, Budget.ANSWERS: settings.answer_rate_limit}
    return {budget: Quota(count, _RATE_WINDOW_S) for budget, count in counts.items() if count}
