"""Client systems, their keys, what they asked for before, and who has seen what."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from matcher.domain.geo import Crs
from matcher.storage.tables.base import (
    Base,
    Client,
    Code,
    Codes,
    Created,
    Instant,
    Json,
    No,
    PublicId,
    Updated,
    Version,
    one_of,
)

__all__ = ["AuditRow", "ClientRow", "IdempotencyRow", "KeyRow", "TokenRow"]


class ClientRow(Base):
    """A client system: the tenant that things belong to. With ``secret`` the ids of erased persons are hashed."""

    __tablename__ = "clients"
    __table_args__ = (one_of("crs", Crs),)

    no: Mapped[No]
    id: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    crs: Mapped[Code]
    secret: Mapped[bytes] = mapped_column(
        LargeBinary,
        server_default=text("decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"),
    )
    created_at: Mapped[Created]


class KeyRow(Base):
    """A key of a client system; only the hash is kept, and as ``hint`` the few letters by which people know it.

    ``successor_no`` is the key that it was rotated to.
    """

    __tablename__ = "keys"
    __table_args__ = (Index(None, "client_no", "no"),)

    no: Mapped[No]
    id: Mapped[PublicId]
    client_no: Mapped[Client]
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hint: Mapped[Code]
    label: Mapped[str] = mapped_column(Text, server_default=text("''"))
    scopes: Mapped[Codes]
    regions: Mapped[Codes]
    expires_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]
    last_used_at: Mapped[Instant | None]
    successor_no: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("keys.no"))
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class TokenRow(Base):
    """A short-lived token that stands for a key."""

    __tablename__ = "tokens"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    client_no: Mapped[Client]
    key_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("keys.no", ondelete="CASCADE"), index=True)
    scopes: Mapped[Codes]
    expires_at: Mapped[Instant] = mapped_column(index=True)


class IdempotencyRow(Base):
    """The answer to a request that may come again, kept in the transaction of its effect."""

    __tablename__ = "idempotency"

    client_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("clients.no"), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    operation: Mapped[Code]
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[Json]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Created] = mapped_column(index=True)


class AuditRow(Base):
    """One line of the audit trail; rows are only added."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "client_no", "no"),
        Index(None, "subject_kind", "subject_id"),
        Index(None, "key_no", "action", "at"),
    )

    no: Mapped[No]
    client_no: Mapped[Client]
    region: Mapped[Code | None]
    at: Mapped[Created]
    key_no: Mapped[int | None] = mapped_column(BigInteger)
    action: Mapped[Code]
    subject_kind: Mapped[Code]
    subject_id: Mapped[Code]
    on_behalf_of: Mapped[Code | None]
    request_id: Mapped[Code | None]
    data: Mapped[Json | None]
