"""From what the driver says to what the caller is told, where the database itself is at fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from matcher.domain.errors import DatabaseDownError, DiskFullError, MatcherError, OverloadedError, Text

__all__ = ["told"]

_DOWN: Final = Text(
    en="The database does not answer. Nothing was changed; try again in a few seconds.",
    zh="数据库没有响应，未做任何更改。请几秒后重试。",
)
_FULL: Final = Text(
    en="The database has no room left. Nothing was changed; the operator has to free some.",
    zh="数据库空间不足，未做任何更改。需由运维人员释放空间。",
)
_BUSY: Final = Text(
    en="The database is too busy for this now. Nothing was changed; try again in a few seconds.",
    zh="数据库繁忙，未做任何更改。请几秒后重试。",
)
# Waited too long, for rows or in a circle with another transaction.
_GAVE_UP = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)


@contextmanager
def told() -> Iterator[None]:
    """Raise the errors of an unwell database as errors that a caller may see; all others pass."""
    try:
        yield
    except PoolTimeoutError as error:
        raise OverloadedError(_BUSY) from error
    except DBAPIError as error:
        if (failure := _failure(error)) is None:
            raise
        raise failure from error


def _failure(error: DBAPIError) -> MatcherError | None:
    match error.orig:
        case psycopg.errors.DiskFull():
            return DiskFullError(_FULL)
        case original if isinstance(original, _GAVE_UP):
            return OverloadedError(_BUSY)
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return DatabaseDownError(_DOWN)
        case _:
            return None
