"""What matching knows of the people and the promises of a client: each row as one JSON text.

The database writes the texts and nobody here reads them: they are for whoever matches, which is
another process.
"""

import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, any_, case, cast, false, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from matcher.domain.offers import HOLDING, OfferStatus
from matcher.domain.requests import RequestStatus
from matcher.domain.volunteers import SPEED_M_PER_H
from matcher.storage.database import Session
from matcher.storage.facts import REQUEST_COLUMNS, VOLUNTEER_COLUMNS
from matcher.storage.grants import within
from matcher.storage.tables.outcomes import OfferRow, RecordRow
from matcher.storage.tables.people import BlockRow, RequestRow, SkillRow, VolunteerRow

__all__ = [
    "STANDS",
    "Block",
    "Minutes",
    "Moment",
    "Packed",
    "Promise",
    "Refusal",
    "Rows",
    "Scene",
    "is_promise",
    "is_recent",
    "is_refusal",
    "take",
]

# An instant, or the parameter that will be one.
Moment = datetime | ColumnElement[datetime]

_BATCH: Final = 5_000
_METRES_A_DEGREE: Final = 111_195.0
# Nobody is looked for farther away, whatever radius they state.
_FARTHEST_M: Final = 100_000
_RECENT: Final = timedelta(days=30)
# What was done today counts against the limits of the day, in whichever zone.
_TODAY: Final = timedelta(hours=36)

_NO_HURRY: Final = text("SET LOCAL statement_timeout = '10min'")

_MATCHABLE = (RequestStatus.OPEN, RequestStatus.PLANNED)
_DONE = (OfferStatus.COMPLETED, OfferStatus.CONFIRMED)
_REFUSED = (OfferStatus.DECLINED, OfferStatus.RELEASED, OfferStatus.NO_SHOW)
# An offer that holds its place; the database's clock says what has expired.
STANDS: Final = or_(
    OfferRow.status.in_(HOLDING), and_(OfferRow.status == OfferStatus.OFFERED, OfferRow.expires_at > func.now())
)


class Promise(NamedTuple):
    """An offer that holds a place and its volunteer's time, or did today: one that stands, or was kept."""

    offer_no: int
    request_no: int
    volunteer_no: int
    volunteer_id: str
    role: int
    is_live: bool
    starts_at: str | None
    ends_at: str | None
    duration_min: int
    latitude: float | None
    longitude: float | None


class Refusal(NamedTuple):
    """A pair that is not brought together again on this request."""

    request_no: int
    volunteer_id: str


class Block(NamedTuple):
    """A pair of people that is never brought together."""

    requester: str
    volunteer_id: str


class Minutes(NamedTuple):
    """What a volunteer did in the last thirty days."""

    volunteer_no: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A JSON array of rows, compressed: a city's rows are large, and few of them are looked at here."""

    content: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything that one problem is made of, as it was at one instant.

    ``requests`` and ``volunteers`` are facts with the version of the row behind them, requests also
    with the hash of what the caller wrote.
    """

    requests: Packed
    volunteers: Packed
    promises: Packed
    refusals: Packed
    blocks: Packed
    minutes: Packed
    certified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is looked at: the requests of a region of a client with a window in the horizon.

    ``requests`` and ``volunteers`` narrow it to those of a plan.
    """

    client_no: int
    region: str
    horizon_start: datetime
    horizon_end: datetime
    requests: tuple[str, ...] | None = None
    volunteers: tuple[str, ...] | None = None


