"""Lists that come page by page."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from matcher.storage.pages import MAX_LIMIT, Cursor

__all__ = ["CursorQuery", "LimitQuery", "PageBody", "read_cursor"]

Item = TypeVar("Item")

LimitQuery = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The most items of one page.")]
CursorQuery = Annotated[
    str | None, Query(max_length=512, description="The `next_cursor` of the page before; left out, the first page.")
]


class PageBody(BaseModel, Generic[Item]):
    """One page of a list, in a stable order: what is there from start to end is seen exactly once."""

    data: list[Item]
    next_cursor: Annotated[str | None, Field(description="Where the next page begins; null on the last one.")]


def read_cursor(text: str | None) -> Cursor | None:
    """Return where a page begins.

    Raises
    ------
    InvalidCursorError
        If the text was not given out as a cursor.
    """
    return None if text is None else Cursor.read(text)
