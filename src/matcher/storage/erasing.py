"""What is deleted, unlinked or blanked when a person is erased. Each statement may run again: it then finds nothing."""

import json
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from sqlalchemy import ColumnElement, delete, select, text, update

from matcher.domain.events import SubjectKind
from matcher.domain.requests import CloseReason, RequestStatus
from matcher.storage.database import Session
from matcher.storage.grants import within
from matcher.storage.tables.delivery import EventRow
from matcher.storage.tables.outcomes import OfferRow, RecordRow, RunRow, SnapshotRow
from matcher.storage.tables.people import BlockRow, RequestRow, VolunteerRow

__all__ = [
    "blank_answers",
    "blank_faults",
    "blank_left_out",
    "delete_blocks_of_requester",
    "delete_events",
    "delete_volunteer",
    "find_region_of_requester",
    "find_runs",
    "find_texts",
    "forget_requests",
    "pseudonymise",
    "replace_texts",
    "requests_of_id",
    "requests_of_requester",
    "strip_events",
    "strip_wishes",
    "unlink",
]

# A problem like any other, in both languages, since nobody knows who will ask for the answer again.
_GONE: Final = json.dumps(
    {
        "type": "urn:problem-type:matcher:answer-erased",
        "title": "The answer was erased",
        "status": 410,
        "code": "answer-erased",
        "detail": "The answer to this call named somebody who was erased since. 该应答涉及的人员已被删除。",
        "instance": "",
        "request_id": None,
        "errors": [],
    },
    ensure_ascii=False,
).encode()
_BATCH: Final = 20_000
# One may hold the answers to a thousand items.
_ANSWERS: Final = 1_000

_STRIP_EVENTS: Final = text("""
    UPDATE events SET data = data - CAST(:name AS text)
    WHERE client_no = :client_no AND no > :after AND no <= :until
      AND data ->> CAST(:name AS text) = ANY(CAST(:ids AS text[]))
    RETURNING no
""")
_LAST_EVENT: Final = text("SELECT coalesce(max(no), 0) FROM events WHERE client_no = :client_no")
_STRIP_WISHES: Final = text("""
    UPDATE requests SET
        preferred_volunteers = array_remove(preferred_volunteers, CAST(:id AS text)),
        excluded_volunteers = array_remove(excluded_volunteers, CAST(:id AS text)),
        version = version + 1, updated_at = now()
    WHERE client_no = :client_no AND CAST(:id AS text) = ANY(preferred_volunteers || excluded_volunteers)
    RETURNING no
""")
_BLANK_ANSWERS: Final = text("""
    WITH batch AS (
        SELECT key FROM idempotency WHERE client_no = :client_no AND key > :after ORDER BY key LIMIT :limit
    ), blanked AS (
        UPDATE idempotency SET status = 410, headers = '{"content-type": "application/problem+json"}', body = :gone
        FROM batch
        WHERE idempotency.client_no = :client_no AND idempotency.key = batch.key AND (
            EXISTS (SELECT FROM unnest(CAST(:quoted AS bytea[])) AS quoted WHERE position(quoted IN body) > 0)
            OR headers::text LIKE ANY (CAST(:in_paths AS text[]))
        )
        RETURNING idempotency.key
    )
    SELECT (SELECT count(*) FROM blanked), (SELECT max(key) FROM batch), (SELECT count(*) FROM batch) = :limit
""")
_BLANK_FAULTS: Final = text("""
    UPDATE import_faults AS fault SET external_id = NULL
    FROM imports
    WHERE imports.no = fault.import_no AND imports.kind = :kind AND imports.client_no = :client_no
      AND fault.client_no = :client_no AND fault.external_id = :id
    RETURNING fault.no
""")
_PSEUDONYMISE: Final = text("""
    UPDATE audit SET subject_id = 'erased:' || CAST(:hash AS text)
    WHERE client_no = :client_no AND subject_kind = :kind AND subject_id = :id
    RETURNING no
""")
_BLANK_LEFT_OUT: Final = text("""
    UPDATE runs SET left_out = coalesce(
        (
            SELECT jsonb_agg(item) FROM jsonb_array_elements(left_out) AS item
            WHERE item ->> CAST(:name AS text) IS DISTINCT FROM CAST(:id AS text)
        ),
        '[]'
    )
    WHERE client_no = :client_no
      AND left_out @> jsonb_build_array(jsonb_build_object(CAST(:name AS text), CAST(:id AS text)))
    RETURNING no
""")

