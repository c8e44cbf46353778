"""Whose rows a transaction sees: the second layer under the filters of each query."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from matcher.domain.access import EVERYWHERE, Principal

__all__ = ["crossing", "enter", "look"]

_BEGIN: Final = "BEGIN READ WRITE"
_BEGIN_FROZEN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SYSTEM: Final = "SET LOCAL ROLE matcher_system"
_SET_REGIONS: Final = text("SELECT set_config('matcher.regions', :regions, true)")
_REGIONS: Final = "matcher.regions"
_LOOKS_AS: Final = "matcher.looks_as"


def enter(session: Session, principal: Principal | None, *, is_frozen: bool = False) -> None:
    """Begin the transaction of a session, which sees what the principal may see; without one, everything.

    Its first words go to the server together: a call has one way to wait for less.
    """
    begin = _BEGIN_FROZEN if is_frozen else _BEGIN
    if principal is None:
        session.info[_REGIONS] = EVERYWHERE
        session.connection().exec_driver_sql(f"{begin}; {_SYSTEM}")
        return
    session.info[_REGIONS] = principal.regions
    tenant = _tenant(principal.client_no, principal.regions, "LOCAL")
    session.connection().exec_driver_sql(f"{begin}; {tenant}")


def look(session: Session, principal: Principal) -> None:
    """Let a session, which begins no transaction, see what the principal may see, and write nothing.

    The connection stays the principal's for as long as nobody else looks through it: whoever looks
    again says nothing. Transactions do not mind, since they say whose they are.
    """
    connection = session.connection()
    looks_as = principal.client_no, principal.regions
    if connection.info.get(_LOOKS_AS) == looks_as:
        return
    connection.info.pop(_LOOKS_AS, None)
    tenant = _tenant(principal.client_no, principal.regions, "SESSION")
    connection.exec_driver_sql(f"SET SESSION default_transaction_read_only = on; {tenant}")
    connection.info[_LOOKS_AS] = looks_as


@contextmanager
def crossing(session: Session) -> Iterator[None]:
    """Let a stretch of the transaction see all regions of its client, as what crosses a border needs.

    Help does: the volunteer of an offer may live where the key does not reach, and has promises
    there. What is answered is chosen by the caller, whose filters still hold. There has to be a
    transaction.
    """
    before: tuple[str, ...] = session.info[_REGIONS]
    if before == EVERYWHERE:
        yield
        return
    _set_regions(session, EVERYWHERE)
    try:
        yield
    except BaseException:
        # A transaction that is lost takes the setting with it.
        with suppress(SQLAlchemyError):
            _set_regions(session, before)
        raise
    _set_regions(session, before)


def _set_regions(session: Session, regions: tuple[str, ...]) -> None:
    session.execute(_SET_REGIONS, {"regions": _array(regions)})
    session.info[_REGIONS] = regions


@lru_cache(maxsize=4096)
def _tenant(client_no: int, regions: tuple[str, ...], span: str) -> str:
    """Return the statements that make a transaction, or a session, a tenant's."""
    quoted = _array(regions).replace("'", "''")
    return (
        f"SET {span} ROLE matcher_tenant; SET {span} matcher.client = '{client_no}'; SET {span} {_REGIONS} = '{quoted}'"
    )


def _array(regions: tuple[str, ...]) -> str:
    """Return codes as PostgreSQL writes an array; they are digits, and the grant of everywhere is the empty text."""
    return "{" + ",".join(f'"{region}"' for region in regions) + "}"
