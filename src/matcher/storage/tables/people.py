"""Skills, volunteers, help requests, and the pairs that are kept apart."""

from datetime import date

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from matcher.domain.requests import CloseReason, RequestStatus
from matcher.domain.volunteers import TravelMode
from matcher.storage.tables.base import (
    Base,
    Client,
    Code,
    Codes,
    Counts,
    Created,
    Instant,
    Json,
    No,
    Small,
    Updated,
    Version,
    one_of,
)

__all__ = ["BlockRow", "RequestRow", "SkillRow", "VolunteerRow"]

_FALSE = text("false")
_ZERO = text("0")
_PLACE = "(latitude IS NULL) = (longitude IS NULL)"


class SkillRow(Base):
    """A skill of a client's catalogue."""

    __tablename__ = "skills"
    __table_args__ = (UniqueConstraint("client_no", "external_id"),)

    no: Mapped[No]
    client_no: Mapped[Client]
    external_id: Mapped[Code]
    label_zh: Mapped[str] = mapped_column(Text, server_default=text("''"))
    label_en: Mapped[str] = mapped_column(Text, server_default=text("''"))
    needs_certificate: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class VolunteerRow(Base):
    """A volunteer of a client; ``skills`` and ``availability`` are kept as the caller wrote them."""

    __tablename__ = "volunteers"
    __table_args__ = (
        UniqueConstraint("external_id", "client_no"),
        CheckConstraint(_PLACE, name="place"),
        one_of("travel_mode", TravelMode),
        Index(None, "client_no", "region", "external_id"),
        Index(None, "client_no", "latitude", "longitude"),
        # Everything that a search outwards from a place needs, so that it need not visit the rows themselves.
        Index(
            "ix_volunteers_place",
            text("point(longitude, latitude)"),
            postgresql_using="gist",
            postgresql_include=[
                *("client_no", "region", "latitude", "longitude", "no", "recent_minutes", "max_distance_m"),
                "skill_bits",
            ],
        ),
        # The farthest reach of all is where a search can end.
        Index("ix_volunteers_reach", "client_no", "max_distance_m"),
        Index("ix_volunteers_nowhere", "client_no", "recent_minutes", "no", postgresql_where=text("latitude IS NULL")),
    )

    no: Mapped[No]
    client_no: Mapped[Client]
    external_id: Mapped[Code]
    region: Mapped[Code]
    community: Mapped[Code | None]
    volunteer_no: Mapped[Code | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    max_distance_m: Mapped[int | None]
    max_travel_min: Mapped[int | None]
    travel_mode: Mapped[Code] = mapped_column(server_default=text("'bicycle'"))
    skills: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    skill_codes: Mapped[Codes]
    # Whoever lacks a bit that is asked for lacks a skill; who has them all probably has the skills.
    skill_bits: Mapped[int] = mapped_column(BigInteger, Computed("matcher_signature(skill_codes)", persisted=True))
    trainings: Mapped[Codes]
    insured_until: Mapped[date | None] = mapped_column(Date)
    gender: Mapped[Code | None]
    birth_year: Mapped[Small | None]
    guardian_consent: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    paused: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    availability: Mapped[Json | None]
    busy: Mapped[Json] = mapped_column(server_default=text("'[]'"))
    max_assignments: Mapped[int | None]
    max_minutes: Mapped[int | None]
    max_assignments_per_day: Mapped[int | None]
    max_minutes_per_day: Mapped[int | None]
    recent_minutes: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    content_hash: Mapped[bytes | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class RequestRow(Base):
    """A help request; ``roles``, ``places`` and ``taken`` run in parallel, one entry a role.

    ``requester`` is the client's own opaque name of the person who asks. A place is taken by a
    conditional update of ``taken`` alone.
    """

    __tablename__ = "requests"
    __table_args__ = (
        UniqueConstraint("external_id", "client_no"),
        CheckConstraint(_PLACE, name="place"),
        CheckConstraint("matcher_fits(taken, places)", name="taken"),
        one_of("status", RequestStatus),
        one_of("closed_reason", CloseReason),
        CheckConstraint(
            "(closed_reason IS NULL) = (status NOT IN ('completed', 'failed', 'cancelled'))", name="closed"
        ),
        Index(None, "client_no", "region", "external_id"),
        Index(None, "client_no", "status", "region", "external_id"),
        Index(None, "client_no", "latitude", "longitude"),
        Index(None, "client_no", "requester"),
        Index(
            "ix_requests_open_place",
            text("point(longitude, latitude)"),
            postgresql_using="gist",
            postgresql_include=["client_no", "region", "latitude", "longitude", "no", "urgency", "skill_bits"],
            postgresql_where=text("status IN ('open', 'planned')"),
        ),
        Index(
            "ix_requests_open_nowhere",
            "client_no",
            "no",
            postgresql_where=text("latitude IS NULL AND status IN ('open', 'planned')"),
        ),
        Index(
            "ix_requests_exact",
            "updated_at",
            postgresql_where=text("blurred_at IS NULL AND status IN ('completed', 'failed', 'cancelled')"),
        ),
        Index(
            "ix_requests_open_closes_at", "closes_at", postgresql_where=text("status IN ('open', 'planned', 'filled')")
        ),
    )

    no: Mapped[No]
    client_no: Mapped[Client]
    external_id: Mapped[Code]
    region: Mapped[Code]
    community: Mapped[Code | None]
    requester: Mapped[Code | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    windows: Mapped[Json | None]
    opens_at: Mapped[Instant | None]
    closes_at: Mapped[Instant | None]
    duration_min: Mapped[int]
    roles: Mapped[Json]
    by_role: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    places: Mapped[Counts]
    taken: Mapped[Counts]
    min_headcount: Mapped[Small]
    skill_codes: Mapped[Codes]
    # Whoever lacks a bit of these lacks a skill for every role.
    skill_bits: Mapped[int] = mapped_column(BigInteger, Computed("matcher_needed(roles)", persisted=True))
    urgency: Mapped[Small]
    gender: Mapped[Code | None]
    adults_only: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    needs_insurance: Mapped[bool] = mapped_column(Boolean, server_default=_FALSE)
    risk: Mapped[Code] = mapped_column(server_default=text("'none'"))
    trainings: Mapped[Codes]
    preferred_volunteers: Mapped[Codes]
    excluded_volunteers: Mapped[Codes]
    requested_at: Mapped[Instant | None]
    verified: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    note: Mapped[str | None] = mapped_column(Text)
    blurred_at: Mapped[Instant | None]
    status: Mapped[Code] = mapped_column(server_default=text("'open'"))
    closed_reason: Mapped[Code | None]
    content_hash: Mapped[bytes | None]
    version: Mapped[Version]
    created_at: Mapped[Created]
    updated_at: Mapped[Updated]


class BlockRow(Base):
    """A volunteer and a requester who are never brought together."""

    __tablename__ = "blocks"
    __table_args__ = (UniqueConstraint("volunteer_no", "requester"),)

    no: Mapped[No]
    client_no: Mapped[Client]
    region: Mapped[Code]
    volunteer_no: Mapped[int] = mapped_column(BigInteger, ForeignKey("volunteers.no", ondelete="CASCADE"))
    requester: Mapped[Code]
    created_at: Mapped[Created]