def take(session: Session, scene: Scene, *, now: datetime) -> Rows:
    """Return the rows of a scene; in a frozen transaction they are of one instant.

    Requests are those that are open, verified, and have a window in the horizon. Volunteers are those
    of the region who are not paused, those outside whose radius reaches it, and whoever holds an
    offer for one of the requests.
    """
    # A large city's rows take the time that they take.
    session.execute(_NO_HURRY)
    asked = _asked(scene)
    return Rows(
        requests=_pack(
            session,
            select(_line(*REQUEST_COLUMNS, RequestRow.version, func.encode(RequestRow.content_hash, "hex")))
            .where(asked)
            .order_by(RequestRow.external_id),
        ),
        volunteers=_pack(session, _volunteers(session, scene, asked)),
        promises=_pack(session, _promises(scene, now)),
        refusals=_pack(session, _refusals(asked, now)),
        blocks=_pack(session, _blocks(scene, asked)),
        minutes=_pack(session, _minutes(scene, now)),
        certified=tuple(
            session.scalars(
                select(SkillRow.external_id)
                .where(SkillRow.client_no == scene.client_no, SkillRow.needs_certificate)
                .order_by(SkillRow.external_id)
            )
        ),
    )


def _line(*columns: Any) -> ColumnElement[str]:
    return cast(func.json_build_array(*columns), Text)


def _pack(session: Session, statement: Select[Any]) -> Packed:
    """Run a statement of single texts, and hold no more than a few of them at a time."""
    packer = zlib.compressobj(level=1)
    parts, count = [packer.compress(b"[")], 0
    lines = session.execute(statement, execution_options={"stream_results": True, "yield_per": _BATCH}).scalars()
    for batch in lines.partitions():
        parts.append(packer.compress((("," if count else "") + ",".join(batch)).encode()))
        count += len(batch)
    parts += packer.compress(b"]"), packer.flush()
    return Packed(b"".join(parts), count)


def _asked(scene: Scene) -> ColumnElement[bool]:
    in_horizon = or_(
        RequestRow.windows.is_(None),
        and_(RequestRow.opens_at < scene.horizon_end, RequestRow.closes_at > scene.horizon_start),
    )
    asked = and_(
        RequestRow.client_no == scene.client_no,
        within(RequestRow.region, (scene.region,)),
        RequestRow.status.in_(_MATCHABLE),
        RequestRow.verified,
        in_horizon,
    )
    return asked if scene.requests is None else and_(asked, _is_one_of(RequestRow.external_id, scene.requests))


def _is_one_of(column: InstrumentedAttribute[str], ids: tuple[str, ...]) -> ColumnElement[bool]:
    # One parameter, however many there are.
    return column == any_(literal(list(ids), ARRAY(Text(collation="C"))))


def _volunteers(session: Session, scene: Scene, asked: ColumnElement[bool]) -> Select[Any]:
    bound = (
        select(OfferRow.volunteer_no)
        .join(RequestRow, RequestRow.no == OfferRow.request_no)
        .where(asked, STANDS, OfferRow.volunteer_no.is_not(None))
    )
    if scene.volunteers is None:
        at_hand = or_(within(VolunteerRow.region, (scene.region,)), _reaches(session, asked))
        wanted = and_(VolunteerRow.paused.is_(False), at_hand)
    else:
        wanted = _is_one_of(VolunteerRow.external_id, scene.volunteers)
    return (
        select(_line(*VOLUNTEER_COLUMNS, VolunteerRow.version))
        .where(VolunteerRow.client_no == scene.client_no, or_(wanted, VolunteerRow.no.in_(bound)))
        .order_by(VolunteerRow.external_id)
    )


def _reaches(session: Session, asked: ColumnElement[bool]) -> ColumnElement[bool]:
    """Tell of a volunteer whether their radius reaches the rectangle around the requests; no radius reaches nothing.

    It may say yes too often: the exact distances are for whoever matches.
    """
    latitude, longitude = RequestRow.latitude, RequestRow.longitude
    bounds = session.execute(
        select(func.min(longitude), func.min(latitude), func.max(longitude), func.max(latitude)).where(asked)
    ).one()
    west, south, east, north = bounds
    if west is None or south is None or east is None or north is None:
        return false()
    metres_north = _METRES_A_DEGREE
    metres_east = _METRES_A_DEGREE * max(0.01, math.cos(math.radians(min(89.0, max(abs(south), abs(north)) + 1))))
    limits = (VolunteerRow.max_distance_m, VolunteerRow.max_travel_min * _speed() / 60)
    reach = func.least(*(func.coalesce(limit, _FARTHEST_M) for limit in limits), _FARTHEST_M)
    # In constants, so that the index can be asked.
    around = func.box(
        func.point(west - _FARTHEST_M / metres_east, south - _FARTHEST_M / metres_north),
        func.point(east + _FARTHEST_M / metres_east, north + _FARTHEST_M / metres_north),
    )
    return and_(
        or_(*(limit.is_not(None) for limit in limits)),
        func.point(VolunteerRow.longitude, VolunteerRow.latitude).op("<@", is_comparison=True)(around),
        VolunteerRow.latitude.between(south - reach / metres_north, north + reach / metres_north),
        VolunteerRow.longitude.between(west - reach / metres_east, east + reach / metres_east),
    )


