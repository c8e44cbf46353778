"""Erasing a person everywhere: at once from what is alive, and soon after from everything that names them.

First the person's own rows go: nobody is matched with them, asked or shown anything from then on.
Whatever was under way may still have read of them before, so what names the person is erased only
once that has ended; whoever comes back meanwhile is erased again.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from matcher.domain.access import EVERYWHERE, Principal
from matcher.domain.audit import Action
from matcher.domain.erasures import ErasureKind, ErasureStatus
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.imports import ImportKind
from matcher.domain.offers import WithdrawReason
from matcher.services import offers
from matcher.storage import audit, erasing, erasures, events, queue, requests, volunteers
from matcher.storage.database import Session
from matcher.storage.erasures import ErasureRow
from matcher.storage.pages import Cursor, Page
from matcher.storage.requests import RequestRow

__all__ = [
    "TASK",
    "Traces",
    "blank_answers",
    "erase_mentions",
    "erase_rows",
    "find",
    "finish",
    "get",
    "is_settled",
    "list_page",
    "postpone",
    "replace_texts",
    "request",
    "strip_events",
    "traces",
]

TASK: Final = "erasures.work"

_NOBODY: Final = Text(en="There is nobody of this kind with this id.", zh="没有该类型、该编号的对象。")
_NO_ERASURE: Final = Text(en="There is no erasure with this id.", zh="没有该编号的删除任务。")
_AGAIN: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Traces:
    """By which ids a person is named elsewhere: as a volunteer, or by the requests of a requester."""

    kind: ErasureKind
    ids: tuple[str, ...]
    requester: str | None

    @property
    def subject_kind(self) -> SubjectKind:
        """The kind of the subject of events and audit lines."""
        return SubjectKind.VOLUNTEER if self.kind is ErasureKind.VOLUNTEER else SubjectKind.REQUEST

    @property
    def import_kind(self) -> ImportKind:
        """The kind of imports in which the ids are those of lines."""
        return ImportKind.VOLUNTEERS if self.kind is ErasureKind.VOLUNTEER else ImportKind.REQUESTS

    @property
    def link(self) -> str:
        """How others name it."""
        return f"{self.subject_kind}_id"


def request(session: Session, principal: Principal, kind: ErasureKind, subject: str) -> ErasureRow:
    """Have somebody erased; asked for again before it is finished, it is the same erasure.

    Raises
    ------
    NotFoundError
        If there is nobody with this id in the principal's regions.
    """
    region = _region(session, principal, kind, subject)
    row, is_new = erasures.add_if_new(
        session,
        principal,
        kind=kind,
        subject=subject,
        subject_hash=_hash(session, principal.client_no, kind, subject),
        region=region,
    )
    if not is_new:
        return row
    audit.add(
        session,
        Action.ERASURE_REQUESTED,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.ERASURE,
        subject_id=str(row.id),
        principal=principal,
        data={"kind": row.kind},
    )
    queue.defer(session, TASK, queueing_lock=f"erasure {row.no}", erasure_no=row.no)
    return row


def get(session: Session, principal: Principal, erasure_id: UUID) -> ErasureRow:
    """Return an erasure.

    Raises
    ------
    NotFoundError
        If the principal has none with this id.
    """
    row = erasures.find(session, erasure_id, client_no=principal.client_no, regions=principal.regions)
    if row is None:
        raise NotFoundError(_NO_ERASURE)
    return row


def list_page(session: Session, principal: Principal, *, cursor: Cursor | None, limit: int) -> Page[ErasureRow]:
    """Return a page of the principal's erasures."""
    return erasures.list_page(
        session, client_no=principal.client_no, regions=principal.regions, cursor=cursor, limit=limit
    )


def find(session: Session, erasure_no: int) -> ErasureRow | None:
    """Return an erasure that is not finished, held for the rest of the transaction."""
    row = erasures.hold(session, erasure_no)
    return row if row.status == ErasureStatus.RUNNING else None


def erase_rows(session: Session, row: ErasureRow, *, now: datetime) -> None:
    """Erase what is alive of a person: withdraw what is out, unlink what was, and delete the rest."""
    subject = row.subject or ""
    match ErasureKind(row.kind):
        case ErasureKind.VOLUNTEER:
            _erase_volunteer(session, row, subject, now)
        case ErasureKind.REQUEST:
            _erase_requests(session, row, erasing.requests_of_id(session, row.client_no, subject), now)
        case ErasureKind.REQUESTER:
            found = erasing.requests_of_requester(session, row.client_no, subject, regions=row.regions)
            _erase_requests(session, row, found, now)
            blocks = erasing.delete_blocks_of_requester(session, row.client_no, subject, regions=row.regions)
            _count(row, {"blocks": blocks})
    if row.erased_at is None:
        row.erased_at = now
    row.version += 1
    session.flush()


def is_settled(session: Session, row: ErasureRow, *, settle: timedelta) -> bool:
    """Tell whether everything has ended that may have read of the person before."""
    return erasures.is_settled(session, row, settle=settle)


def postpone(session: Session, row: ErasureRow, *, now: datetime) -> None:
    """Look again in a while."""
    queue.defer(session, TASK, queueing_lock=f"erasure {row.no}", schedule_at=now + _AGAIN, erasure_no=row.no)


