"""Whose rows, and of which regions, as conditions of a query."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, or_, true
from sqlalchemy.orm import InstrumentedAttribute

__all__ = ["named_by", "within"]

# Of a street. Nothing lies below it, so an index gives what is there in the order that it has.
_LONGEST: Final = 9


def named_by(client: InstrumentedAttribute[int], client_no: Any) -> ColumnElement[bool]:
    """Return the condition that a row is a client's, for a query that names rows by the client's own ids.

    It leaves no index to choose but that of the ids. Of a client who came after the last `ANALYZE` the
    planner believes that there are no rows; it would take any index that begins with the client,
    and read all of the client's rows for each id.
    """
    rewritten: ColumnElement[bool] = client + 0 == client_no
    return rewritten


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
    if len(prefix) == _LONGEST:
        return region == prefix
    # Codes are digits in byte order: the next prefix ends the range of this one.
    return and_(region >= prefix, region < prefix[:-1] + chr(ord(prefix[-1]) + 1))
