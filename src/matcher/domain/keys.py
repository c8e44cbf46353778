"""Keys and tokens as texts: how they are made, recognised and kept.

A secret is ``mk_live_`` (a key) or ``mt_live_`` (a token), 160 random bits in base 62, and a
checksum, so that a typing error is told from a wrong key without looking anything up. Only the
SHA-256 of a secret is kept: with that many random bits nobody can search for what it belongs to.
"""

import hashlib
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from matcher.domain.access import Principal, Scope
from matcher.domain.errors import GrantExceededError, Text

__all__ = ["Grant", "KeyStatus", "SecretKind", "check_grant", "digest", "kind_of", "make", "shorten"]

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES: Final = 20
_RANDOM_DIGITS: Final = 27
_CHECK_DIGITS: Final = 6
_SHOWN_DIGITS: Final = 4


class SecretKind(StrEnum):
    """What a secret is; the value is how it begins."""

    KEY = "mk_live_"
    TOKEN = "mt_live_"  # noqa: S105 - how one begins, not one itself


class KeyStatus(StrEnum):
    """Whether a key opens anything: a retiring one has a successor, and does for a while."""

    LIVE = "live"
    RETIRING = "retiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key is made for."""

    scopes: frozenset[Scope]
    regions: tuple[str, ...]
    label: str = ""
    expires_at: datetime | None = None


def make(kind: SecretKind) -> str:
    """Return a new secret."""
    body = kind + _in_base_62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES)), _RANDOM_DIGITS)
    return body + _checksum(body)


def kind_of(secret: str) -> SecretKind | None:
    """Return what a text is, or None if it was never a secret of ours: mistyped, cut off, somebody else's."""
    kind = next((kind for kind in SecretKind if secret.startswith(kind)), None)
    if kind is None or len(secret) != len(kind) + _RANDOM_DIGITS + _CHECK_DIGITS or not secret.isascii():
        return None
    return kind if secret.endswith(_checksum(secret[:-_CHECK_DIGITS])) else None


def digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def shorten(secret: str) -> str:
    """Return the part of a secret by which people recognise it in a list, and which opens nothing."""
    kind = kind_of(secret)
    return secret[: len(kind or "") + _SHOWN_DIGITS]


def check_grant(principal: Principal, grant: Grant) -> None:
    """Refuse to pass on what the bearer does not have.

    Raises
    ------
    GrantExceededError
        If a scope is not the bearer's, or a region lies outside the bearer's.
    """
    for scope in sorted(grant.scopes):
        if scope not in principal.scopes:
            raise GrantExceededError(
                Text(
                    en="Your key does not have the scope {scope}, so it cannot grant it.",
                    zh="您的密钥没有权限 {scope}，因此不能授予该权限。",
                    values={"scope": scope},
                )
            )
    for region in grant.regions:
        if not principal.covers(region):
            raise GrantExceededError(
                Text(
                    en="Your key does not hold for all of the region {region}, so it cannot grant it.",
                    zh="您的密钥未获得区域 {region} 的全部授权，因此不能授予该区域。",
                    values={"region": region or "*"},
                )
            )


def _checksum(body: str) -> str:
    return _in_base_62(zlib.crc32(body.encode("ascii", "replace")), _CHECK_DIGITS)


def _in_base_62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
