"""``/docs``: the interactive description, served whole by the service itself."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

__all__ = ["install"]

_STATIC: Final = Path(__file__).parent / "static"
# The browser itself sees to it that nothing is fetched from elsewhere.
_POLICY: Final = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def install(app: FastAPI) -> None:
    """Serve the page and its assets."""

    async def page(_: Request) -> Response:
        return FileResponse(_STATIC / "index.html", headers={"content-security-policy": _POLICY})

    app.add_route("/docs", page, include_in_schema=False)
    app.mount("/docs/assets", StaticFiles(directory=_STATIC), name="docs-assets")
