"""Short-lived tokens that stand for keys."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import delete, func

from matcher.domain import keys as secrets
from matcher.domain.access import Scope
from matcher.storage.database import Session
from matcher.storage.tables.access import KeyRow, TokenRow

__all__ = ["add", "delete_expired"]


def add(session: Session, secret: str, key: KeyRow, *, scopes: Iterable[Scope], lifetime: timedelta) -> None:
    """Keep a new token of a key, without its secret; its time runs by the database's clock."""
    session.add(
        TokenRow(
            hash=secrets.digest(secret),
            client_no=key.client_no,
            key_no=key.no,
            scopes=sorted(scopes),
            expires_at=func.now() + lifetime,
        )
    )
    session.flush()


def delete_expired(session: Session, key_no: int) -> None:
    """Forget the tokens of a key whose time is over."""
    session.execute(delete(TokenRow).where(TokenRow.key_no == key_no, TokenRow.expires_at < func.now()))
