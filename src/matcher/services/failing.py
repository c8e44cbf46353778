"""Requests that nobody came to while there was time: closed as failed, and told with the last known reasons."""

import gzip
import json
from datetime import datetime
from typing import Final

from matcher.domain.events import EventType, SubjectKind
from matcher.domain.offers import WithdrawReason
from matcher.domain.requests import CloseReason, RequestStatus
from matcher.services import offers
from matcher.storage import events, requests, runs
from matcher.storage.database import Session
from matcher.storage.events import Event
from matcher.storage.requests import RequestRow

__all__ = ["fail_overdue", "reasons_in_plan"]

_UNVERIFIED: Final = "unverified"
# Of what a plan says of one request: a few hundred bytes for each kind of reason.
_LONGEST: Final = 65_536


def fail_overdue(session: Session, *, limit: int, now: datetime) -> int:
    """Close requests whose last window is over and to whom nobody comes, and return how many.

    Called in a transaction of the system. Requests that somebody else holds are left for the next time.
    """
    overdue = requests.hold_overdue(session, limit=limit, now=now)
    plans = _Plans(session)
    told = []
    for row in overdue:
        offers.withdraw_of_request(session, row, reason=WithdrawReason.REQUEST_CLOSED, now=now)
        row.status = RequestStatus.FAILED
        row.closed_reason = CloseReason.FAILED
        row.version += 1
        row.updated_at = now
        told.append(_event(row, plans.reasons(row) if row.verified else [_UNVERIFIED]))
    session.flush()
    events.publish_many(session, told)
    return len(overdue)


def reasons_in_plan(plan: bytes, request_id: str) -> list[str]:
    """Return why a request stays open, as codes, out of the JSON of a plan; empty if the plan does not say.

    The text is searched and not parsed: a plan of a city has megabytes, and few requests fail.
    """
    name = json.dumps(request_id, ensure_ascii=False).encode()
    start = plan.find(b'{"request_id":' + name, max(0, plan.find(b'"unassigned":[')))
    if start < 0:
        return []
    # Up to the middle of what comes behind: reading ends with the object.
    told, _ = json.JSONDecoder().raw_decode(plan[start : start + _LONGEST].decode(errors="ignore"))
    return list(dict.fromkeys(reason["code"] for reason in told.get("reasons", ())))


class _Plans:
    """The latest plans, each fetched once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run_by_region: dict[tuple[int, str], int | None] = {}
        self._plan_by_run: dict[int, bytes] = {}

    def reasons(self, row: RequestRow) -> list[str]:
        key = (row.client_no, row.region)
        if key not in self._run_by_region:
            self._run_by_region[key] = runs.find_latest(self._session, row.region, client_no=row.client_no)
        run = self._run_by_region[key]
        if run is None:
            return []
        if run not in self._plan_by_run:
            packed = runs.find_plan_by_no(self._session, run)
            self._plan_by_run[run] = b"" if packed is None else gzip.decompress(packed)
        return reasons_in_plan(self._plan_by_run[run], row.external_id)


def _event(row: RequestRow, reasons: list[str]) -> Event:
    return Event(
        type=EventType.REQUEST_FAILED,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.REQUEST,
        subject_id=row.external_id,
        data={"status": row.status, "version": row.version, "reason": row.closed_reason, "reasons": reasons},
    )
