"""Keys in the database: found by the hash of the secret that comes with a call, or by their id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import DateTime, TextClause, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from matcher.domain import keys as secrets
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.geo import Crs
from matcher.domain.keys import Grant, SecretKind
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.access import ClientRow, KeyRow, TokenRow

__all__ = [
    "Bearer",
    "KeyRow",
    "add",
    "end_predecessors",
    "find",
    "find_bearer",
    "find_for_update",
    "get",
    "get_for_update",
    "list_all",
    "list_page",
    "touch",
]

# A write at each call would cost more than it is worth to know.
_TOUCH_AFTER: Final = timedelta(minutes=10)
# A key that holds for more than the principal does is not the principal's to see.
_WITHIN: Final = "NOT EXISTS (SELECT FROM unnest(keys.regions) AS region WHERE NOT region ^@ ANY (:grants))"
_NOT_FOUND: Final = Text(
    en="There is no key with this id, or it is not yours to see.", zh="没有该编号的密钥，或您无权查看。"
)
_CLOCK: Final = func.clock_timestamp(type_=DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whoever holds a secret.

    ``remaining_s`` says how long it still holds by the database's clock (None: without end),
    ``is_revoked`` that it was taken back, ``is_stale`` that its last use is worth writing down.
    """

    principal: Principal
    remaining_s: float | None
    is_revoked: bool
    is_stale: bool


def find_bearer(session: Session, kind: SecretKind, digest: bytes) -> Bearer | None:
    """Return who holds the secret with this digest, if anybody does. A token dies with its key."""
    if kind is SecretKind.KEY:
        of_key = select(KeyRow, ClientRow.crs, _CLOCK).join(ClientRow, ClientRow.no == KeyRow.client_no)
        found = session.execute(of_key.where(KeyRow.hash == digest)).one_or_none()
        return None if found is None else _bearer(found[0], None, found[1], found[2])
    of_token = (
        select(TokenRow, KeyRow, ClientRow.crs, _CLOCK)
        .join(KeyRow, KeyRow.no == TokenRow.key_no)
        .join(ClientRow, ClientRow.no == KeyRow.client_no)
    )
    token = session.execute(of_token.where(TokenRow.hash == digest)).one_or_none()
    return None if token is None else _bearer(token[1], token[0], token[2], token[3])


def add(session: Session, secret: str, grant: Grant, *, client_no: int) -> KeyRow:
    """Keep a new key, without its secret."""
    row = KeyRow(
        client_no=client_no,
        hash=secrets.digest(secret),
        hint=secrets.shorten(secret),
        label=grant.label,
        scopes=sorted(grant.scopes),
        regions=sorted(grant.regions),
        expires_at=grant.expires_at,
    )
    session.add(row)
    session.flush()
    # As the database has it: an instant in UTC, whatever offset it came with.
    session.refresh(row)
    return row


def list_page(
    session: Session, *, client_no: int, regions: Iterable[str], cursor: Cursor | None, limit: int
) -> Page[KeyRow]:
    """Return a page of the keys of a client that hold for no more than these regions, the oldest first."""
    statement = select(KeyRow).where(KeyRow.client_no == client_no, _within(regions))
    rows = session.scalars(pages.after(statement, [KeyRow.no], cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.no,))


def list_all(session: Session, client_id: str | None) -> Sequence[tuple[str, KeyRow]]:
    """Return the keys of a client system, or of all, each with the name of its client, the oldest first."""
    statement = select(ClientRow.id, KeyRow).join(ClientRow, ClientRow.no == KeyRow.client_no).order_by(KeyRow.no)
    if client_id is not None:
        statement = statement.where(ClientRow.id == client_id)
    return [(row[0], row[1]) for row in session.execute(statement)]


def find(session: Session, key_id: UUID) -> KeyRow | None:
    """Return the key with this id, whosever it is: for whoever holds it, or runs the service."""
    return session.scalars(select(KeyRow).where(KeyRow.id == key_id)).one_or_none()


def find_for_update(session: Session, key_id: UUID) -> KeyRow | None:
    """Return a key as ``find`` does, and hold it until the end of the transaction."""
    return session.scalars(select(KeyRow).where(KeyRow.id == key_id).with_for_update()).one_or_none()


def get(session: Session, key_id: UUID, *, client_no: int, regions: Iterable[str]) -> KeyRow:
    """Return a key of a client that holds for no more than these regions.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    return _get(session, key_id, client_no, regions, is_locked=False)


def get_for_update(session: Session, key_id: UUID, *, client_no: int, regions: Iterable[str]) -> KeyRow:
    """Return a key as ``get`` does, and hold it until the end of the transaction.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    return _get(session, key_id, client_no, regions, is_locked=True)


def end_predecessors(session: Session, key_no: int, *, now: datetime) -> None:
    """End whichever key was rotated to this one and lives on."""
    session.execute(
        update(KeyRow)
        .where(KeyRow.successor_no == key_no, func.coalesce(KeyRow.expires_at > now, True))
        .values(expires_at=now, updated_at=func.now(), version=KeyRow.version + 1)
    )


def touch(session: Session, key_no: int) -> None:
    """Write down that a key is being used."""
    session.execute(update(KeyRow).where(KeyRow.no == key_no).values(last_used_at=func.now()))


def _bearer(key: KeyRow, token: TokenRow | None, crs: str, now: datetime) -> Bearer:
    ends = [end for end in (key.expires_at, None if token is None else token.expires_at) if end is not None]
    return Bearer(
        principal=Principal(
            client_no=key.client_no,
            key_no=key.no,
            scopes=frozenset(map(Scope, key.scopes if token is None else token.scopes)),
            regions=tuple(key.regions),
            crs=Crs(crs),
        ),
        remaining_s=(min(ends) - now).total_seconds() if ends else None,
        is_revoked=key.revoked_at is not None,
        is_stale=key.last_used_at is None or now - key.last_used_at > _TOUCH_AFTER,
    )


def _get(session: Session, key_id: UUID, client_no: int, regions: Iterable[str], *, is_locked: bool) -> KeyRow:
    statement = select(KeyRow).where(KeyRow.id == key_id, KeyRow.client_no == client_no, _within(regions))
    row = session.scalars(statement.with_for_update() if is_locked else statement).one_or_none()
    if row is None:
        raise NotFoundError(_NOT_FOUND)
    return row


def _within(regions: Iterable[str]) -> TextClause:
    return text(_WITHIN).bindparams(bindparam("grants", list(regions), type_=ARRAY(TEXT)))
