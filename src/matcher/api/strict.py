"""Routes whose bodies are strict JSON: read by our own parser, capped, and refused with their place."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from matcher.api import uploads
from matcher.api.bodies import parse_json
from matcher.api.state import State

__all__ = ["StrictRoute", "body_of"]


class _ReadRequest(Request):
    """A request whose body has been read, so that the framework does not read it in its own way."""

    def keep(self, body: bytes) -> None:
        """Take in what was read; an empty body is none."""
        self.kept = self._body = body
        self._json = parse_json(body) if body else None


class StrictRoute(APIRoute):
    """Reads the body before the route does: everything else of the framework stays as it is."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()
        if self.body_field is None:
            return answer

        async def read_and_answer(request: Request) -> Response:
            state: State = request.app.state.matcher
            read = _ReadRequest(request.scope, request.receive)
            read.keep(await _receive(request, most_bytes=state.settings.max_small_body_bytes))
            return await answer(read)

        return read_and_answer


def body_of(request: Request) -> bytes:
    """Return the body of a request to a strict route as it came; empty where the route takes none."""
    return request.kept if isinstance(request, _ReadRequest) else b""


async def _receive(request: Request, *, most_bytes: int) -> bytes:
    if request.headers.get("content-length") == "0":
        return b""
    if "content-type" not in request.headers and "transfer-encoding" not in request.headers:
        return await request.body()
    return await uploads.receive(request, most_bytes=most_bytes)