_BARE_ROLES: Final = """(
    SELECT jsonb_agg(jsonb_build_object('skills', '[]'::jsonb, 'count', item -> 'count', 'gender', NULL))
    FROM jsonb_array_elements(roles) AS item
)"""


def unlink(session: Session, volunteer_no: int) -> Mapping[str, int]:
    """Let offers and records of a volunteer be nobody's, and count both: what was served stays in the sums."""
    offers = session.execute(
        update(OfferRow)
        .where(OfferRow.volunteer_no == volunteer_no)
        .values(volunteer_no=None, distance_m=None, travel_min=None, cost=0, cost_terms={})
        .returning(OfferRow.no)
    ).all()
    records = session.execute(
        update(RecordRow)
        .where(RecordRow.volunteer_no == volunteer_no)
        .values(volunteer_no=None)
        .returning(RecordRow.no)
    ).all()
    return {"offers_unlinked": len(offers), "records_unlinked": len(records)}


def delete_volunteer(session: Session, volunteer_no: int) -> Mapping[str, int]:
    """Delete a volunteer whom nothing refers to any more, and count them with their blocks."""
    blocks = session.execute(delete(BlockRow).where(BlockRow.volunteer_no == volunteer_no).returning(BlockRow.no)).all()
    rows = session.execute(delete(VolunteerRow).where(VolunteerRow.no == volunteer_no).returning(VolunteerRow.no)).all()
    return {"volunteers": len(rows), "blocks": len(blocks)}


def requests_of_id(session: Session, client_no: int, external_id: str) -> Sequence[RequestRow]:
    """Return the request with an id, locked; none or one."""
    return _locked(session, RequestRow.client_no == client_no, RequestRow.external_id == external_id)


def requests_of_requester(
    session: Session, client_no: int, requester: str, *, regions: Sequence[str]
) -> Sequence[RequestRow]:
    """Return the requests of a requester within some regions, in the order in which all are locked."""
    return _locked(session, *_of_requester(client_no, requester, regions))


def find_region_of_requester(session: Session, client_no: int, requester: str, *, regions: Sequence[str]) -> str | None:
    """Return the region of a request of a requester, if there is one within some regions."""
    statement = select(RequestRow.region).where(*_of_requester(client_no, requester, regions))
    return session.scalars(statement.order_by(RequestRow.no).limit(1)).one_or_none()


def forget_requests(session: Session, nos: Sequence[int]) -> Mapping[str, int]:
    """Delete requests, and of those that somebody was asked for leave the bare fact.

    A record says when and how long somebody served; of the request it needs that there was one.
    """
    asked_for = set(session.scalars(select(OfferRow.request_no).where(OfferRow.request_no.in_(nos))))
    session.execute(
        update(RequestRow)
        .where(RequestRow.no.in_(asked_for))
        .values(
            external_id=text("'erased-' || gen_random_uuid()"),
            **dict.fromkeys(
                ("community", "requester", "latitude", "longitude", "windows", "opens_at", "closes_at", "note"), None
            ),
            **dict.fromkeys(("gender", "requested_at", "content_hash"), None),
            roles=text(_BARE_ROLES),
            skill_codes=[],
            trainings=[],
            preferred_volunteers=[],
            excluded_volunteers=[],
            adults_only=False,
            needs_insurance=False,
            risk="none",
            status=text(
                f"CASE WHEN status IN ('completed', 'failed') THEN status ELSE '{RequestStatus.CANCELLED}' END"
            ),
            closed_reason=text(f"coalesce(closed_reason, '{CloseReason.CANCELLED}')"),
            version=RequestRow.version + 1,
            updated_at=text("now()"),
        )
    )
    session.execute(
        update(OfferRow)
        .where(OfferRow.request_no.in_(asked_for))
        .values(distance_m=None, travel_min=None, cost=0, cost_terms={})
    )
    left = [no for no in nos if no not in asked_for]
    session.execute(delete(RequestRow).where(RequestRow.no.in_(left)))
    return {"requests_deleted": len(left), "requests_emptied": len(asked_for)}


def delete_blocks_of_requester(session: Session, client_no: int, requester: str, *, regions: Sequence[str]) -> int:
    """Delete the blocks of a requester, and return how many there were."""
    statement = delete(BlockRow).where(
        BlockRow.client_no == client_no, BlockRow.requester == requester, within(BlockRow.region, regions)
    )
    return len(session.execute(statement.returning(BlockRow.no)).all())


def strip_wishes(session: Session, client_no: int, volunteer_id: str) -> int:
    """Take a volunteer out of the wishes of requests, and return of how many."""
    return len(session.execute(_STRIP_WISHES, {"client_no": client_no, "id": volunteer_id}).all())


