"""Keys: who holds one, and how they are made, rotated and revoked."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from matcher.domain import keys as secrets
from matcher.domain.access import Principal, Scope
from matcher.domain.audit import Action
from matcher.domain.errors import ExpiredKeyError, InvalidKeyError, RotatedError, Text
from matcher.domain.keys import Grant, KeyStatus, SecretKind
from matcher.storage import audit, keys
from matcher.storage.database import Session
from matcher.storage.keys import Bearer, KeyRow
from matcher.storage.pages import Cursor, Page

__all__ = [
    "NewKey",
    "authenticate",
    "check_form",
    "create",
    "get",
    "issue",
    "list_page",
    "reissue",
    "revoke",
    "rotate",
    "status",
    "take_back",
]

_INVALID = Text(
    en="The key is not valid: it was mistyped or revoked, or never was one. Ask whoever gave it to you.",
    zh="密钥无效：可能输入有误、已被吊销或从未存在。请联系密钥的发放者。",
)
_EXPIRED = Text(
    en="The key or token has expired. Ask for a new one.",
    zh="密钥或令牌已过期，请申请新的。",
)
_ROTATED: Final = Text(
    en="Only a key that lives and has no successor can be rotated: rotate its successor, or create a key.",
    zh="只能轮换仍然有效且尚未轮换的密钥：请轮换其后继密钥，或创建新密钥。",
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; ``secret`` is not kept anywhere."""

    row: KeyRow
    secret: str


def check_form(secret: str) -> SecretKind:
    """Return what a text is, without looking it up.

    Raises
    ------
    InvalidKeyError
        If it was never a key or a token.
    """
    kind = secrets.kind_of(secret)
    if kind is None:
        raise InvalidKeyError(_INVALID)
    return kind


def authenticate(session: Session, secret: str) -> Bearer:
    """Return who holds a key or a token.

    Raises
    ------
    InvalidKeyError
        If it was mistyped, is unknown or was revoked.
    ExpiredKeyError
        If its time is over.
    """
    bearer = keys.find_bearer(session, check_form(secret), secrets.digest(secret))
    if bearer is None or bearer.is_revoked:
        raise InvalidKeyError(_INVALID)
    if bearer.remaining_s is not None and bearer.remaining_s <= 0:
        raise ExpiredKeyError(_EXPIRED)
    if bearer.is_stale:
        keys.touch(session, bearer.principal.key_no)
    return bearer


def create(session: Session, principal: Principal, grant: Grant) -> NewKey:
    """Make a key of the principal's client system that may do no more than the principal.

    Raises
    ------
    GrantExceededError
        If it was to do more.
    """
    secrets.check_grant(principal, grant)
    return issue(session, principal.client_no, grant, principal=principal)


def issue(session: Session, client_no: int, grant: Grant, *, principal: Principal | None = None) -> NewKey:
    """Make a key of a client system, without asking what whoever makes it may do."""
    new = _make(session, client_no, grant)
    _record(session, Action.KEY_CREATED, new.row, principal)
    return new


def list_page(session: Session, principal: Principal, *, cursor: Cursor | None, limit: int) -> Page[KeyRow]:
    """Return a page of the keys of the principal's client system that hold for no more than the principal's regions."""
    return keys.list_page(session, client_no=principal.client_no, regions=principal.regions, cursor=cursor, limit=limit)


def get(session: Session, principal: Principal, key_id: UUID) -> KeyRow:
    """Return such a key.

    Raises
    ------
    NotFoundError
        If there is none with this id.
    """
    return keys.get(session, key_id, client_no=principal.client_no, regions=principal.regions)


def rotate(session: Session, principal: Principal, key_id: UUID, *, overlap: timedelta, now: datetime) -> NewKey:
    """Put a new key in the place of one, which lives on for ``overlap``.

    Raises
    ------
    NotFoundError
        If the principal has no key with this id.
    GrantExceededError
        If that key may do more than the principal.
    RotatedError
        If it has a successor, or does not live.
    """
    row = keys.get_for_update(session, key_id, client_no=principal.client_no, regions=principal.regions)
    secrets.check_grant(principal, _grant_of(row))
    return reissue(session, row, overlap=overlap, now=now, principal=principal)


def reissue(
    session: Session, row: KeyRow, *, overlap: timedelta, now: datetime, principal: Principal | None = None
) -> NewKey:
    """Rotate a key that the transaction holds, without asking what whoever does it may do.

    At most two keys of a line live: one that was rotated to this one ends at once. A new key lives
    as long as the old one was meant to.

    Raises
    ------
    RotatedError
        If it has a successor, or does not live.
    """
    if status(row, now=now) is not KeyStatus.LIVE:
        raise RotatedError(_ROTATED)
    lifetime = None if row.expires_at is None else row.expires_at - row.created_at
    expires_at = None if lifetime is None else now + lifetime
    new = _make(session, row.client_no, replace(_grant_of(row), expires_at=expires_at))
    keys.end_predecessors(session, row.no, now=now)
    row.successor_no = new.row.no
    row.expires_at = min(filter(None, (row.expires_at, now + overlap)))
    _mark_changed(row, now)
    session.flush()
    _record(session, Action.KEY_ROTATED, row, principal, successor=new.row)
    return new


def revoke(session: Session, principal: Principal, key_id: UUID, *, now: datetime) -> KeyRow:
    """End a key at once; one that was revoked stays so.

    Raises
    ------
    NotFoundError
        If the principal has no key with this id.
    """
    row = keys.get_for_update(session, key_id, client_no=principal.client_no, regions=principal.regions)
    take_back(session, row, now=now, principal=principal)
    return row


def take_back(session: Session, row: KeyRow, *, now: datetime, principal: Principal | None = None) -> None:
    """Revoke a key that the transaction holds."""
    if row.revoked_at is not None:
        return
    row.revoked_at = now
    _mark_changed(row, now)
    session.flush()
    _record(session, Action.KEY_REVOKED, row, principal)


def status(row: KeyRow, *, now: datetime) -> KeyStatus:
    """Return whether a key opens anything."""
    if row.revoked_at is not None:
        return KeyStatus.REVOKED
    if row.expires_at is not None and row.expires_at <= now:
        return KeyStatus.EXPIRED
    return KeyStatus.LIVE if row.successor_no is None else KeyStatus.RETIRING


def _make(session: Session, client_no: int, grant: Grant) -> NewKey:
    secret = secrets.make(SecretKind.KEY)
    return NewKey(keys.add(session, secret, grant, client_no=client_no), secret)


def _grant_of(row: KeyRow) -> Grant:
    return Grant(frozenset(map(Scope, row.scopes)), tuple(row.regions), row.label, row.expires_at)


def _record(
    session: Session, action: Action, row: KeyRow, principal: Principal | None, *, successor: KeyRow | None = None
) -> None:
    """Write it into the trail of each region that the key holds for, so that all see it whom it concerns."""
    for region in row.regions:
        audit.add(
            session,
            action,
            client_no=row.client_no,
            region=region,
            subject_kind="key",
            subject_id=str(row.id),
            principal=principal,
            data=None if successor is None else {"successor_id": str(successor.id)},
        )


def _mark_changed(row: KeyRow, now: datetime) -> None:
    row.version += 1
    row.updated_at = now
