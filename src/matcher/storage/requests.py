"""Help requests in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypedDict

from sqlalchemy import ColumnElement, DateTime, Select, Table, and_, bindparam, column, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB

from matcher.domain.offers import HOLDING
from matcher.domain.requests import RequestStatus
from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import named_by, within
from matcher.storage.nearby import Nearby
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow
from matcher.storage.upserts import Item, Upsert, joined

__all__ = [
    "UPSERT",
    "RequestContent",
    "RequestFilter",
    "RequestRow",
    "find",
    "find_for_update",
    "find_shown",
    "hold_overdue",
    "list_page",
    "replace",
]


class RequestContent(TypedDict):
    """What a caller sends of a request, as the JSON of a row: instants as texts in UTC, places in WGS-84."""

    external_id: str
    region: str
    community: str | None
    requester: str | None
    latitude: float | None
    longitude: float | None
    windows: list[dict[str, str]] | None
    opens_at: str | None
    closes_at: str | None
    duration_min: int
    roles: list[dict[str, Any]]
    by_role: bool
    places: list[int]
    min_headcount: int
    skill_codes: list[str]
    urgency: int
    gender: str | None
    adults_only: bool
    needs_insurance: bool
    risk: str
    trainings: list[str]
    preferred_volunteers: list[str]
    excluded_volunteers: list[str]
    requested_at: str | None
    verified: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests are listed; what is None does not matter.

    With a window, those are listed that could be served in a part of it, and those without windows.
    """

    region: str | None = None
    status: RequestStatus | None = None
    skill: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    updated_since: datetime | None = None
    nearby: Nearby | None = None


_TABLE: Table = RequestRow.__table__  # type: ignore[assignment]
# What matching and writing look at, and nobody is shown.
_INSIDE: Final = {"no", "client_no", "content_hash", "skill_codes", "skill_bits"}
# What is open has no offer out and nobody who has accepted: nothing follows from a change.
_UNTOUCHED: Final = "row.status = 'open' AND NOT 0 < ANY(row.taken)"
UPSERT = Upsert(
    _TABLE,
    RequestContent.__annotations__,
    apart=("verified",),
    initial={"taken": "array_fill(CAST(0 AS smallint), ARRAY[cardinality(item.places)])"},
    guard=_UNTOUCHED,
)
# Places that are taken stay so; those of roles that are gone are not taken.
_REPLACE = text(f"""
    UPDATE requests AS row
    SET {", ".join(f"{name} = item.{name}" for name in UPSERT.columns)},
        taken = ARRAY(
            SELECT coalesce(row.taken[role], CAST(0 AS smallint))
            FROM generate_series(1, cardinality(item.places)) AS role ORDER BY role
        ),
        version = row.version + 1, updated_at = :now
    FROM {UPSERT.source}
    WHERE row.no = :no
""")  # noqa: S608 - names of columns of our own; what callers send is bound


def find(session: Session, client_no: int, external_id: str, *, regions: Sequence[str]) -> RequestRow | None:
    """Return a request of a client, if there is one within the regions."""
    return session.scalars(_one(tuple(regions)), {"client_no": client_no, "external_id": external_id}).one_or_none()


def find_shown(session: Session, client_no: int, external_id: str, *, regions: Sequence[str]) -> Any:
    """Return what is shown of a request, without the object around it: that takes as long as all the rest."""
    named = {"client_no": client_no, "external_id": external_id}
    return session.execute(_shown(tuple(regions)), named).one_or_none()


def find_for_update(session: Session, client_no: int, external_id: str, *, regions: Sequence[str]) -> RequestRow | None:
    """Return a request as ``find`` does, held for the rest of the transaction."""
    statement = _one(tuple(regions)).with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(statement, {"client_no": client_no, "external_id": external_id}).one_or_none()


def replace(session: Session, row: RequestRow, item: Item, *, now: datetime) -> None:
    """Write a new content into a row that is held."""
    session.execute(_REPLACE, {"items": joined([item]), "no": row.no, "now": now})
    session.refresh(row)


def hold_overdue(session: Session, *, limit: int, now: datetime) -> Sequence[RequestRow]:
    """Hold some requests whose last window is over and to whom nobody comes; those held by others are left out."""
    statement = (
        select(RequestRow)
        .where(
            RequestRow.status.in_([RequestStatus.OPEN, RequestStatus.PLANNED]),
            RequestRow.closes_at <= now,
            ~exists().where(OfferRow.request_no == RequestRow.no, OfferRow.status.in_(HOLDING)),
        )
        .order_by(RequestRow.no)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return session.scalars(statement.execution_options(populate_existing=True)).all()


def list_page(
    session: Session,
    client_no: int,
    wanted: RequestFilter,
    *,
    regions: Sequence[str],
    cursor: Cursor | None,
    limit: int,
) -> Page[RequestRow]:
    """Return a page of the requests of a client within the regions, by region and id."""
    statement = select(RequestRow).where(
        RequestRow.client_no == client_no, within(RequestRow.region, regions), *_conditions(wanted)
    )
    columns = (RequestRow.region, RequestRow.external_id)
    rows = session.scalars(pages.after(statement, columns, cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.region, row.external_id))


def _conditions(wanted: RequestFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.region is not None:
        conditions.append(within(RequestRow.region, [wanted.region]))
    if wanted.status is not None:
        conditions.append(RequestRow.status == wanted.status)
    if wanted.skill is not None:
        conditions.append(RequestRow.skill_codes.contains([wanted.skill]))
    if wanted.updated_since is not None:
        conditions.append(RequestRow.updated_at >= wanted.updated_since)
    if wanted.nearby is not None:
        conditions.append(wanted.nearby.condition(RequestRow.latitude, RequestRow.longitude))
    if wanted.window_start is not None or wanted.window_end is not None:
        conditions.append(_overlaps(wanted.window_start, wanted.window_end))
    return conditions


def _overlaps(start: datetime | None, end: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a window reaches into a stretch of time, or that there are no windows."""
    spans = func.jsonb_array_elements(RequestRow.windows).table_valued(column("value", JSONB), name="span")
    instant = DateTime(timezone=True)
    around, inside = [], []
    if start is not None:
        around.append(RequestRow.closes_at > start)
        inside.append(spans.c.value["end"].astext.cast(instant) > start)
    if end is not None:
        around.append(RequestRow.opens_at < end)
        inside.append(spans.c.value["start"].astext.cast(instant) < end)
    return or_(RequestRow.windows.is_(None), and_(*around, exists().select_from(spans).where(*inside)))


@lru_cache(maxsize=1024)
def _one(regions: tuple[str, ...]) -> Select[RequestRow]:
    """Return the statement for one request: made once, since making it takes as long as sending it."""
    return select(RequestRow).where(
        named_by(RequestRow.client_no, bindparam("client_no")),
        RequestRow.external_id == bindparam("external_id"),
        within(RequestRow.region, regions),
    )


@lru_cache(maxsize=1024)
def _shown(regions: tuple[str, ...]) -> Select[Any]:
    return select(*(column for column in _TABLE.columns if column.name not in _INSIDE)).where(
        _TABLE.columns.client_no + 0 == bindparam("client_no"),
        _TABLE.columns.external_id == bindparam("external_id"),
        within(RequestRow.region, regions),
    )
