"""Rows for tests of storage and services: sensible parts, so that a test names only what it is about."""

import itertools
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from make import NOW, at_m
from matcher.domain import keys
from matcher.domain.access import EVERYWHERE, Principal, Scope
from matcher.domain.keys import SecretKind
from matcher.storage.database import Database, Session
from matcher.storage.tables.access import ClientRow, KeyRow
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow, VolunteerRow

REGION = "310101002"

_NUMBERS = itertools.count(1)


def client(session: Session, id_: str | None = None) -> int:
    """Return the number of a client system, made if there is none of this name."""
    name = id_ or f"client-{next(_NUMBERS)}-{uuid.uuid4().hex[:6]}"
    found = session.scalars(select(ClientRow.no).where(ClientRow.id == name)).one_or_none()
    if found is not None:
        return found
    made: int = session.scalars(insert(ClientRow).values(id=name, crs="gcj02").returning(ClientRow.no)).one()
    return made


def key(
    session: Session,
    client_no: int,
    *,
    scopes: tuple[Scope, ...] = tuple(Scope),
    regions: tuple[str, ...] = EVERYWHERE,
    **parts: Any,
) -> tuple[str, Principal]:
    """Return a new key and its bearer."""
    secret = keys.make(SecretKind.KEY)
    given: dict[str, Any] = {
        "client_no": client_no,
        "hash": keys.digest(secret),
        "hint": keys.shorten(secret),
        "scopes": list(scopes),
        "regions": list(regions),
    }
    no: int = session.scalars(insert(KeyRow).values(**(given | parts)).returning(KeyRow.no)).one()
    return secret, Principal(client_no, no, frozenset(scopes), regions)


def bearer(database: Database, *, regions: tuple[str, ...] = EVERYWHERE, client_id: str | None = None) -> Principal:
    """Return somebody who holds a key of a client system; a new client unless one is named."""
    with database.begin() as session:
        return key(session, client(session, client_id), regions=regions)[1]


def volunteer(session: Session, client_no: int, external_id: str | None = None, **parts: Any) -> VolunteerRow:
    """Return the row of a volunteer who lives at the foot of the street and is free at any time."""
    point = at_m(0)
    given: dict[str, Any] = {
        "client_no": client_no,
        "external_id": external_id or f"v{next(_NUMBERS)}",
        "region": REGION,
        "latitude": point.latitude,
        "longitude": point.longitude,
        "travel_mode": "bicycle",
        "skills": [],
        "skill_codes": [],
        "trainings": [],
        "busy": [],
    }
    row = VolunteerRow(**(given | parts))
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def request(
    session: Session, client_no: int, external_id: str | None = None, *, headcount: int = 1, **parts: Any
) -> RequestRow:
    """Return the row of a request for ``headcount`` people, an hour within the three days of the scene."""
    point = at_m(0)
    opens_at = parts.get("opens_at", NOW + timedelta(hours=1))
    closes_at = parts.get("closes_at", NOW + timedelta(days=3))
    given: dict[str, Any] = {
        "client_no": client_no,
        "external_id": external_id or f"r{next(_NUMBERS)}",
        "region": REGION,
        "latitude": point.latitude,
        "longitude": point.longitude,
        "windows": None if opens_at is None else [{"start": _text(opens_at), "end": _text(closes_at)}],
        "opens_at": opens_at,
        "closes_at": closes_at,
        "duration_min": 60,
        "roles": [{"skills": [], "count": headcount, "gender": None}],
        "places": [headcount],
        "taken": [0],
        "min_headcount": headcount,
        "skill_codes": [],
        "urgency": 1,
        "trainings": [],
        "preferred_volunteers": [],
        "excluded_volunteers": [],
    }
    row = RequestRow(**(given | parts))
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def offer(session: Session, request_row: RequestRow, volunteer_row: VolunteerRow, **parts: Any) -> OfferRow:
    """Return the row of an offer from 10:00 to 11:00 on the day of the scene, open for an hour of real time."""
    starts_at = parts.get("starts_at", NOW + timedelta(hours=2))
    given: dict[str, Any] = {
        "client_no": request_row.client_no,
        "region": request_row.region,
        "request_no": request_row.no,
        "volunteer_no": volunteer_row.no,
        "starts_at": starts_at,
        "ends_at": None if starts_at is None else starts_at + timedelta(minutes=request_row.duration_min),
        "cost_terms": {},
        "expires_at": datetime.now(NOW.tzinfo) + timedelta(hours=1),
    }
    row = OfferRow(**(given | parts))
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def _text(instant: datetime) -> str:
    return instant.isoformat()
