"""Volunteers in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypedDict

from sqlalchemy import Select, Table, bindparam, select

from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.grants import named_by, within
from matcher.storage.nearby import Nearby
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.people import VolunteerRow
from matcher.storage.upserts import Upsert

__all__ = [
    "UPSERT",
    "VolunteerContent",
    "VolunteerFilter",
    "VolunteerRow",
    "find",
    "find_for_update",
    "find_shown",
    "list_page",
]


class VolunteerContent(TypedDict):
    """What a caller sends of a volunteer, as the JSON of a row: days as texts, places in WGS-84."""

    external_id: str
    region: str
    community: str | None
    volunteer_no: str | None
    latitude: float | None
    longitude: float | None
    max_distance_m: int | None
    max_travel_min: int | None
    travel_mode: str
    skills: list[dict[str, Any]]
    skill_codes: list[str]
    trainings: list[str]
    insured_until: str | None
    gender: str | None
    birth_year: int | None
    guardian_consent: bool
    paused: bool
    availability: dict[str, Any] | None
    busy: list[dict[str, Any]]
    max_assignments: int | None
    max_minutes: int | None
    max_assignments_per_day: int | None
    max_minutes_per_day: int | None
    recent_minutes: int


@dataclass(frozen=True, slots=True)
class VolunteerFilter:
    """Which volunteers are listed; what is None does not matter."""

    region: str | None = None
    skill: str | None = None
    is_paused: bool | None = None
    updated_since: datetime | None = None
    nearby: Nearby | None = None


_TABLE: Table = VolunteerRow.__table__  # type: ignore[assignment]
# What matching and writing look at, and nobody is shown.
_INSIDE: Final = {"no", "client_no", "content_hash", "skill_codes", "skill_bits"}
UPSERT = Upsert(_TABLE, VolunteerContent.__annotations__, apart=("paused", "availability"))


def find(session: Session, client_no: int, external_id: str, *, regions: Sequence[str]) -> VolunteerRow | None:
    """Return a volunteer of a client, if there is one within the regions."""
    return session.scalars(_one(tuple(regions)), {"client_no": client_no, "external_id": external_id}).one_or_none()


def find_shown(session: Session, client_no: int, external_id: str, *, regions: Sequence[str]) -> Any:
    """Return what is shown of a volunteer, without the object around it: that takes as long as all the rest."""
    named = {"client_no": client_no, "external_id": external_id}
    return session.execute(_shown(tuple(regions)), named).one_or_none()


def find_for_update(
    session: Session, client_no: int, external_id: str, *, regions: Sequence[str]
) -> VolunteerRow | None:
    """Return a volunteer as ``find`` does, held for the rest of the transaction."""
    statement = _one(tuple(regions)).with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement, {"client_no": client_no, "external_id": external_id}).one_or_none()


def list_page(
    session: Session,
    client_no: int,
    wanted: VolunteerFilter,
    *,
    regions: Sequence[str],
    cursor: Cursor | None,
    limit: int,
) -> Page[VolunteerRow]:
    """Return a page of the volunteers of a client within the regions, by region and id."""
    statement = select(VolunteerRow).where(VolunteerRow.client_no == client_no, within(VolunteerRow.region, regions))
    if wanted.region is not None:
        statement = statement.where(within(VolunteerRow.region, [wanted.region]))
    if wanted.skill is not None:
        statement = statement.where(VolunteerRow.skill_codes.contains([wanted.skill]))
    if wanted.is_paused is not None:
        statement = statement.where(VolunteerRow.paused == wanted.is_paused)
    if wanted.updated_since is not None:
        statement = statement.where(VolunteerRow.updated_at >= wanted.updated_since)
    if wanted.nearby is not None:
        statement = statement.where(wanted.nearby.condition(VolunteerRow.latitude, VolunteerRow.longitude))
    columns = (VolunteerRow.region, VolunteerRow.external_id)
    rows = session.scalars(pages.after(statement, columns, cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.region, row.external_id))


@lru_cache(maxsize=1024)
def _one(regions: tuple[str, ...]) -> Select[VolunteerRow]:
    """Return the statement for one volunteer: made once, since making it takes as long as sending it."""
    return select(VolunteerRow).where(
        named_by(VolunteerRow.client_no, bindparam("client_no")),
        VolunteerRow.external_id == bindparam("external_id"),
        within(VolunteerRow.region, regions),
    )


@lru_cache(maxsize=1024)
def _shown(regions: tuple[str, ...]) -> Select[Any]:
    return select(*(column for column in _TABLE.columns if column.name not in _INSIDE)).where(
        _TABLE.columns.client_no + 0 == bindparam("client_no"),
        _TABLE.columns.external_id == bindparam("external_id"),
        within(VolunteerRow.region, regions),
    )