def delete_events(session: Session, client_no: int, kind: SubjectKind, subject_id: str) -> int:
    """Delete the events about somebody, and return how many there were."""
    statement = delete(EventRow).where(
        EventRow.client_no == client_no, EventRow.subject_kind == kind, EventRow.subject_id == subject_id
    )
    return len(session.execute(statement.returning(EventRow.no)).all())


def strip_events(
    session: Session, client_no: int, *, name: str, ids: Sequence[str], after: int
) -> tuple[int, int | None]:
    """Take ids out of the next events, and return of how many, and after which to go on, None at the end."""
    last = session.execute(_LAST_EVENT, {"client_no": client_no}).scalar_one()
    until = min(after + _BATCH, last)
    values = {"client_no": client_no, "name": name, "ids": list(ids), "after": after, "until": until}
    stripped = session.execute(_STRIP_EVENTS, values).all()
    return len(stripped), None if until >= last else until


def blank_answers(session: Session, client_no: int, ids: Sequence[str], *, after: str) -> tuple[int, str | None]:
    """Blank those of the next kept answers that name an id; return how many, and after which to go on, None at the end.

    A call that comes again still has one effect.
    """
    blanked, last, is_full = session.execute(
        _BLANK_ANSWERS,
        {
            "client_no": client_no,
            "after": after,
            "limit": _ANSWERS,
            "quoted": [json.dumps(id_, ensure_ascii=False).encode() for id_ in ids],
            "in_paths": [f"%/{_like(json.dumps(quote(id_, safe=''))[1:-1])}%" for id_ in ids],
            "gone": _GONE,
        },
    ).one()
    return blanked, last if is_full else None


def blank_faults(session: Session, client_no: int, *, kind: str, id_: str) -> int:
    """Take an id out of what was wrong with imports, and return of how many faults."""
    return len(session.execute(_BLANK_FAULTS, {"client_no": client_no, "kind": kind, "id": id_}).all())


def pseudonymise(session: Session, client_no: int, *, kind: SubjectKind, id_: str, hash_: str) -> int:
    """Let lines of the audit trail name a hash in place of an id, and return how many: the facts stay."""
    return len(session.execute(_PSEUDONYMISE, {"client_no": client_no, "kind": kind, "id": id_, "hash": hash_}).all())


def blank_left_out(session: Session, client_no: int, *, name: str, id_: str) -> int:
    """Take an id out of what publications left out, and return of how many runs."""
    return len(session.execute(_BLANK_LEFT_OUT, {"client_no": client_no, "name": name, "id": id_}).all())


def find_runs(session: Session, client_no: int) -> Sequence[int]:
    """Return the numbers of the runs of a client that have a plan or a problem."""
    return session.scalars(
        select(RunRow.no)
        .outerjoin(SnapshotRow, SnapshotRow.run_no == RunRow.no)
        .where(RunRow.client_no == client_no, (RunRow.plan.is_not(None)) | (SnapshotRow.run_no.is_not(None)))
        .order_by(RunRow.no)
    ).all()


def find_texts(session: Session, run_no: int) -> tuple[bytes | None, bytes | None]:
    """Return the gzipped problem and plan of a run."""
    found = session.execute(
        select(SnapshotRow.problem, RunRow.plan)
        .select_from(RunRow)
        .outerjoin(SnapshotRow, SnapshotRow.run_no == RunRow.no)
        .where(RunRow.no == run_no)
    ).one_or_none()
    return (None, None) if found is None else (found[0], found[1])


def replace_texts(session: Session, run_no: int, *, problem: bytes | None, plan: bytes | None) -> None:
    """Write the problem and the plan of a run anew; None leaves one as it is."""
    if problem is not None:
        session.execute(update(SnapshotRow).where(SnapshotRow.run_no == run_no).values(problem=problem))
    if plan is not None:
        session.execute(
            update(RunRow)
            .where(RunRow.no == run_no)
            .values(plan=plan, version=RunRow.version + 1, updated_at=text("now()"))
        )


def _of_requester(client_no: int, requester: str, regions: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return RequestRow.client_no == client_no, RequestRow.requester == requester, within(RequestRow.region, regions)


def _locked(session: Session, *conditions: ColumnElement[bool]) -> Sequence[RequestRow]:
    statement = select(RequestRow).where(*conditions).order_by(RequestRow.no).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).all()


def _like(words: str) -> str:
    """Return a text as LIKE takes it literally."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
