"""``/v1/audit``: who did and saw what. Lines are only ever added."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from matcher.api import pages, problems
from matcher.api.access import Allowed
from matcher.api.dependencies import DatabaseDep
from matcher.api.fields import TEXT_PATTERN, Instant
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.domain.access import Principal, Scope
from matcher.domain.audit import Action
from matcher.domain.events import SubjectKind
from matcher.storage import audit
from matcher.storage.audit import AuditRow, Filter

__all__ = ["AuditLine", "router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"])

_SubjectId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TEXT_PATTERN)]
_Since = Annotated[Instant | None, Query(description="Lines from then on: RFC 3339, with its offset.")]
_Until = Annotated[Instant | None, Query(description="Lines before then.")]


class AuditLine(BaseModel):
    """One line: what was done or seen, by which key, and of whom.

    `subject` is named by the caller's id, or by `erased:` and a hash once the person was erased.
    """

    id: Annotated[int, Field(description="Later lines have greater ones.")]
    at: datetime
    action: Action
    subject_kind: SubjectKind
    subject_id: str
    region: str | None
    key_id: Annotated[UUID | None, Field(description="Null: the service itself.")]
    on_behalf_of: str | None
    request_id: Annotated[str | None, Field(description="The `X-Request-Id` of the call.")]
    data: dict[str, Any] | None


@router.get(
    "",
    operation_id="listAudit",
    summary="Read the audit trail",
    responses=problems.responses("invalid-cursor", "invalid-parameter"),
)
def list_audit(
    database: DatabaseDep,
    principal: Annotated[Principal, Allowed(Scope.AUDIT_READ)],
    action: Action | None = None,
    subject_kind: SubjectKind | None = None,
    subject_id: Annotated[_SubjectId | None, Query()] = None,
    key_id: UUID | None = None,
    since: _Since = None,
    until: _Until = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> PageBody[AuditLine]:
    """List what was done and seen within the key's regions, the oldest first."""
    wanted = Filter(action, subject_kind, subject_id, key_id, since, until)
    with database.begin(principal) as session:
        page = audit.list_page(
            session,
            wanted,
            client_no=principal.client_no,
            regions=principal.regions,
            cursor=pages.read_cursor(cursor),
            limit=limit,
        )
        return PageBody(data=[_line(row, key_id) for row, key_id in page.rows], next_cursor=page.next_cursor)


def _line(row: AuditRow, key_id: UUID | None) -> AuditLine:
    return AuditLine(
        id=row.no,
        at=row.at,
        action=Action(row.action),
        subject_kind=SubjectKind(row.subject_kind),
        subject_id=row.subject_id,
        region=row.region,
        key_id=key_id,
        on_behalf_of=row.on_behalf_of,
        request_id=row.request_id,
        data=row.data,
    )
