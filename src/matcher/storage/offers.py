"""Offers as rows, with the requests that they are of and the steps that they took."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, DateTime, Select, and_, bindparam, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from matcher.domain.offers import COUNTED, OfferStatus, VolunteerBusyError
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import named_by, within
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.outcomes import OfferRow, RunRow, StepRow
from matcher.storage.tables.people import BlockRow, RequestRow, VolunteerRow

__all__ = [
    "Filter",
    "Home",
    "Located",
    "OfferRow",
    "Promise",
    "RequestRow",
    "VolunteerRow",
    "add",
    "add_steps",
    "find",
    "find_request",
    "find_volunteers",
    "hold_volunteers",
    "homes_of",
    "is_blocked",
    "list_due",
    "list_page",
    "list_promises",
    "list_steps",
    "locate",
    "lock_of_requests",
    "lock_requests",
    "lock_volunteer",
    "requests_of_volunteer",
    "run_ids",
]

# The clock of the database decides what has expired, whoever asks.
_CLOCK: Final = func.clock_timestamp(type_=DateTime(timezone=True))
_FRESH: Final = {"populate_existing": True}

IS_DUE: Final = and_(OfferRow.status == OfferStatus.OFFERED, OfferRow.expires_at <= _CLOCK)

# Statements of each step of an offer, made once: making one takes as long as sending it.
_LOCK_REQUESTS: Final = {
    skips: select(RequestRow)
    .where(RequestRow.no.in_(bindparam("nos", expanding=True)))
    .order_by(RequestRow.no)
    .with_for_update(key_share=True, skip_locked=skips)
    .execution_options(**_FRESH)
    for skips in (False, True)
}
_LOCK_VOLUNTEER: Final = (
    select(VolunteerRow)
    .where(VolunteerRow.no == bindparam("no"))
    .with_for_update(key_share=True)
    .execution_options(**_FRESH)
)
_LOCK_OFFERS: Final = (
    select(OfferRow, IS_DUE)
    .where(OfferRow.request_no.in_(bindparam("request_nos", expanding=True)))
    .order_by(OfferRow.no)
    .with_for_update(of=OfferRow)
    .execution_options(**_FRESH)
)
_IS_TO_COME: Final = OfferRow.status.in_((OfferStatus.ACCEPTED, OfferStatus.IN_PROGRESS))
_PROMISES: Final = (
    select(
        OfferRow.starts_at,
        OfferRow.ends_at,
        RequestRow.duration_min,
        RequestRow.latitude,
        RequestRow.longitude,
        _IS_TO_COME,
    )
    .join(RequestRow, RequestRow.no == OfferRow.request_no)
    .where(OfferRow.volunteer_no == bindparam("volunteer_no"))
)
_PROMISES_NEAR: Final = _PROMISES.where(
    or_(
        _IS_TO_COME,
        and_(OfferRow.status.in_(COUNTED), OfferRow.starts_at.between(bindparam("after"), bindparam("before"))),
    )
)
_HOMES: Final = select(
    VolunteerRow.no, VolunteerRow.external_id, VolunteerRow.region, VolunteerRow.latitude, VolunteerRow.longitude
).where(VolunteerRow.no.in_(bindparam("nos", expanding=True)))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which offers are wanted; what is None does not matter."""

    region: str | None = None
    status: OfferStatus | None = None
    request_id: str | None = None
    volunteer_no: int | None = None
    run_id: UUID | None = None

    def of_volunteer(self, no: int) -> "Filter":
        """Return it for one volunteer."""
        return replace(self, volunteer_no=no)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a volunteer has promised or given: when, and where."""

    starts_at: datetime | None
    ends_at: datetime | None
    duration_min: int
    latitude: float | None
    longitude: float | None
    is_to_come: bool


@dataclass(frozen=True, slots=True)
class Located:
    """The numbers of an offer, of its request, and of its volunteer."""

    no: int
    request_no: int
    volunteer_no: int | None


@dataclass(frozen=True, slots=True)
class Home:
    """How a volunteer is called by their client, and where they live."""

    external_id: str
    region: str
    latitude: float | None
    longitude: float | None


def find(
    session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]
) -> tuple[OfferRow, RequestRow, bool] | None:
    """Return an offer, its request, and whether its time to be answered is over."""
    found = session.execute(_one(tuple(regions)), {"id": id_, "client_no": client_no}).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


def locate(session: Session, id_: UUID, *, client_no: int, regions: Sequence[str]) -> Located | None:
    """Return what has to be locked for an offer, if there is one."""
    found = session.execute(_place(tuple(regions)), {"id": id_, "client_no": client_no}).one_or_none()
    return None if found is None else Located(*found)


def list_page(
    session: Session, wanted: Filter, *, client_no: int, regions: Sequence[str], cursor: Cursor | None, limit: int
) -> Page[tuple[OfferRow, RequestRow, bool]]:
    """Return a page of offers with their requests, the oldest first."""
    statement = select(OfferRow, IS_DUE).where(
        OfferRow.client_no == client_no, within(OfferRow.region, regions), *_conditions(wanted, client_no)
    )
    rows = session.execute(pages.after(statement, [OfferRow.no], cursor, limit=limit)).all()
    page = pages.cut([(row[0], row[1]) for row in rows], limit=limit, key=lambda row: (row[0].no,))
    # By themselves: joined, the planner would take all offers and their requests before it takes fifty.
    nos = {offer.request_no for offer, _ in page.rows}
    requests = {row.no: row for row in session.scalars(select(RequestRow).where(RequestRow.no.in_(nos)))}
    return Page([(offer, requests[offer.request_no], is_due) for offer, is_due in page.rows], page.next_cursor)


def list_steps(session: Session, offer_no: int) -> Sequence[StepRow]:
    """Return what happened to an offer, in order."""
    return session.scalars(select(StepRow).where(StepRow.offer_no == offer_no).order_by(StepRow.version)).all()


def lock_requests(session: Session, nos: Iterable[int], *, skip_locked: bool = False) -> Sequence[RequestRow]:
    """Lock requests, in one order for all; those locked by others are waited for, or left out."""
    return session.scalars(_LOCK_REQUESTS[skip_locked], {"nos": sorted(set(nos))}).all()


def lock_volunteer(session: Session, no: int) -> VolunteerRow | None:
    """Lock a volunteer, after requests and before offers."""
    return session.scalars(_LOCK_VOLUNTEER, {"no": no}).one_or_none()


def lock_of_requests(session: Session, request_nos: Iterable[int]) -> Mapping[int, list[tuple[OfferRow, bool]]]:
    """Lock all offers of requests that are locked already, and tell of each whether its time is over."""
    found: defaultdict[int, list[tuple[OfferRow, bool]]] = defaultdict(list)
    for row, is_due in session.execute(_LOCK_OFFERS, {"request_nos": list(request_nos)}):
        found[row.request_no].append((row, is_due))
    return found


def list_due(session: Session, *, limit: int) -> Sequence[int]:
    """Return requests with offers whose time is over, the longest ago first."""
    statement = select(OfferRow.request_no).where(IS_DUE).order_by(OfferRow.expires_at).limit(limit)
    return session.scalars(statement).all()


def requests_of_volunteer(session: Session, volunteer_no: int, statuses: Iterable[OfferStatus]) -> Sequence[int]:
    """Return the requests for which a volunteer has an offer with one of these statuses."""
    statement = select(OfferRow.request_no).where(OfferRow.volunteer_no == volunteer_no, OfferRow.status.in_(statuses))
    return session.scalars(statement).all()


def list_promises(session: Session, volunteer_no: int, *, near: datetime | None) -> Sequence[Promise]:
    """Return what a volunteer has accepted and not left, and what they gave within a day of ``near``."""
    whose = {"volunteer_no": volunteer_no}
    if near is None:
        return [Promise(*row) for row in session.execute(_PROMISES.where(_IS_TO_COME), whose)]
    day = timedelta(days=1)
    rows = session.execute(_PROMISES_NEAR, {**whose, "after": near - day, "before": near + day})
    return [Promise(*row) for row in rows]


def is_blocked(session: Session, volunteer_no: int, requester: str | None) -> bool:
    """Tell whether a volunteer and a requester are kept apart."""
    if requester is None:
        return False
    statement = select(BlockRow.no).where(BlockRow.volunteer_no == volunteer_no, BlockRow.requester == requester)
    return session.execute(statement.limit(1)).first() is not None


def homes_of(session: Session, nos: Iterable[int | None]) -> Mapping[int, Home]:
    """Return by their numbers how volunteers are called and where they live."""
    wanted = {no for no in nos if no is not None}
    if not wanted:
        return {}
    return {row[0]: Home(*row[1:]) for row in session.execute(_HOMES, {"nos": list(wanted)})}


def run_ids(session: Session, nos: Iterable[int | None]) -> Mapping[int, UUID]:
    """Return how runs are called outside, by their numbers."""
    wanted = {no for no in nos if no is not None}
    if not wanted:
        return {}
    return {row[0]: row[1] for row in session.execute(select(RunRow.no, RunRow.id).where(RunRow.no.in_(wanted)))}


def find_volunteers(session: Session, client_no: int, external_ids: Iterable[str]) -> Mapping[str, VolunteerRow]:
    """Return volunteers of a client by the ids that it gave them."""
    statement = select(VolunteerRow).where(
        named_by(VolunteerRow.client_no, client_no), VolunteerRow.external_id.in_(list(external_ids))
    )
    return {row.external_id: row for row in session.scalars(statement.execution_options(**_FRESH))}


def hold_volunteers(session: Session, client_no: int, external_ids: Iterable[str]) -> Mapping[str, VolunteerRow]:
    """Return volunteers of a client, held so that nobody erases or blocks them meanwhile."""
    statement = (
        select(VolunteerRow)
        .where(VolunteerRow.client_no == client_no, VolunteerRow.external_id.in_(list(external_ids)))
        .order_by(VolunteerRow.no)
        .with_for_update(read=True)
    )
    return {row.external_id: row for row in session.scalars(statement.execution_options(**_FRESH))}


def find_request(session: Session, external_id: str, *, client_no: int, regions: Sequence[str]) -> int | None:
    """Return the number of a request by the id that its client gave it."""
    statement = select(RequestRow.no).where(
        named_by(RequestRow.client_no, client_no),
        RequestRow.external_id == external_id,
        within(RequestRow.region, regions),
    )
    return session.scalars(statement).one_or_none()


def add(session: Session, offers: Sequence[OfferRow], *, lifetime: timedelta) -> None:
    """Add offers that stand for so long from now, by the clock of the database."""
    now = session.execute(select(_CLOCK)).scalar_one()
    for offer in offers:
        offer.expires_at = now + lifetime
    session.add_all(offers)
    session.flush()
    for offer in offers:
        session.refresh(offer)


def add_steps(session: Session, steps: Sequence[Mapping[str, Any]]) -> None:
    """Write the changes of offers and the steps that they took.

    Raises
    ------
    VolunteerBusyError
        If a volunteer would be in two places at once.
    """
    try:
        session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.errors.ExclusionViolation):
            raise VolunteerBusyError from error
        raise
    if steps:
        session.execute(insert(StepRow), list(steps))


@lru_cache(maxsize=1024)
def _one(regions: tuple[str, ...]) -> Select[OfferRow, RequestRow, bool]:
    statement = select(OfferRow, RequestRow, IS_DUE).join(RequestRow, RequestRow.no == OfferRow.request_no)
    return statement.where(*_named(regions)).execution_options(**_FRESH)


@lru_cache(maxsize=1024)
def _place(regions: tuple[str, ...]) -> Select[int, int, int | None]:
    return select(OfferRow.no, OfferRow.request_no, OfferRow.volunteer_no).where(*_named(regions))


def _named(regions: tuple[str, ...]) -> Iterable[ColumnElement[bool]]:
    return (
        OfferRow.id == bindparam("id"),
        OfferRow.client_no == bindparam("client_no"),
        within(OfferRow.region, regions),
    )


def _conditions(wanted: Filter, client_no: int) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.region is not None:
        conditions.append(within(OfferRow.region, [wanted.region]))
    if wanted.status is not None:
        conditions.append(_has_status(wanted.status))
    if wanted.request_id is not None:
        named = select(RequestRow.no).where(
            RequestRow.client_no == client_no, RequestRow.external_id == wanted.request_id
        )
        conditions.append(OfferRow.request_no.in_(named))
    if wanted.volunteer_no is not None:
        conditions.append(OfferRow.volunteer_no == wanted.volunteer_no)
    if wanted.run_id is not None:
        conditions.append(OfferRow.run_no.in_(select(RunRow.no).where(RunRow.id == wanted.run_id)))
    return conditions


def _has_status(status: OfferStatus) -> ColumnElement[bool]:
    """Return the condition of a status as callers see it: what is due has expired."""
    if status is OfferStatus.EXPIRED:
        return or_(OfferRow.status == status, IS_DUE)
    if status is OfferStatus.OFFERED:
        return and_(OfferRow.status == status, OfferRow.expires_at > _CLOCK)
    return OfferRow.status == status
