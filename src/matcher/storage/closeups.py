"""Requests and volunteers close up: with all that decides whether the two go together, in one statement each."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, DateTime, Float, Text, any_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from matcher.domain.geo import Point
from matcher.domain.offers import COUNTED
from matcher.storage.database import Session
from matcher.storage.facts import REQUEST_COLUMNS, VOLUNTEER_COLUMNS, RequestFacts, VolunteerFacts
from matcher.storage.grants import named_by
from matcher.storage.prepared import Prepared
from matcher.storage.snapshot import STANDS, Promise, is_promise, is_recent, is_refusal
from matcher.storage.tables.outcomes import OfferRow, RecordRow
from matcher.storage.tables.people import BlockRow, RequestRow, SkillRow, VolunteerRow

__all__ = ["Asked", "Person", "find_request", "find_volunteer", "list_nearest", "list_requests", "list_volunteers"]


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


def _granted(region: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return region.op("^@", is_comparison=True)(any_(bindparam("regions", type_=ARRAY(Text))))


_REQUEST: Final = select(
    *REQUEST_COLUMNS, RequestRow.skill_codes, _standing(), _refused(), _blocked(), _certified(), _are_asked()
).where(named_by(RequestRow.client_no, _CLIENT))
_PERSON: Final = select(*VOLUNTEER_COLUMNS, _promises(), _minutes()).where(named_by(VolunteerRow.client_no, _CLIENT))
_ID: Final = bindparam("external_id", type_=Text)
_FIND_REQUEST: Final = Prepared(_REQUEST.where(RequestRow.external_id == _ID, _granted(RequestRow.region)))
_LIST_REQUESTS: Final = Prepared(
    _REQUEST.where(RequestRow.no == any_(_NOS), _granted(RequestRow.region)).order_by(RequestRow.no)
)
_FIND_VOLUNTEER: Final = Prepared(_PERSON.where(VolunteerRow.external_id == _ID, _granted(VolunteerRow.region)))
_LIST_VOLUNTEERS: Final = Prepared(_PERSON.where(VolunteerRow.no == any_(_NOS)).order_by(VolunteerRow.no))
# In the order of the index, which is that of the plain grid of degrees.
_LIST_NEAREST: Final = Prepared(
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
    found = _FIND_REQUEST.rows(session, client=client_no, external_id=external_id, regions=list(regions), now=now)
    return _asked(found[0]) if found else None


def list_requests(
    session: Session, client_no: int, nos: Collection[int], *, regions: Sequence[str], now: datetime
) -> list[Asked]:
    """Return requests of a client by their numbers, as far as they lie within the regions."""
    found = _LIST_REQUESTS.rows(session, client=client_no, nos=list(nos), regions=list(regions), now=now)
    return [_asked(row) for row in found]


def list_nearest(session: Session, client_no: int, point: Point, *, now: datetime, limit: int) -> list[Person]:
    """Return the volunteers who live nearest to a place, on the grid of degrees."""
    found = _LIST_NEAREST.rows(
        session, client=client_no, now=now, latitude=point.latitude, longitude=point.longitude, most=limit
    )
    return [_person(row) for row in found]


def list_volunteers(session: Session, client_no: int, nos: Collection[int], *, now: datetime) -> list[Person]:
    """Return volunteers of a client by their numbers."""
    return [_person(row) for row in _LIST_VOLUNTEERS.rows(session, client=client_no, nos=list(nos), now=now)]


def find_volunteer(
    session: Session, client_no: int, external_id: str, *, regions: Sequence[str], now: datetime
) -> Person | None:
    """Return a volunteer of a client, if there is one within the regions."""
    found = _FIND_VOLUNTEER.rows(session, client=client_no, external_id=external_id, regions=list(regions), now=now)
    return _person(found[0]) if found else None


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
