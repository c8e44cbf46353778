"""Answers that a route writes itself: with a status or headers of their own, or to be kept."""

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel

__all__ = ["of"]

_MEDIA_TYPE = "application/json"


def of(body: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer with this body."""
    return Response(body.model_dump_json(by_alias=True), status, headers, _MEDIA_TYPE)
