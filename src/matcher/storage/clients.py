"""Client systems: the tenants."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from matcher.domain.geo import Crs
from matcher.storage.database import Session
from matcher.storage.tables.access import ClientRow

__all__ = ["ClientRow", "add_if_new", "find"]


def find(session: Session, client_id: str) -> ClientRow | None:
    """Return the client system of this name, if there is one."""
    return session.scalars(select(ClientRow).where(ClientRow.id == client_id)).one_or_none()


def add_if_new(session: Session, client_id: str, crs: Crs) -> ClientRow:
    """Return the client system of this name, made if there is none yet."""
    statement = insert(ClientRow).values(id=client_id, crs=crs).on_conflict_do_nothing(index_elements=[ClientRow.id])
    session.execute(statement)
    return session.scalars(select(ClientRow).where(ClientRow.id == client_id)).one()
