"""Imports: lines are kept as they come, and then taken in chunk by chunk, each chunk once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from matcher.domain.access import Principal, Scope
from matcher.domain.audit import Action
from matcher.domain.errors import MatcherError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.geo import Crs
from matcher.domain.imports import ImportFormat, ImportKind, ImportStatus
from matcher.services import requests, volunteers
from matcher.services.import_lines import Line, LineFault, Lines
from matcher.services.upserts import Effect, Result
from matcher.storage import audit, events, imports, queue
from matcher.storage.database import Session
from matcher.storage.imports import FaultRow, ImportRow
from matcher.storage.pages import Cursor, Page

__all__ = [
    "GIVEN_UP",
    "INCOMPLETE",
    "READ_SCOPES",
    "TASK",
    "WRITE_SCOPES",
    "Chunk",
    "ImportOverError",
    "begin",
    "cancel",
    "complete",
    "fail",
    "fail_abandoned",
    "finish",
    "forget_unstarted",
    "get",
    "keep",
    "list_faults",
    "list_page",
    "next_chunk",
    "take_in",
]

TASK: Final = "imports.work"
INCOMPLETE: Final = "upload-incomplete"
GIVEN_UP: Final = "given-up"

_Upsert = Callable[[Session, Principal, Sequence[Any], datetime], list[Result]]

READ_SCOPES: Final = {ImportKind.VOLUNTEERS: Scope.VOLUNTEERS_READ, ImportKind.REQUESTS: Scope.REQUESTS_READ}
WRITE_SCOPES: Final = {ImportKind.VOLUNTEERS: Scope.VOLUNTEERS_WRITE, ImportKind.REQUESTS: Scope.REQUESTS_WRITE}

_UPSERTS: Final[Mapping[ImportKind, _Upsert]] = {
    ImportKind.VOLUNTEERS: volunteers.upsert_many,
    ImportKind.REQUESTS: requests.upsert_many,
}
_MOST_FAULTS: Final = 100_000
_SILENT: Final = timedelta(minutes=10)
_BATCH: Final = 100


class ImportOverError(MatcherError):
    """The import has ended: it takes no more lines and cannot be cancelled."""

    code = "import-over"

    def __init__(self, status: ImportStatus) -> None:
        super().__init__(
            Text(
                en="The import has ended already: it is {status}.",
                zh="导入已结束，状态为 {status}。",
                values={"status": status},
            )
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines that wait to be read, and how."""

    position: int
    first_line: int
    content: bytes
    kind: ImportKind
    format: ImportFormat
    header: tuple[str, ...]
    crs: Crs

    @property
    def line_count(self) -> int:
        """How many lines it has; the last one may lack its end."""
        return self.content.count(b"\n") + (not self.content.endswith(b"\n"))


def begin(
    session: Session, principal: Principal, *, kind: ImportKind, format_: ImportFormat, header: list[str] | None
) -> ImportRow:
    """Make ready to receive the lines of an import."""
    return imports.add(session, principal, kind=kind, format_=format_, header=header)


def keep(session: Session, row: ImportRow, *, position: int, first_line: int, lines: int, content: bytes) -> None:
    """Keep some lines of an import.

    Raises
    ------
    ImportOverError
        If it takes none any more.
    """
    took = imports.add_chunk(
        session,
        row.no,
        client_no=row.client_no,
        position=position,
        first_line=first_line,
        lines=lines,
        content=content,
    )
    if not took:
        raise ImportOverError(ImportStatus.CANCELLED)


def complete(session: Session, principal: Principal, import_id: UUID) -> ImportRow:
    """Put an import to work, of which every line has come.

    Raises
    ------
    ImportOverError
        If it was cancelled meanwhile.
    """
    row = imports.get_for_update(session, import_id, client_no=principal.client_no, regions=principal.regions)
    if row.status != ImportStatus.RECEIVING:
        raise ImportOverError(ImportStatus(row.status))
    imports.start(session, row)
    audit.add(
        session,
        Action.IMPORT_STARTED,
        client_no=row.client_no,
        region=None,
        subject_kind=SubjectKind.IMPORT,
        subject_id=str(row.id),
        principal=principal,
        data={"kind": row.kind, "lines": row.line_count},
    )
    # One after the other: of two imports of one thing the later one counts.
    queue.defer(session, TASK, lock=f"imports {row.client_no}", import_no=row.no)
    return row


def forget_unstarted(session: Session, row: ImportRow) -> None:
    """Forget an import of which every line has come, if it was not put to work: its call had come before."""
    imports.delete_receiving(session, row.no)


def fail(session: Session, import_no: int, *, error: str) -> None:
    """End an import that cannot go on; one that has ended stays as it is."""
    row = imports.hold(session, import_no)
    if row is not None and row.status in (ImportStatus.RECEIVING, ImportStatus.RUNNING):
        _end(session, row, ImportStatus.FAILED, error=error)


def fail_abandoned(session: Session) -> int:
    """End some imports whose lines stopped coming, and return how many: whoever received them was killed."""
    abandoned = imports.find_abandoned(session, silent=_SILENT, limit=_BATCH)
    for import_no in abandoned:
        fail(session, import_no, error=INCOMPLETE)
    return len(abandoned)


