"""``/v1/records``: the minutes that were served, with everything that was ever said of them."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from matcher.api import conditional, idempotency, pages, problems, queries, responses
from matcher.api.access import Allowed
from matcher.api.conditional import IfNoneMatch
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.fields import Body, Instant
from matcher.api.idempotency import CallDep
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.pushes import IdPath
from matcher.api.queries import RegionQuery
from matcher.api.strict import StrictRoute
from matcher.domain import records as rules
from matcher.domain.access import Principal, Scope
from matcher.domain.records import CorrectionReason, EntryKind
from matcher.services import records
from matcher.services.records import Export
from matcher.storage.database import Session
from matcher.storage.records import Filter, Found

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["records"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed(Scope.RECORDS_READ)]
_Writer = Annotated[Principal, Allowed(Scope.RECORDS_WRITE)]

_NO_STORE: Final = {"cache-control": "no-store"}
_ETAG: Final = {"ETag": {"schema": {"type": "string"}}}
_MOST_MINUTES: Final = 10_080


class ExportFormat(StrEnum):
    """How an export is written."""

    JSON = "json"
    CSV = "csv"


class CorrectionBody(Body):
    """What the minutes of a record should have been, and why."""

    minutes: Annotated[int, Field(ge=0, le=_MOST_MINUTES)]
    reason: Annotated[CorrectionReason, Field(strict=False)]


class EvidenceBody(BaseModel):
    """What a record rests on."""

    offer_id: UUID
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    confirmed_at: Annotated[datetime | None, Field(description="By the requester's side; null if not yet.")]


class Record(BaseModel):
    """A service that was given."""

    id: UUID
    volunteer_id: Annotated[str | None, Field(description="Null once the volunteer was erased.")]
    request_id: str
    region: str
    starts_at: datetime
    ends_at: datetime
    minutes: Annotated[int, Field(description="Whole minutes of service without the way, as last corrected.")]
    evidence: EvidenceBody
    version: int


class EntryBody(BaseModel):
    """One thing that was said of a record: an entry in the chain of its volunteer."""

    position: int
    kind: EntryKind
    record_id: UUID
    offer_id: UUID
    region: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    reason: CorrectionReason | None
    on_behalf_of: str | None
    key_id: UUID | None
    at: datetime
    previous_hash: str
    hash: str


class RecordInFull(Record):
    """A record with its history."""

    history: list[EntryBody]


class ExportBody(BaseModel):
    """All that was ever recorded of a volunteer, in one chain: `matcher records check` proves that it holds."""

    format: Annotated[str, Field(pattern=r"^matcher-records/1$")] = "matcher-records/1"
    client_id: str
    volunteer_id: str
    volunteer_no: str | None
    exported_at: datetime
    total_minutes: int
    total_hours: Annotated[str, Field(description="Minutes divided by sixty, with two decimals.")]
    last_hash: Annotated[str, Field(description="Stands for all of it: compare it with another export.")]
    entries: list[EntryBody]


@router.get(
    "/records",
    operation_id="listRecords",
    summary="List records",
    response_model=PageBody[Record],
    responses=problems.responses("invalid-cursor", "invalid-parameter", "unknown-region"),
)
def list_records(
    database: DatabaseDep,
    principal: _Reader,
    region: RegionQuery = None,
    volunteer_id: Annotated[str | None, Query(max_length=128)] = None,
    start: Annotated[Instant | None, Query(description="Services that began then or later.")] = None,
    end: Annotated[Instant | None, Query(description="Services that began before then.")] = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> Response:
    """Services given within the key's regions, the first recorded first."""
    queries.check_region(region)
    wanted = Filter(region=region, since=start, until=end)
    with database.begin(principal) as session:
        page = records.list_page(
            session, principal, wanted, volunteer_id=volunteer_id, cursor=pages.read_cursor(cursor), limit=limit
        )
        names = records.volunteer_id_of(session, page.rows)
    body = PageBody[Record](data=[Record(**_fields(found, names)) for found in page.rows], next_cursor=page.next_cursor)
    return responses.of(body, headers=_NO_STORE)


