"""Keys: who holds one, and how they are made, rotated and revoked."""

from matcher.domain import keys as secrets
from matcher.domain.errors import ExpiredKeyError, InvalidKeyError, Text
from matcher.storage import keys
from matcher.storage.database import Session
from matcher.storage.keys import Bearer

__all__ = ["authenticate"]

_INVALID = Text(
    en="The key is not valid: it was mistyped or revoked, or never was one. Ask whoever gave it to you.",
    zh="密钥无效：可能输入有误、已被吊销或从未存在。请联系密钥的发放者。",
)
_EXPIRED = Text(
    en="The key or token has expired. Ask for a new one.",
    zh="密钥或令牌已过期，请申请新的。",
)


def authenticate(session: Session, secret: str) -> Bearer:
    """Return who holds a key or a token.

    Raises
    ------
    InvalidKeyError
        If it was mistyped, is unknown or was revoked.
    ExpiredKeyError
        If its time is over.
    """
    kind = secrets.kind_of(secret)
    bearer = None if kind is None else keys.find_bearer(session, kind, secrets.digest(secret))
    if bearer is None or bearer.is_revoked:
        raise InvalidKeyError(_INVALID)
    if bearer.remaining_s is not None and bearer.remaining_s <= 0:
        raise ExpiredKeyError(_EXPIRED)
    if bearer.is_stale:
        keys.touch(session, bearer.principal.key_no)
    return bearer
