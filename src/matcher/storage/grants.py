"""Region grants as conditions of a query."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute

__all__ = ["within"]


def within(
    region: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefixes: Sequence[str]
) -> ColumnElement[bool]:
    """Return the condition that a region begins with one of several prefixes.

    It is written as ranges: under row-level security an index takes part in comparisons only, not
    in operators on prefixes.
    """
    if "" in prefixes:
        return true()
    return or_(false(), *(_begins(region, prefix) for prefix in prefixes))


def _begins(region: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefix: str) -> ColumnElement[Any]:
    # Codes are digits in byte order: the next prefix ends the range of this one.
    return and_(region >= prefix, region < prefix[:-1] + chr(ord(prefix[-1]) + 1))