@router.get(
    "/records/{record_id}",
    operation_id="getRecord",
    summary="Get a record",
    response_model=RecordInFull,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def get_record(
    database: DatabaseDep, principal: _Reader, record_id: UUID, if_none_match: IfNoneMatch = None
) -> Response:
    """Look a record up, with all that was ever said of it."""
    with database.begin(principal) as session:
        found = records.get(session, principal, record_id)
        if conditional.is_known(if_none_match, found.record.version):
            return conditional.not_modified(found.record.version)
        body = _in_full(session, found)
    return responses.of(body, headers={"etag": conditional.etag(body.version), **_NO_STORE})


@router.post(
    "/records/{record_id}/corrections",
    operation_id="correctRecord",
    summary="Correct a record",
    status_code=201,
    response_model=RecordInFull,
    responses={
        201: {"headers": _ETAG},
        **problems.responses(
            "malformed-json",
            "too-large",
            "unsupported-media-type",
            "invalid-body",
            "invalid-parameter",
            "not-found",
            "erased",
            "idempotency-key-in-use",
            "idempotency-key-reused",
            "overloaded",
        ),
    },
)
def correct_record(
    database: DatabaseDep, principal: _Writer, now: NowDep, call: CallDep, record_id: UUID, body: CorrectionBody
) -> Response:
    """Correct the minutes of a record. What it said before stays in its history, with who changed it and why."""
    with database.begin(principal) as session:

        def act() -> Response:
            found = records.correct(session, principal, record_id, minutes=body.minutes, reason=body.reason, now=now)
            told = _in_full(session, found)
            return responses.of(told, status=201, headers={"etag": conditional.etag(told.version), **_NO_STORE})

        return idempotency.once(session, principal, call, act)


@router.get(
    "/volunteers/{external_id}/records/export",
    operation_id="exportRecords",
    summary="Export a volunteer's records",
    response_model=ExportBody,
    responses={
        200: {"description": "The chain.", "content": {"text/csv": {"schema": {"type": "string"}}}},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def export_records(
    database: DatabaseDep,
    principal: _Reader,
    now: NowDep,
    external_id: IdPath,
    format: ExportFormat = ExportFormat.JSON,  # noqa: A002 - the word of the query
) -> Response:
    """Hand out all that was ever recorded of a volunteer, wherever they served, as a chain of hashes.

    `matcher records check FILE` proves that nothing in it was changed, left out or moved since. Each
    export is written down.
    """
    with database.begin(principal) as session:
        export = records.export(session, principal, external_id)
    if format is ExportFormat.CSV:
        return Response(_csv(export), media_type="text/csv; charset=utf-8", headers=_NO_STORE)
    minutes = export.total_minutes
    body = ExportBody(
        client_id=export.client_id,
        volunteer_id=export.volunteer_id,
        volunteer_no=export.volunteer_no,
        exported_at=now,
        total_minutes=minutes,
        total_hours=rules.hours(minutes),
        last_hash=export.last_hash,
        entries=[EntryBody.model_validate(entry) for entry in export.entries],
    )
    # The entries as they were hashed, to the letter.
    told = {**body.model_dump(mode="json", exclude={"entries"}), "entries": export.entries}
    return responses.of(told, headers=_NO_STORE)


def _in_full(session: Session, found: Found) -> RecordInFull:
    names = records.volunteer_id_of(session, [found])
    history = [EntryBody.model_validate(entry) for entry in records.entries(session, found)]
    return RecordInFull(**_fields(found, names), history=history)


def _fields(found: Found, names: Mapping[int, str]) -> dict[str, Any]:
    record = found.record
    return {
        "id": record.id,
        "volunteer_id": names.get(record.volunteer_no or 0),
        "request_id": found.request_id,
        "region": record.region,
        "starts_at": record.starts_at,
        "ends_at": record.ends_at,
        "minutes": record.minutes,
        "evidence": EvidenceBody(
            offer_id=found.offer.id,
            checked_in_at=found.offer.checked_in_at,
            checked_out_at=found.offer.checked_out_at,
            confirmed_at=record.confirmed_at,
        ),
        "version": record.version,
    }


def _csv(export: Export) -> str:
    written = io.StringIO()
    writer = csv.writer(written)
    names = list(EntryBody.model_fields)
    writer.writerow([*names, "hours"])
    for entry in export.entries:
        # Hours are for the eye: minutes are what was hashed.
        values = ["" if entry[name] is None else entry[name] for name in names]
        writer.writerow([*values, rules.hours(entry["minutes"])])
    return written.getvalue()
