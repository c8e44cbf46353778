"""Answers that a route writes itself: with a status and headers of their own, or to be kept."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel
from pydantic_core import to_json

__all__ = ["of"]

_MEDIA_TYPE = "application/json"


def of(body: BaseModel | Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer with this body: a model, or what is JSON already and in the form of the route's model."""
    if isinstance(body, BaseModel):
        return Response(body.model_dump_json(by_alias=True), status, headers, _MEDIA_TYPE)
    return Response(to_json(body), status, headers, _MEDIA_TYPE)
