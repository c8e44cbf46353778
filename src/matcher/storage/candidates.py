"""One request and the volunteers around it, as matching reads them; nearest first, a handful at a time."""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Float,
    Text,
    any_,
    bindparam,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from matcher.domain import geo
from matcher.domain.geo import EARTH_RADIUS_M, Point
from matcher.domain.offers import COUNTED
from matcher.storage.database import Session
from matcher.storage.facts import REQUEST_COLUMNS, VOLUNTEER_COLUMNS, RequestFacts, VolunteerFacts
from matcher.storage.grants import within
from matcher.storage.snapshot import STANDS, Promise, is_promise, is_recent, is_refusal
from matcher.storage.tables.outcomes import OfferRow, RecordRow
from matcher.storage.tables.people import BlockRow, RequestRow, SkillRow, VolunteerRow

__all__ = ["Asked", "Bound", "Person", "Ring", "find_named", "find_request", "list_named", "list_nearest", "scan"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with everything about it that decides who can serve it.

    ``standing`` are the offers that hold its places, ``asked`` the numbers of volunteers with an offer that stands,
    ``refused`` of those who are not asked again or never brought together with the requester, ``certified`` those of
    its skills that count only with a certificate.
    """

    facts: RequestFacts
    skill_codes: tuple[str, ...]
    standing: tuple[Promise, ...]
    refused: frozenset[int]
    certified: frozenset[str]
    asked: frozenset[int]


@dataclass(frozen=True, slots=True)
class Person:
    """A volunteer with all that they have promised; ``minutes`` are those of the last thirty days."""

    facts: VolunteerFacts
    promises: tuple[Promise, ...]
    minutes: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How the least cost of a volunteer is worked out before anything else is known of them.

    ``travel`` are points for five kilometres, ``load`` for ten hours served lately; ``slack_m`` is
    by how much a distance may turn out shorter for those who live outside the ``exact`` regions.
    """

    travel: int
    load: int
    slack_m: int
    exact: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ring:
    """Those around a place, as far as was looked, who may do.

    ``nos`` are theirs by least cost, ``bounds`` these least costs. ``count`` volunteers were looked
    at, the farthest ``degrees`` away on the grid; ``nowhere`` more have no place, of whom the last did
    ``busiest_min`` minutes lately.
    """

    nos: list[int]
    bounds: list[int]
    count: int
    degrees: float
    nowhere: int
    busiest_min: int


_NOW: Final = bindparam("now", type_=DateTime(timezone=True))
_CLIENT: Final = bindparam("client", type_=BigInteger)
_NOS: Final = bindparam("nos", type_=ARRAY(BigInteger))


def _as_promise() -> ColumnElement[Any]:
    """Return an offer as the JSON of a ``Promise``, but for the name of its volunteer, which nobody needs here."""
    return func.json_build_array(
        OfferRow.no,
        OfferRow.request_no,
        OfferRow.volunteer_no,
        "",
        OfferRow.role,
        STANDS,
        cast(OfferRow.starts_at, Text),
        cast(OfferRow.ends_at, Text),
        RequestRow.duration_min,
        RequestRow.latitude,
        RequestRow.longitude,
    )


def _promises() -> ColumnElement[Any]:
    return (
        select(cast(func.json_agg(_as_promise()), Text))
        .select_from(OfferRow)
        .join(RequestRow, RequestRow.no == OfferRow.request_no)
        .where(OfferRow.volunteer_no == VolunteerRow.no, is_promise(_NOW))
        .correlate(VolunteerRow)
        .scalar_subquery()
    )


def _minutes() -> ColumnElement[Any]:
    return (
        select(func.coalesce(func.sum(RecordRow.minutes), 0))
        .where(RecordRow.volunteer_no == VolunteerRow.no, is_recent(_NOW))
        .correlate(VolunteerRow)
        .scalar_subquery()
    )


def _standing() -> ColumnElement[Any]:
    return (
        select(cast(func.json_agg(_as_promise()), Text))
        .select_from(OfferRow)
        .where(OfferRow.request_no == RequestRow.no, OfferRow.status.in_(COUNTED))
        .correlate(RequestRow)
        .scalar_subquery()
    )


def _are_asked() -> ColumnElement[Any]:
    return (
        select(func.array_agg(OfferRow.volunteer_no))
        .where(OfferRow.request_no == RequestRow.no, OfferRow.volunteer_no.is_not(None), STANDS)
        .correlate(RequestRow)
        .scalar_subquery()
    )


def _refused() -> ColumnElement[Any]:
    return (
        select(func.array_agg(OfferRow.volunteer_no))
        .where(OfferRow.request_no == RequestRow.no, OfferRow.volunteer_no.is_not(None), is_refusal(_NOW))
        .correlate(RequestRow)
        .scalar_subquery()
    )


def _blocked() -> ColumnElement[Any]:
    return (
        select(func.array_agg(BlockRow.volunteer_no))
        .where(BlockRow.client_no == RequestRow.client_no, BlockRow.requester == RequestRow.requester)
        .correlate(RequestRow)
        .scalar_subquery()
    )


def _certified() -> ColumnElement[Any]:
    return (
        select(func.array_agg(SkillRow.external_id))
        .where(
            SkillRow.client_no == RequestRow.client_no,
            SkillRow.external_id == any_(RequestRow.skill_codes),
            SkillRow.needs_certificate,
        )
        .correlate(RequestRow)
        .scalar_subquery()
    )


_KNOWN: Final = 1.0
_IN_ORDER: Final = text("SET LOCAL enable_sort = off")

# Metres on the grid as ``Grid`` counts them, one less for rounding; points are whole, and rounded down.
_AROUND: Final = text("""
    WITH near AS MATERIALIZED (
        SELECT no, region, recent_minutes, max_distance_m, skill_bits, latitude - :latitude AS north,
            longitude - :longitude AS east, point(longitude, latitude) <-> point(:longitude, :latitude) AS degrees
        FROM volunteers
        WHERE client_no = :client AND latitude IS NOT NULL
        ORDER BY point(longitude, latitude) <-> point(:longitude, :latitude)
        LIMIT :limit
    ), placed AS MATERIALIZED (
        SELECT no, recent_minutes, skill_bits, max_distance_m,
            greatest(0, CASE WHEN degrees < :known THEN :metres * sqrt(north * north + :narrow * east * east)
                ELSE :beyond END - 1 - CASE WHEN region ^@ ANY(CAST(:exact AS text[])) THEN 0 ELSE :slack END
            )::bigint AS metres
        FROM near
    ), nowhere AS MATERIALIZED (
        SELECT no, recent_minutes, skill_bits
        FROM volunteers
        WHERE client_no = :client AND latitude IS NULL
        ORDER BY recent_minutes, no
        LIMIT :limit
    ), needed AS MATERIALIZED (
        SELECT matcher_signature(CAST(:codes AS text[])) AS bits
    ), found AS (
        SELECT no, :travel * metres / 5000 + :load * least(recent_minutes, 600) / 600 AS bound
        FROM placed
        WHERE skill_bits & (SELECT bits FROM needed) = (SELECT bits FROM needed)
            AND (max_distance_m IS NULL OR metres <= max_distance_m)
        UNION ALL
        SELECT no, :load * least(recent_minutes, 600) / 600
        FROM nowhere
        WHERE skill_bits & (SELECT bits FROM needed) = (SELECT bits FROM needed)
    )
    SELECT array_agg(no ORDER BY bound, no) AS nos, array_agg(bound ORDER BY bound, no) AS bounds,
        (SELECT count(*) FROM near) AS looked_at, (SELECT coalesce(max(degrees), 0) FROM near) AS degrees,
        (SELECT count(*) FROM nowhere) AS nowhere, (SELECT max(recent_minutes) FROM nowhere) AS busiest
    FROM found
""").bindparams(*(bindparam(name, type_=BigInteger) for name in ("travel", "load", "slack", "beyond", "limit")))
_ANYWHERE: Final = text("""
    WITH near AS MATERIALIZED (
        SELECT no, recent_minutes, skill_bits
        FROM volunteers
        WHERE client_no = :client
        ORDER BY region, external_id
        LIMIT :limit
    ), needed AS MATERIALIZED (
        SELECT matcher_signature(CAST(:codes AS text[])) AS bits
    ), found AS (
        SELECT no, :load * least(recent_minutes, 600) / 600 AS bound
        FROM near
        WHERE skill_bits & (SELECT bits FROM needed) = (SELECT bits FROM needed)
    )
    SELECT array_agg(no ORDER BY bound, no) AS nos, array_agg(bound ORDER BY bound, no) AS bounds,
        (SELECT count(*) FROM near) AS looked_at, 0 AS degrees, 0 AS nowhere, NULL AS busiest
    FROM found
""").bindparams(bindparam("load", type_=BigInteger), bindparam("limit", type_=BigInteger))
_REQUEST: Final = select(
    *REQUEST_COLUMNS, RequestRow.skill_codes, _standing(), _refused(), _blocked(), _certified(), _are_asked()
).where(RequestRow.client_no == _CLIENT)
_PERSON: Final = select(*VOLUNTEER_COLUMNS, _promises(), _minutes()).where(VolunteerRow.client_no == _CLIENT)
_NAMED: Final = _PERSON.where(VolunteerRow.no == any_(_NOS)).order_by(VolunteerRow.no)
# In the order of the index, which is that of the plain grid of degrees.
_NEAREST: Final = (
    _PERSON.where(VolunteerRow.latitude.is_not(None))
    .order_by(
        func.point(VolunteerRow.longitude, VolunteerRow.latitude).op("<->")(
            func.point(bindparam("longitude", type_=Float), bindparam("latitude", type_=Float))
        )
    )
    .limit(bindparam("most", type_=BigInteger))
)


def find_request(
    session: Session, client_no: int, external_id: str, *, regions: Sequence[str], now: datetime
) -> Asked | None:
    """Return a request of a client, if there is one within the regions."""
    statement = _REQUEST.where(RequestRow.external_id == external_id, within(RequestRow.region, regions))
    row = session.execute(statement, {"client": client_no, "now": now}).one_or_none()
    return None if row is None else _asked(row)


def list_nearest(session: Session, client_no: int, point: Point, *, now: datetime, limit: int) -> list[Person]:
    """Return the volunteers who live nearest to a place, on the grid of degrees."""
    parameters = {
        "client": client_no,
        "now": now,
        "latitude": point.latitude,
        "longitude": point.longitude,
        "most": limit,
    }
    return [_person(row) for row in session.execute(_NEAREST, parameters)]


def scan(
    session: Session, client_no: int, point: Point | None, skill_codes: Sequence[str], bound: Bound, *, limit: int
) -> Ring:
    """Look at the nearest volunteers, at most ``limit`` of them, and return those who may do by least cost.

    It reads the index alone. Who may do has the skills (rarely also somebody who has not), and a radius
    that reaches. Volunteers without a place come by what they did lately, ``limit`` of them again at most;
    where the request itself has no place, so does everybody.
    """
    parameters: dict[str, Any] = {"client": client_no, "codes": list(skill_codes), "limit": limit, "load": bound.load}
    # The order of the index is always the better plan here; the planner, who expects few rows to be seen, doubts it.
    session.execute(_IN_ORDER)
    if point is None:
        row = session.execute(_ANYWHERE, parameters).one()
    else:
        parameters |= {"travel": bound.travel, "slack": bound.slack_m, "exact": list(bound.exact), **_grid(point)}
        row = session.execute(_AROUND, parameters).one()
    return Ring(row.nos or [], row.bounds or [], row.looked_at, row.degrees, row.nowhere, row.busiest or 0)


def _grid(point: Point) -> dict[str, float]:
    """Return how metres are counted on the grid of degrees around a place, never too many.

    Within ``_KNOWN`` degrees as ``geo.least_m`` does, but for each direction by itself:
    ``sin²(d/2) ≥ (sin(w/2) / w)² (Δφ² + cos φ₀ cos(|φ₀| + w) Δλ²)`` for all that is nearer than ``w``.
    """
    away, within = abs(point.latitude), math.radians(_KNOWN)
    narrow = math.cos(math.radians(away)) * math.cos(math.radians(min(90.0, away + _KNOWN)))
    return {
        "latitude": point.latitude,
        "longitude": point.longitude,
        "known": _KNOWN,
        "metres": EARTH_RADIUS_M * math.sin(within / 2) / (within / 2) * math.radians(1),
        "narrow": narrow,
        "beyond": geo.least_m(point, _KNOWN),
    }


def list_named(session: Session, client_no: int, nos: Collection[int], *, now: datetime) -> list[Person]:
    """Return volunteers of a client by their numbers."""
    parameters = {"client": client_no, "nos": list(nos), "now": now}
    return [_person(row) for row in session.execute(_NAMED, parameters)]


def find_named(
    session: Session, client_no: int, external_id: str, *, regions: Sequence[str], now: datetime
) -> Person | None:
    """Return a volunteer of a client, if there is one within the regions."""
    statement = _PERSON.where(VolunteerRow.external_id == external_id, within(VolunteerRow.region, regions))
    row = session.execute(statement, {"client": client_no, "now": now}).one_or_none()
    return None if row is None else _person(row)


def _asked(row: Sequence[Any]) -> Asked:
    count = len(RequestFacts._fields)
    codes, standing, refused, blocked, certified, asked = row[count:]
    return Asked(
        RequestFacts._make(row[:count]),
        tuple(codes),
        _read(standing),
        frozenset((*(refused or ()), *(blocked or ()))),
        frozenset(certified or ()),
        frozenset(asked or ()),
    )


def _person(row: Sequence[Any]) -> Person:
    count = len(VolunteerFacts._fields)
    return Person(VolunteerFacts._make(row[:count]), _read(row[count]), row[count + 1])


def _read(promises: str | None) -> tuple[Promise, ...]:
    return () if promises is None else tuple(Promise(*item) for item in json.loads(promises))
