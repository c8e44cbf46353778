"""``/v1/imports``: volunteers or requests in bulk, as a job that goes on where it was interrupted."""

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from matcher.api import access, conditional, languages, pages, problems, uploads
from matcher.api.access import Allowed
from matcher.api.conditional import IfNoneMatch
from matcher.api.dependencies import DatabaseDep, SettingsDep, StateDep
from matcher.api.idempotency import CallDep
from matcher.api.import_upload import Upload
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.domain.access import Principal
from matcher.domain.errors import Language
from matcher.domain.imports import ImportFormat, ImportKind, ImportStatus
from matcher.services import imports
from matcher.storage.database import Database
from matcher.storage.imports import FaultRow, ImportRow, no_such_import
from matcher.storage.pages import MAX_LIMIT, Cursor

__all__ = ["Import", "ImportFaultBody", "router"]

router = APIRouter(prefix="/v1/imports", tags=["imports"])

_FORMATS: Final = {"application/x-ndjson": ImportFormat.NDJSON, "text/csv": ImportFormat.CSV}
_EXAMPLES: Final = {
    "application/x-ndjson": {
        "zh": {
            "summary": "两名志愿者，每行一名",
            "value": '{"external_id": "v-1", "region": "310101002"}\n{"external_id": "v-2", "region": "310101002"}\n',
        },
        "en": {
            "summary": "A request on one line",
            "value": '{"external_id": "r-1", "region": "310101002", "requester": "p-7", "headcount": 2}\n',
        },
    },
    "text/csv": {
        "zh": {
            "summary": "志愿者表格",
            "value": "external_id,region,weekly\nv-1,310101002,mon-fri 18:00-21:00 workdays\n",
        },
        "en": {
            "summary": "A table of requests",
            "value": "external_id,region,urgency,skills\nr-1,310101002,4,nursing:2|first-aid\n",
        },
    },
}
_OVER: Final = (ImportStatus.SUCCEEDED, ImportStatus.FAILED, ImportStatus.CANCELLED)
_CLIENT_CLOSED: Final = 499
_POLL_S: Final = "1"
_LOOK_S: Final = 0.25
_COLUMNS: Final = ("line", "external_id", "code", "pointer", "detail")

_Holder = Annotated[Principal, Allowed()]


class FaultFormat(StrEnum):
    """How faults are written: a page of them as JSON, or all of them as one table."""

    JSON = "json"
    CSV = "csv"


class Import(BaseModel):
    """An import, and how far it is.

    `created`, `updated`, `unchanged` and `refused` count what the lines were; while it is `running`
    they count up. A `failed` one says in `error` why; what it had taken in by then stays.
    """

    id: UUID
    kind: ImportKind
    format: ImportFormat
    status: ImportStatus
    error: Annotated[
        str | None, Field(description="Such as `upload-incomplete`: the connection was cut. Send it anew.")
    ]
    received_lines: Annotated[int, Field(description="Lines kept, without the header.")]
    done_lines: Annotated[int, Field(description="Lines worked off.")]
    created: int
    updated: int
    unchanged: int
    refused: Annotated[int, Field(description="Lines that were left out; `faults` says why.")]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class ImportFaultBody(BaseModel):
    """What is wrong with a line; `pointer` leads into the object that the line stands for."""

    line: int
    external_id: str | None
    code: str
    pointer: str
    detail: str


@router.post(
    "",
    operation_id="createImport",
    summary="Import volunteers or requests",
    status_code=202,
    response_model=Import,
    responses={
        202: {"headers": {name: {"schema": {"type": "string"}} for name in ("Location", "ETag", "Retry-After")}},
        **problems.responses(
            "scope-missing",
            "too-large",
            "line-too-long",
            "unsupported-media-type",
            "invalid-body",
            "invalid-parameter",
            "idempotency-key-in-use",
            "idempotency-key-reused",
            "import-over",
            "disk-full",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                name: {"schema": {"type": "string", "format": "binary"}, "examples": _EXAMPLES[name]}
                for name in _FORMATS
            },
        }
    },
)
async def create_import(
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
    principal: _Holder,
    call: CallDep,
    kind: Annotated[ImportKind, Query(description="Asks for the scope `volunteers:write` or `requests:write`.")],
) -> Response:
    """Take in lines of any number, to be worked off by a job: each is what `PUT` takes, with `external_id`.

    NDJSON is one JSON object a line. CSV has a header; cells hold lists with `|`, or JSON. The lines
    are kept while they come. If the connection is cut, the import has failed and none of them is
    taken in. A line that is wrong keeps no other from being taken in.
    """
    access.check_scope(principal, imports.WRITE_SCOPES[kind])
    format_ = _FORMATS[uploads.check_type(request, *_FORMATS)]
    uploads.check_length(request, most_bytes=settings.max_import_bytes)
    upload = Upload(database, principal, kind, format_)
    try:
        return await upload.receive(request, call, _accepted, most_bytes=settings.max_import_bytes)
    except ClientDisconnect:
        return Response(status_code=_CLIENT_CLOSED)