def cancel(session: Session, principal: Principal, import_id: UUID) -> ImportRow:
    """End an import; what it has taken in stays.

    Raises
    ------
    NotFoundError
        If the principal has none with this id.
    ImportOverError
        If it has ended otherwise.
    """
    row = imports.get_for_update(session, import_id, client_no=principal.client_no, regions=principal.regions)
    if row.status == ImportStatus.CANCELLED:
        return row
    if row.status not in (ImportStatus.RECEIVING, ImportStatus.RUNNING):
        raise ImportOverError(ImportStatus(row.status))
    _end(session, row, ImportStatus.CANCELLED, error=None)
    audit.add(
        session,
        Action.IMPORT_CANCELLED,
        client_no=row.client_no,
        region=None,
        subject_kind=SubjectKind.IMPORT,
        subject_id=str(row.id),
        principal=principal,
    )
    return row


def get(session: Session, principal: Principal, import_id: UUID) -> ImportRow:
    """Return an import.

    Raises
    ------
    NotFoundError
        If the principal has none with this id.
    """
    return imports.get(session, import_id, client_no=principal.client_no, regions=principal.regions)


def list_page(
    session: Session, principal: Principal, *, kinds: Iterable[ImportKind], cursor: Cursor | None, limit: int
) -> Page[ImportRow]:
    """Return a page of the principal's imports of some kinds."""
    return imports.list_page(
        session, client_no=principal.client_no, regions=principal.regions, kinds=kinds, cursor=cursor, limit=limit
    )


def list_faults(
    session: Session, principal: Principal, import_id: UUID, *, cursor: Cursor | None, limit: int
) -> Page[FaultRow]:
    """Return a page of what was wrong with the lines of an import.

    Raises
    ------
    NotFoundError
        If the principal has none with this id.
    """
    return imports.list_faults(session, get(session, principal, import_id).no, cursor=cursor, limit=limit)


def next_chunk(session: Session, import_no: int, *, after: int) -> Chunk | None:
    """Return the first lines after a position that wait, or None if there are none or the import has ended."""
    row = imports.hold(session, import_no)
    found = imports.find_chunk(session, import_no, after=after)
    if row is None or found is None or row.status != ImportStatus.RUNNING:
        return None
    return Chunk(
        position=found.position,
        first_line=found.first_line,
        content=found.content,
        kind=ImportKind(row.kind),
        format=ImportFormat(row.format),
        header=tuple(row.header or ()),
        crs=Crs(row.crs),
    )


def take_in(session: Session, import_no: int, chunk: Chunk, lines: Lines, *, now: datetime) -> bool:
    """Write what the lines of a chunk hold, delete the chunk, and tell whether the import goes on.

    All of it in one transaction: a worker that is killed in the middle leaves the chunk to the next one.
    """
    row = imports.hold(session, import_no)
    if row is None or row.status != ImportStatus.RUNNING:
        return False
    if not imports.delete_chunk(session, import_no, chunk.position):
        return True
    counts, faults = _write(session, row, lines, now=now)
    room = max(0, _MOST_FAULTS - row.refused_count)
    imports.add_faults(session, [_fault_values(row, fault) for fault in [*lines.faults, *faults][:room]])
    row.created_count += counts[Effect.CREATED]
    row.updated_count += counts[Effect.UPDATED]
    row.unchanged_count += counts[Effect.UNCHANGED]
    row.refused_count += counts[Effect.REFUSED] + lines.refused
    row.done_lines += chunk.line_count
    row.updated_at = now
    row.version += 1
    session.flush()
    return True


def finish(session: Session, import_no: int) -> None:
    """End an import of which every chunk was taken in."""
    row = imports.hold(session, import_no)
    if row is not None and row.status == ImportStatus.RUNNING:
        _end(session, row, ImportStatus.SUCCEEDED, error=None)


def _end(session: Session, row: ImportRow, status: ImportStatus, *, error: str | None) -> None:
    imports.end(session, row, status, error=error)
    events.publish(
        session,
        EventType.IMPORT_FINISHED,
        client_no=row.client_no,
        # Several grants have no region in common: whoever has the first may know.
        region=row.regions[0],
        subject_kind=SubjectKind.IMPORT,
        subject_id=str(row.id),
        data={
            "status": row.status,
            "kind": row.kind,
            "created": row.created_count,
            "updated": row.updated_count,
            "unchanged": row.unchanged_count,
            "refused": row.refused_count,
        },
    )


def _write(session: Session, row: ImportRow, lines: Lines, *, now: datetime) -> tuple[Counter[Effect], list[LineFault]]:
    """Write what lines hold; of two with one id the later one counts."""
    kind = ImportKind(row.kind)
    principal = Principal(row.client_no, row.key_no, frozenset({WRITE_SCOPES[kind]}), tuple(row.regions), Crs(row.crs))
    counts: Counter[Effect] = Counter()
    faults: list[LineFault] = []
    for batch in _without_repeats(lines.contents):
        results = _UPSERTS[kind](session, principal, [content for _, content in batch], now)
        counts.update(result.effect for result in results)
        for (line, content), result in zip(batch, results, strict=True):
            if result.error is not None:
                faults += LineFault.of_error(line, content["external_id"], result.error)
    return counts, faults


def _without_repeats(contents: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield batches in which each id comes once, the earlier lines of an id in earlier batches."""
    batches: list[list[Line]] = []
    seen: Counter[str] = Counter()
    for line, content in contents:
        before = seen[content["external_id"]]
        if before == len(batches):
            batches.append([])
        batches[before].append((line, content))
        seen[content["external_id"]] += 1
    yield from batches


def _fault_values(row: ImportRow, fault: LineFault) -> dict[str, Any]:
    return {
        "import_no": row.no,
        "client_no": row.client_no,
        "line": fault.line,
        "external_id": fault.external_id,
        "code": fault.code,
        "pointer": fault.pointer,
        "detail": {"en": fault.en, "zh-CN": fault.zh},
    }