def traces(row: ErasureRow) -> Traces:
    """Return the ids by which an erased person is named elsewhere."""
    if row.kind == ErasureKind.VOLUNTEER:
        return Traces(ErasureKind.VOLUNTEER, (row.subject or "",), None)
    ids = tuple(sorted({*row.request_ids, *([row.subject or ""] if row.kind == ErasureKind.REQUEST else [])}))
    return Traces(ErasureKind.REQUEST, ids, row.subject if row.kind == ErasureKind.REQUESTER else None)


def erase_mentions(session: Session, row: ErasureRow) -> None:
    """Erase what names the person and is found by its id; lines of the audit trail keep a hash."""
    named = traces(row)
    client_no = row.client_no
    for id_ in named.ids:
        hash_ = _hash(session, client_no, named.kind, id_)
        counts = {
            "events_deleted": erasing.delete_events(session, client_no, named.subject_kind, id_),
            "audit_lines_pseudonymised": erasing.pseudonymise(
                session, client_no, kind=named.subject_kind, id_=id_, hash_=hash_
            ),
            "import_faults_blanked": erasing.blank_faults(session, client_no, kind=named.import_kind, id_=id_),
            "runs_blanked": erasing.blank_left_out(session, client_no, name=named.link, id_=id_),
        }
        if named.kind is ErasureKind.VOLUNTEER:
            counts["wishes_changed"] = erasing.strip_wishes(session, client_no, id_)
        _count(row, counts)
    if named.requester is not None:
        _count(row, {"events_deleted": erasing.delete_events(session, client_no, SubjectKind.BLOCK, named.requester)})


def blank_answers(session: Session, row: ErasureRow, *, after: str) -> str | None:
    """Blank those of the next kept answers that name the person; return after which to go on, None at the end."""
    named = traces(row)
    ids = (*named.ids, *([] if named.requester is None else [named.requester]))
    blanked, after_next = erasing.blank_answers(session, row.client_no, ids, after=after)
    _count(row, {"answers_blanked": blanked})
    return after_next


def strip_events(session: Session, row: ErasureRow, *, after: int) -> int | None:
    """Take the person's ids out of the next events; return after which to go on, None at the end."""
    named = traces(row)
    stripped, after_next = erasing.strip_events(session, row.client_no, name=named.link, ids=named.ids, after=after)
    _count(row, {"events_stripped": stripped})
    return after_next


def replace_texts(session: Session, row: ErasureRow, run_no: int, *, problem: bytes | None, plan: bytes | None) -> None:
    """Write the problem and the plan of a run anew, without the person."""
    erasing.replace_texts(session, run_no, problem=problem, plan=plan)
    _count(row, {"problems_rewritten": int(problem is not None), "plans_rewritten": int(plan is not None)})


def finish(session: Session, row: ErasureRow, *, now: datetime) -> None:
    """Forget whom an erasure was of, and say that it is done."""
    row.status = ErasureStatus.FINISHED
    row.finished_at = now
    row.subject = None
    row.request_ids = []
    row.version += 1
    session.flush()
    told = {"status": row.status, "kind": row.kind}
    events.publish(
        session,
        EventType.ERASURE_FINISHED,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.ERASURE,
        subject_id=str(row.id),
        data=told,
    )
    audit.add(
        session,
        Action.ERASURE_FINISHED,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.ERASURE,
        subject_id=str(row.id),
        data={"kind": row.kind, "subject": f"erased:{row.subject_hash}"},
    )


def _erase_volunteer(session: Session, row: ErasureRow, subject: str, now: datetime) -> None:
    volunteer = volunteers.find(session, row.client_no, subject, regions=EVERYWHERE)
    if volunteer is None:
        return
    # It locks the requests before the volunteer, as everywhere.
    offers.withdraw_of_volunteer(session, volunteer, reason=WithdrawReason.ERASED, now=now)
    session.flush()
    _count(row, erasing.unlink(session, volunteer.no))
    _count(row, erasing.delete_volunteer(session, volunteer.no))


def _erase_requests(session: Session, row: ErasureRow, found: Sequence[RequestRow], now: datetime) -> None:
    for each in found:
        offers.withdraw_of_request(session, each, reason=WithdrawReason.ERASED, now=now)
    session.flush()
    row.request_ids = sorted({*row.request_ids, *(each.external_id for each in found)})
    _count(row, erasing.forget_requests(session, [each.no for each in found]))


def _region(session: Session, principal: Principal, kind: ErasureKind, subject: str) -> str:
    """Return where somebody belongs.

    Raises
    ------
    NotFoundError
        If there is nobody with this id in the principal's regions.
    """
    client_no, regions = principal.client_no, principal.regions
    region: str | None = None
    match kind:
        case ErasureKind.VOLUNTEER:
            volunteer = volunteers.find(session, client_no, subject, regions=regions)
            region = None if volunteer is None else volunteer.region
        case ErasureKind.REQUEST:
            found = requests.find(session, client_no, subject, regions=regions)
            region = None if found is None else found.region
        case ErasureKind.REQUESTER:
            region = erasing.find_region_of_requester(session, client_no, subject, regions=regions)
    if region is None:
        raise NotFoundError(_NOBODY)
    return region


def _hash(session: Session, client_no: int, kind: ErasureKind, subject: str) -> str:
    return hmac.new(erasures.secret(session, client_no), f"{kind}:{subject}".encode(), hashlib.sha256).hexdigest()


def _count(row: ErasureRow, counts: Mapping[str, int]) -> None:
    before: Mapping[str, int] = row.receipt
    row.receipt = {**before, **{name: before.get(name, 0) + count for name, count in counts.items()}}
