"""Tokens: a key is shown once, and stands in for itself for minutes."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from matcher.domain import keys as secrets
from matcher.domain.access import Scope
from matcher.domain.errors import ExpiredKeyError, InvalidKeyError, ScopeMissingError, Text
from matcher.domain.keys import SecretKind
from matcher.storage import keys, tokens
from matcher.storage.database import Session

__all__ = ["Token", "issue"]

_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was just made; ``secret`` is not kept anywhere."""

    secret: str
    scopes: Sequence[Scope]
    lifetime: timedelta


def issue(session: Session, key_id: UUID, secret: str, *, scopes: Sequence[str] | None, now: datetime) -> Token:
    """Give a token for a key, with fewer scopes where some are named.

    It dies with its key, and after a quarter of an hour.

    Raises
    ------
    InvalidKeyError
        If no key has this id, the secret is not its own, or it was revoked.
    ExpiredKeyError
        If its time is over.
    ScopeMissingError
        If a scope is named that the key does not have.
    """
    row = keys.find(session, key_id)
    # Compared even where there is nothing to compare with: how long it takes should not tell whether an id exists.
    is_its_own = hmac.compare_digest(secrets.digest(secret), row.hash if row else secrets.digest(""))
    if row is None or not is_its_own or row.revoked_at is not None:
        raise InvalidKeyError(Text(en="The id and the key do not belong together.", zh="编号与密钥不匹配。"))
    if row.expires_at is not None and row.expires_at <= now:
        raise ExpiredKeyError(Text(en="The key has expired.", zh="密钥已过期。"))
    granted = sorted(map(Scope, row.scopes if scopes is None else _narrowed(scopes, row.scopes)))
    lifetime = _LIFETIME if row.expires_at is None else min(_LIFETIME, row.expires_at - now)
    token = secrets.make(SecretKind.TOKEN)
    tokens.delete_expired(session, row.no)
    tokens.add(session, token, row, scopes=granted, lifetime=lifetime)
    return Token(token, granted, lifetime)


def _narrowed(wanted: Sequence[str], owned: Sequence[str]) -> set[str]:
    missing = [scope for scope in wanted if scope not in owned]
    if missing or not wanted:
        raise ScopeMissingError(
            Text(en="The key does not have one of the scopes that are asked for.", zh="密钥不具有所请求的某项权限。")
        )
    return set(wanted)