def _speed() -> ColumnElement[int]:
    return case({str(mode): metres for mode, metres in SPEED_M_PER_H.items()}, value=VolunteerRow.travel_mode)


def _promises(scene: Scene, now: datetime) -> Select[Any]:
    return (
        select(
            _line(
                OfferRow.no,
                OfferRow.request_no,
                OfferRow.volunteer_no,
                VolunteerRow.external_id,
                OfferRow.role,
                STANDS,
                cast(OfferRow.starts_at, Text),
                cast(OfferRow.ends_at, Text),
                RequestRow.duration_min,
                RequestRow.latitude,
                RequestRow.longitude,
            )
        )
        .join(RequestRow, RequestRow.no == OfferRow.request_no)
        .join(VolunteerRow, VolunteerRow.no == OfferRow.volunteer_no)
        .where(OfferRow.client_no == scene.client_no, is_promise(now))
        .order_by(OfferRow.no)
    )


def is_promise(now: Moment) -> ColumnElement[bool]:
    """Tell of an offer whether it takes of its volunteer's time and limits."""
    return or_(STANDS, and_(OfferRow.status.in_(_DONE), OfferRow.ends_at > now - _TODAY))


def is_refusal(now: Moment) -> ColumnElement[bool]:
    """Tell of an offer whether its volunteer is not asked for the same request again."""
    # Whoever was silent can still say yes until the start, and is not asked twice for the same.
    is_silent = or_(
        OfferRow.status == OfferStatus.EXPIRED,
        and_(OfferRow.status == OfferStatus.OFFERED, OfferRow.expires_at <= func.now()),
    )
    can_still = or_(OfferRow.starts_at.is_(None), OfferRow.starts_at > now)
    return or_(OfferRow.status.in_(_REFUSED), and_(is_silent, can_still))


def is_recent(now: Moment) -> ColumnElement[bool]:
    """Tell of a record whether its minutes count as recent."""
    return and_(RecordRow.ends_at > now - _RECENT, RecordRow.ends_at <= now)


def _refusals(asked: ColumnElement[bool], now: datetime) -> Select[Any]:
    return (
        select(_line(OfferRow.request_no, VolunteerRow.external_id))
        .join(RequestRow, RequestRow.no == OfferRow.request_no)
        .join(VolunteerRow, VolunteerRow.no == OfferRow.volunteer_no)
        .where(asked, is_refusal(now))
        .order_by(OfferRow.no)
    )


def _blocks(scene: Scene, asked: ColumnElement[bool]) -> Select[Any]:
    return (
        select(_line(BlockRow.requester, VolunteerRow.external_id))
        .join(VolunteerRow, VolunteerRow.no == BlockRow.volunteer_no)
        .where(
            BlockRow.client_no == scene.client_no,
            BlockRow.requester.in_(select(RequestRow.requester).where(asked, RequestRow.requester.is_not(None))),
        )
        .order_by(BlockRow.no)
    )


def _minutes(scene: Scene, now: datetime) -> Select[Any]:
    return (
        select(_line(RecordRow.volunteer_no, func.sum(RecordRow.minutes)))
        .where(
            RecordRow.client_no == scene.client_no,
            RecordRow.volunteer_no.is_not(None),
            is_recent(now),
        )
        .group_by(RecordRow.volunteer_no)
        .order_by(RecordRow.volunteer_no)
    )
