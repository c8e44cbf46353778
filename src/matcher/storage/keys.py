"""Keys and tokens in the database: found by the hash of the secret that comes with a call."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import DateTime, func, select, update

from matcher.domain.access import Principal, Scope
from matcher.domain.geo import Crs
from matcher.domain.keys import SecretKind
from matcher.storage.database import Session
from matcher.storage.tables.access import ClientRow, KeyRow, TokenRow

__all__ = ["Bearer", "find_bearer", "touch"]

# A write at each call would cost more than it is worth to know.
_TOUCH_AFTER: Final = timedelta(minutes=10)
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
