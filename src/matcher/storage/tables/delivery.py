"""What happened, in order; what comes in bulk; who was erased."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from matcher.domain.erasures import ErasureKind, ErasureStatus
from matcher.domain.imports import ImportFormat, ImportKind, ImportStatus
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

__all__ = ["ChunkRow", "ErasureRow", "EventRow", "FaultRow", "ImportRow"]

_ZERO = text("0")


class EventRow(Base):
    """Something that happened. ``position`` orders the feed; it is given after the commit, by one publisher at a time.

    By ``no`` alone a reader would miss what commits late.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_unpublished", "no", postgresql_where=text("position IS NULL")),
        Index(None, "client_no", "position"),
        Index(None, "subject_kind", "subject_id"),
    )

    no: Mapped[No]
    client_no: Mapped[Client]
    region: Mapped[Code]
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    type: Mapped[Code]
    subject_kind: Mapped[Code]
    subject_id: Mapped[Code]
    at: Mapped[Created]
    key_no: Mapped[int | None] = mapped_column(BigInteger)
    on_behalf_of: Mapped[Code | None]
    data: Mapped[Json]


class ImportRow(Base):
    """Volunteers or requests that come in bulk, worked off chunk by chunk."""

    __tablename__ = "imports"
    __table_args__ = (
        one_of("kind", ImportKind),
        one_of("format", ImportFormat),
        one_of("status", ImportStatus),
        Index(None, "client_no", "no"),
    )

    no: Mapped[No]
    id: Mapped[PublicId]
    client_no: Mapped[Client]
    key_no: Mapped[int] = mapped_column(BigInteger)
    regions: Mapped[Json]
    crs: Mapped[Code]
    kind: Mapped[Code]
    format: Mapped[Code]
    header: Mapped[Json | None]
    status: Mapped[Code]
    error: Mapped[Code | None]
    line_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    done_lines: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    created_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    updated_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    unchanged_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    refused_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]
    finished_at: Mapped[Instant | None]


class ChunkRow(Base):
    """Some whole lines of an import, deleted with the transaction that takes them in."""

    __tablename__ = "chunks"

    import_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("imports.no", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    client_no: Mapped[Client]
    first_line: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class FaultRow(Base):
    """A line of an import that was refused, and why."""

    __tablename__ = "import_faults"
    __table_args__ = (UniqueConstraint("import_no", "line", "pointer"),)

    no: Mapped[No]
    import_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("imports.no", ondelete="CASCADE"))
    client_no: Mapped[Client]
    line: Mapped[int]
    external_id: Mapped[Code | None]
    code: Mapped[Code]
    pointer: Mapped[Code]
    detail: Mapped[Json]


class ErasureRow(Base):
    """The erasure of a person, with its receipt; in the end only a hash is kept of whose it was.

    Until then ``request_ids`` are the requests of the person that have been erased.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        one_of("kind", ErasureKind),
        one_of("status", ErasureStatus),
        Index(None, "client_no", "no"),
        Index(
            "uq_erasures_one_running",
            "client_no",
            "kind",
            "subject_hash",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
    )

    no: Mapped[No]
    id: Mapped[PublicId]
    client_no: Mapped[Client]
    region: Mapped[Code]
    key_no: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[Code]
    regions: Mapped[Codes]
    subject: Mapped[Code | None]
    request_ids: Mapped[Codes]
    subject_hash: Mapped[Code]
    status: Mapped[Code]
    receipt: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[Created]
    erased_at: Mapped[Instant | None]
    finished_at: Mapped[Instant | None]
    version: Mapped[Version]