@router.get("", operation_id="listImports", summary="List imports", responses=problems.responses("invalid-cursor"))
def list_imports(
    database: DatabaseDep, principal: _Holder, limit: LimitQuery = 50, cursor: CursorQuery = None
) -> PageBody[Import]:
    """List imports of what the key may read, and that were made by keys that reach no farther, the oldest first."""
    kinds = [kind for kind, scope in imports.READ_SCOPES.items() if scope in principal.scopes]
    with database.begin(principal) as session:
        page = imports.list_page(session, principal, kinds=kinds, cursor=pages.read_cursor(cursor), limit=limit)
        return PageBody(data=[_body(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/{import_id}",
    operation_id="getImport",
    summary="Get an import",
    response_model=Import,
    responses={
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
async def get_import(
    state: StateDep,
    database: DatabaseDep,
    principal: _Holder,
    import_id: UUID,
    wait_s: Annotated[float, Query(ge=0, le=20, description="Wait so long for the end before answering.")] = 0.0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """How far an import is, or how it ended."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        row = await run_in_threadpool(_find, database, principal, import_id)
        if row.status in _OVER or loop.time() >= deadline or state.stopping.is_set():
            break
        await asyncio.sleep(min(_LOOK_S, max(0.0, deadline - loop.time())))
    if conditional.is_known(if_none_match, row.version):
        return conditional.not_modified(row.version)
    return _answer(row)


@router.get(
    "/{import_id}/faults",
    operation_id="listImportFaults",
    summary="List what was wrong with the lines",
    response_model=PageBody[ImportFaultBody],
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **problems.responses("not-found", "invalid-parameter", "invalid-cursor"),
    },
)
def list_import_faults(
    request: Request,
    database: DatabaseDep,
    principal: _Holder,
    import_id: UUID,
    format: Annotated[FaultFormat, Query(description="`csv`: all of them, as one table.")] = FaultFormat.JSON,  # noqa: A002 - the word of the query
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> Response | PageBody[ImportFaultBody]:
    """List the faults of the lines that were left out, in the order of the lines; of the first 100,000."""
    language = languages.preferred(request.headers.get("accept-language", ""))
    if format is FaultFormat.CSV:
        _find(database, principal, import_id)
        lines = _table(database, principal, import_id, language)
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8")
    with database.begin(principal) as session:
        _check(principal, imports.get(session, principal, import_id))
        page = imports.list_faults(session, principal, import_id, cursor=pages.read_cursor(cursor), limit=limit)
    return PageBody(data=[_fault(row, language) for row in page.rows], next_cursor=page.next_cursor)


@router.post(
    "/{import_id}/cancel",
    operation_id="cancelImport",
    summary="Cancel an import",
    response_model=Import,
    responses=problems.responses("not-found", "scope-missing", "import-over", "invalid-parameter"),
)
def cancel_import(database: DatabaseDep, principal: _Holder, import_id: UUID) -> Response:
    """End an import; what it has taken in stays, the rest is deleted. Cancelling twice is no error."""
    with database.begin(principal) as session:
        row = imports.get(session, principal, import_id)
        _check(principal, row)
        access.check_scope(principal, imports.WRITE_SCOPES[ImportKind(row.kind)])
        return _answer(imports.cancel(session, principal, import_id))


def _find(database: Database, principal: Principal, import_id: UUID) -> ImportRow:
    with database.begin(principal) as session:
        row = imports.get(session, principal, import_id)
    _check(principal, row)
    return row


def _check(principal: Principal, row: ImportRow) -> None:
    """Hide an import from a key that may neither read nor write what it is of.

    Raises
    ------
    NotFoundError
        If it may not.
    """
    kind = ImportKind(row.kind)
    if not principal.scopes & {imports.READ_SCOPES[kind], imports.WRITE_SCOPES[kind]}:
        raise no_such_import()


def _accepted(row: ImportRow) -> Response:
    location = f"/v1/imports/{row.id}"
    return _answer(row, status_code=202, location=location, retry_after=_POLL_S)


def _answer(row: ImportRow, *, status_code: int = 200, **headers: str) -> Response:
    return Response(
        _body(row).model_dump_json(),
        status_code,
        media_type="application/json",
        headers={"etag": conditional.etag(row.version), "cache-control": "no-store"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def _body(row: ImportRow) -> Import:
    return Import(
        id=row.id,
        kind=ImportKind(row.kind),
        format=ImportFormat(row.format),
        status=ImportStatus(row.status),
        error=row.error,
        received_lines=row.line_count,
        done_lines=row.done_lines,
        created=row.created_count,
        updated=row.updated_count,
        unchanged=row.unchanged_count,
        refused=row.refused_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
    )


def _fault(row: FaultRow, language: Language) -> ImportFaultBody:
    return ImportFaultBody(
        line=row.line,
        external_id=row.external_id,
        code=row.code,
        pointer=row.pointer,
        detail=row.detail[language],
    )


def _table(database: Database, principal: Principal, import_id: UUID, language: Language) -> Iterator[str]:
    """Yield all faults as CSV, a page at a time: whoever reads slowly holds no transaction."""
    yield ",".join(_COLUMNS) + "\r\n"
    cursor: Cursor | None = None
    while True:
        with database.begin(principal) as session:
            page = imports.list_faults(session, principal, import_id, cursor=cursor, limit=MAX_LIMIT)
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS)
        writer.writerows(_fault(row, language).model_dump() for row in page.rows)
        yield text.getvalue()
        if page.next_cursor is None:
            return
        cursor = Cursor.read(page.next_cursor)
