"""Keyset pages: each begins after the last key of the one before, however much is added meanwhile."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Self, TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from matcher.domain.errors import MatcherError, Text

__all__ = ["MAX_LIMIT", "Cursor", "InvalidCursorError", "Page", "after", "cut"]

Row = TypeVar("Row")
Selected = TypeVar("Selected", bound=Select[*tuple[Any, ...]])

MAX_LIMIT: Final = 1_000


class InvalidCursorError(MatcherError):
    """The text was not given out as a cursor."""

    code = "invalid-cursor"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="This is no cursor of this list: send the next_cursor of the page before, unchanged.",
                zh="游标无效：请原样发送上一页的 next_cursor。",
            )
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """The key of the last item of a page."""

    key: tuple[str | int, ...]

    def write(self) -> str:
        """Return it as a text that means nothing to the caller."""
        return base64.urlsafe_b64encode(json.dumps(self.key).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the cursor that a text stands for.

        Raises
        ------
        InvalidCursorError
            If it stands for none.
        """
        try:
            key = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            raise InvalidCursorError from None
        if not isinstance(key, list) or not all(map(_is_storable, key)):
            raise InvalidCursorError
        return cls(tuple(key))


def _is_storable(part: object) -> bool:
    if isinstance(part, str):
        return part.isprintable()
    return type(part) is int and abs(part) < 2**63


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and where the next ones begin."""

    rows: Sequence[Row]
    next_cursor: str | None


def after(
    statement: Selected, columns: Sequence[InstrumentedAttribute[Any]], cursor: Cursor | None, *, limit: int
) -> Selected:
    """Return the statement of one page, with one row more that tells of a next page.

    It is ordered by ``columns``, which together are unique.

    Raises
    ------
    InvalidCursorError
        If the cursor is of another list.
    """
    if cursor is not None:
        kinds = tuple(column.type.python_type for column in columns)
        if tuple(map(type, cursor.key)) != kinds:
            raise InvalidCursorError
        statement = statement.where(tuple_(*columns) > tuple_(*cursor.key))
    return statement.order_by(*columns).limit(limit + 1)


def cut(rows: Sequence[Row], *, limit: int, key: Callable[[Row], tuple[str | int, ...]]) -> Page[Row]:
    """Return the page of the rows that a statement of ``after`` found."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], Cursor(key(rows[limit - 1])).write())
