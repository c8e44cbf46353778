"""Whose rows a transaction sees: the second layer under the filters of each query."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from matcher.domain.access import Principal

__all__ = ["crossing", "enter"]

_SYSTEM = text("SELECT set_config('role', 'matcher_system', true)")
_TENANT = text(
    "SELECT set_config('role', 'matcher_tenant', true), set_config('matcher.client', :client, true),"
    " set_config('matcher.regions', :regions, true)"
)
_REGIONS = text("SELECT current_setting('matcher.regions', true)")
_SET_REGIONS = text("SELECT set_config('matcher.regions', :regions, true)")
_ALL_REGIONS = '{""}'


def enter(session: Session, principal: Principal | None) -> None:
    """Let the rest of the transaction see what the principal may see; without one, everything."""
    if principal is None:
        session.execute(_SYSTEM)
        return
    # An array as PostgreSQL writes it; codes are digits, the grant of everywhere is the empty text.
    regions = ",".join(f'"{region}"' for region in principal.regions)
    session.execute(_TENANT, {"client": str(principal.client_no), "regions": f"{{{regions}}}"})


@contextmanager
def crossing(session: Session) -> Iterator[None]:
    """Let a stretch of the transaction see all regions of its client, as what crosses a border needs.

    Help does: the volunteer of an offer may live where the key does not reach, and has promises
    there. What is answered is chosen by the caller, whose filters still hold.
    """
    before = session.execute(_REGIONS).scalar_one_or_none() or ""
    session.execute(_SET_REGIONS, {"regions": _ALL_REGIONS})
    try:
        yield
    except SQLAlchemyError:
        # The transaction is lost, and takes the setting with it.
        raise
    except BaseException:
        session.execute(_SET_REGIONS, {"regions": before})
        raise
    session.execute(_SET_REGIONS, {"regions": before})
