"""Whose rows a transaction sees: the second layer under the filters of each query."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from matcher.domain.access import Principal

__all__ = ["enter"]

_SYSTEM = text("SELECT set_config('role', 'matcher_system', true)")
_TENANT = text(
    "SELECT set_config('role', 'matcher_tenant', true), set_config('matcher.client', :client, true),"
    " set_config('matcher.regions', :regions, true)"
)


def enter(session: Session, principal: Principal | None) -> None:
    """Let the rest of the transaction see what the principal may see; without one, everything."""
    if principal is None:
        session.execute(_SYSTEM)
        return
    # An array as PostgreSQL writes it; codes are digits, the grant of everywhere is the empty text.
    regions = ",".join(f'"{region}"' for region in principal.regions)
    session.execute(_TENANT, {"client": str(principal.client_no), "regions": f"{{{regions}}}"})
