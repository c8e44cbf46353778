"""Pushing things under the caller's own ids: one by PUT, or up to a thousand in a batch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import Header, Path, Query, Response
from pydantic import BaseModel, Field, ValidationError

from matcher.api import conditional, faults, problems, responses
from matcher.api.conditional import StaleError
from matcher.api.problems import ErrorBody
from matcher.api.stored import ID_PATTERN
from matcher.domain.access import Principal
from matcher.domain.errors import InvalidBodyError, Language, MatcherError
from matcher.domain.geo import Crs
from matcher.services.upserts import Effect, Result

__all__ = [
    "MOST_ITEMS",
    "AcceptLanguage",
    "BatchResults",
    "CrsQuery",
    "IdPath",
    "ItemResult",
    "crs_of",
    "links",
    "read",
    "respond",
    "settle",
]

MOST_ITEMS: Final = 1_000

IdPath = Annotated[str, Path(min_length=1, max_length=128, pattern=ID_PATTERN, description="The caller's own id.")]
CrsQuery = Annotated[
    Crs | None,
    Query(description="The system of places that name none, and of those answered; left out, that of the key."),
]
AcceptLanguage = Annotated[str, Header(description="`zh-CN` or `en`: the language of problems.")]

_STATUS: Final = {Effect.CREATED: 201, Effect.UPDATED: 200, Effect.UNCHANGED: 200}

Model = TypeVar("Model", bound=BaseModel)
Content = TypeVar("Content")


def _is_none(value: object) -> bool:
    return value is None


class ItemResult(BaseModel):
    """What came of one item of a batch."""

    external_id: Annotated[str | None, Field(description="Null if the item has none that could be read.")]
    status: Annotated[int, Field(description="What a PUT of the item would have been answered with.")]
    effect: Annotated[Effect, Field(description="`held` does not occur: a batch replaces whichever version there is.")]
    version: Annotated[int | None, Field(exclude_if=_is_none, description="Of the thing as it is now.")] = None
    problem: Annotated[ErrorBody | None, Field(exclude_if=_is_none)] = None


class BatchResults(BaseModel):
    """What came of each item, in the order of the batch."""

    results: list[ItemResult]


def links(*operations: str) -> dict[str, Any]:
    """Return, for the API's description, what can be done next with the thing that was named in the path."""
    parameters = {"external_id": "$request.path.external_id"}
    return {operation: {"operationId": operation, "parameters": parameters} for operation in operations}


def crs_of(crs: Crs | None, principal: Principal) -> Crs:
    """Return the coordinate system of a call."""
    return crs or principal.crs


def settle(result: Result, if_match: str | None) -> int:
    """Return the status of the answer to a PUT.

    Raises
    ------
    MatcherError
        If the thing was refused, or is not of the version that was meant.
    """
    if result.error is not None:
        raise result.error
    if result.effect is Effect.HELD:
        conditional.check(if_match, result.version or 0)
        # It has become the version that was meant after it was looked at.
        raise StaleError
    if result.effect is Effect.CREATED and if_match is not None:
        raise StaleError
    return _STATUS[result.effect]


def read(
    items: Sequence[object], model: type[Model], to_content: Callable[[Model], Content]
) -> list[Content | MatcherError]:
    """Return what each item of a batch holds, or why it cannot be read."""
    return [_read(item, model, to_content) for item in items]


def respond(
    items: Sequence[object],
    contents: Sequence[object],
    results: Iterable[Result],
    *,
    language: Language,
    instance: str,
) -> Response:
    """Return the answer to a batch.

    Parameters
    ----------
    items
        As they came.
    contents
        What they hold; errors stand for those that could not be read.
    results
        What came of the others, in their order.
    """
    written = iter(results)
    told: list[dict[str, Any]] = []
    for item, content in zip(items, contents, strict=True):
        result = Result(Effect.REFUSED, error=content) if isinstance(content, MatcherError) else next(written)
        line: dict[str, Any] = {"external_id": _id_of(item), "effect": result.effect}
        if result.error is None:
            line |= {"status": _STATUS[result.effect], "version": result.version}
        else:
            problem = problems.describe(result.error, language=language, instance=instance)
            line |= {"status": problem.status, "problem": problem.model_dump(by_alias=True)}
        told.append(line)
    return responses.of({"results": told}, status=207)


def _read(item: object, model: type[Model], to_content: Callable[[Model], Content]) -> Content | MatcherError:
    try:
        return to_content(model.model_validate(item))
    except ValidationError as error:
        return InvalidBodyError(faults.from_validation(error))
    except InvalidBodyError as error:
        return error


def _id_of(item: object) -> str | None:
    named = item.get("external_id") if isinstance(item, dict) else None
    return named if isinstance(named, str) else None
