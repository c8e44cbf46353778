"""What comes of matching: runs, their problems and plans, offers with every step, service records."""

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from matcher.domain.offers import OfferStatus
from matcher.domain.runs import RunMode, RunStatus
from matcher.storage.tables.base import (
    Base,
    Client,
    Code,
    Created,
    Instant,
    Json,
    No,
    PublicId,
    Small,
    Updated,
    Version,
    one_of,
)

__all__ = ["EntryRow", "OfferRow", "RecordRow", "RunRow", "SnapshotRow", "StepRow"]

_FALSE = text("false")
_ZERO = text("0")
_LIVE_OFFER = "status IN ('offered', 'accepted', 'in-progress')"


class RunRow(Base):
    """One execution of matching for a region and a horizon; two active ones never overlap in region.

    ``attempt`` counts the workers that took it up: only the latest may finish it. ``plan`` is the
    answer as gzipped JSON.
    """

    __tablename__ = "runs"
    __table_args__ = (
        one_of("mode", RunMode),
        one_of("status", RunStatus),
        ExcludeConstraint(
            (text("int8range(client_no, client_no, '[]')"), "&&"),
            (text("int8range(rpad(region, 12, '0')::bigint, rpad(region, 12, '9')::bigint, '[]')"), "&&"),
            where=text("status IN ('queued', 'running')"),
            name="ex_runs_one_active_a_region",
        ),
        Index(None, "client_no", "region", "no"),
    )

    no: Mapped[No]
    id: Mapped[PublicId]
    client_no: Mapped[Client]
    key_no: Mapped[int | None] = mapped_column(BigInteger)
    region: Mapped[Code]
    mode: Mapped[Code]
    status: Mapped[Code] = mapped_column(server_default=text("'queued'"))
    horizon_start: Mapped[Instant]
    horizon_end: Mapped[Instant]
    options: Mapped[Json]
    attempt: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    stage: Mapped[Code | None]
    fraction: Mapped[float] = mapped_column(Float, server_default=_ZERO)
    problem_hash: Mapped[Code | None]
    summary: Mapped[Json | None]
    plan: Mapped[bytes | None] = mapped_column(LargeBinary)
    offer_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    left_out: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    left_out_count: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    error: Mapped[Json | None]
    created_at: Mapped[Created]
    started_at: Mapped[Instant | None]
    finished_at: Mapped[Instant | None]
    published_at: Mapped[Instant | None]
    version: Mapped[Version]
    updated_at: Mapped[Updated]


class SnapshotRow(Base):
    """The problem that a run solved, as gzipped JSON: what `matcher match` reads. It holds exact places."""

    __tablename__ = "snapshots"

    run_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("runs.no", ondelete="CASCADE"), primary_key=True)
    client_no: Mapped[Client]
    region: Mapped[Code]
    problem: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Created] = mapped_column(index=True)


class OfferRow(Base):
    """An assignment put to a volunteer; nobody is in two places at once.

    ``distance_m`` is the exact one and stays inside; outside, distances come from cells.
    """

    __tablename__ = "offers"
    __table_args__ = (
        one_of("status", OfferStatus),
        ExcludeConstraint(
            (text("int8range(volunteer_no, volunteer_no, '[]')"), "&&"),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            where=text("status IN ('accepted', 'in-progress') AND starts_at IS NOT NULL AND volunteer_no IS NOT NULL"),
            name="ex_offers_nobody_in_two_places",
        ),
        Index(
            "uq_offers_one_live_a_pair",
            "request_no",
            "volunteer_no",
            unique=True,
            postgresql_where=text(_LIVE_OFFER),
        ),
        Index(None, "client_no", "region", "no"),
        Index(None, "client_no", "no"),
        Index("ix_offers_live", "client_no", "no", postgresql_where=text(_LIVE_OFFER)),
        Index(None, "volunteer_no", "no"),
        Index(None, "request_no"),
        Index(None, "run_no"),
        Index("ix_offers_expiring", "expires_at", postgresql_where=text("status = 'offered'")),
        Index("ix_offers_starting", "starts_at", postgresql_where=text("status = 'accepted'")),
    )

    no: Mapped[No]
    id: Mapped[PublicId]
    client_no: Mapped[Client]
    region: Mapped[Code]
    request_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("requests.no"))
    volunteer_no: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("volunteers.no", ondelete="SET NULL"))
    run_no: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("runs.no", ondelete="SET NULL"))
    wave: Mapped[Small] = mapped_column(server_default=text("1"))
    role: Mapped[Small] = mapped_column(server_default=_ZERO)
    status: Mapped[Code] = mapped_column(server_default=text("'offered'"))
    starts_at: Mapped[Instant | None]
    ends_at: Mapped[Instant | None]
    distance_m: Mapped[int | None]
    travel_min: Mapped[int | None]
    cost: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    cost_terms: Mapped[Json]
    offered_at: Mapped[Created]
    expires_at: Mapped[Instant]
    answered_at: Mapped[Instant | None]
    reason: Mapped[Code | None]
    checked_in_at: Mapped[Instant | None]
    checked_out_at: Mapped[Instant | None]
    confirmed_at: Mapped[Instant | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class StepRow(Base):
    """One step of an offer's life: who took it, on whose behalf, and why. Rows are only added."""

    __tablename__ = "steps"
    __table_args__ = (UniqueConstraint("offer_no", "version"),)

    no: Mapped[No]
    offer_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("offers.no", ondelete="CASCADE"))
    client_no: Mapped[Client]
    region: Mapped[Code]
    version: Mapped[int]
    from_status: Mapped[Code | None]
    to_status: Mapped[Code]
    at: Mapped[Created]
    key_no: Mapped[int | None] = mapped_column(BigInteger)
    on_behalf_of: Mapped[Code | None]
    reason: Mapped[Code | None]


class RecordRow(Base):
    """Minutes served, out of a completed offer."""

    __tablename__ = "records"
    __table_args__ = (
        Index(None, "client_no", "region", "no"),
        Index(None, "client_no", "no"),
        Index(None, "volunteer_no", "no"),
    )

    no: Mapped[No]
    id: Mapped[PublicId]
    client_no: Mapped[Client]
    region: Mapped[Code]
    offer_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("offers.no"), unique=True)
    request_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("requests.no"))
    volunteer_no: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("volunteers.no", ondelete="SET NULL"))
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    minutes: Mapped[int]
    confirmed_at: Mapped[Instant | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class EntryRow(Base):
    """One entry in the chain of a volunteer's records: each holds the hash of the one before. Rows are only added."""

    __tablename__ = "entries"
    __table_args__ = (UniqueConstraint("volunteer_no", "position"), Index(None, "record_no"))

    no: Mapped[No]
    record_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("records.no", ondelete="CASCADE"))
    volunteer_no: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("volunteers.no", ondelete="SET NULL"))
    client_no: Mapped[Client]
    region: Mapped[Code]
    position: Mapped[int]
    kind: Mapped[Code]
    content: Mapped[Json]
    previous_hash: Mapped[Code]
    hash: Mapped[Code]
    at: Mapped[Created]
    key_no: Mapped[int | None] = mapped_column(BigInteger)
