"""What every request and answer has: an id, a line in the log, and headers that keep them private."""

import logging
import re
import time
import uuid
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from matcher import telemetry
from matcher.api import metrics, rates

__all__ = ["Edge"]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._\-]{1,128}", re.ASCII)
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)

logger = logging.getLogger(__name__)


class Edge:
    """Gives each request its id (the caller's own ``X-Request-Id`` where it has one) and keeps ``traceparent``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = uuid.uuid4().hex
        traceparent = headers.get("traceparent", "")
        telemetry.request_id.set(request_id)
        status = 0
        started = time.perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["x-request-id"] = request_id
                answer["x-content-type-options"] = "nosniff"
                if "etag" not in answer:
                    answer.setdefault("cache-control", "no-store")
                answer.raw.extend(scope["state"].get(rates.HEADERS_KEY, ()))
                if _TRACEPARENT.fullmatch(traceparent):
                    answer["traceparent"] = traceparent
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            # The route and not the path: whoever knows the id of a result may read it.
            route = getattr(scope.get("route"), "path", None)
            seconds = time.perf_counter() - started
            metrics.observe(scope["method"], route, status, seconds)
            logger.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "duration_ms": round(seconds * 1000, 1),
                    "traceparent": traceparent if _TRACEPARENT.fullmatch(traceparent) else None,
                },
            )
