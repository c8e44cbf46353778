"""Keeping a volunteer and a requester apart, whatever was offered before."""

from datetime import datetime

from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.offers import WithdrawReason
from matcher.services import offers
from matcher.storage import blocks, events, scopes
from matcher.storage import offers as stored
from matcher.storage.blocks import Found
from matcher.storage.database import Session
from matcher.storage.offers import VolunteerRow
from matcher.storage.pages import Cursor, Page

__all__ = ["add", "list_page", "remove"]

_NO_VOLUNTEER = Text(en="There is no such volunteer.", zh="没有该志愿者。")
_NO_BLOCK = Text(en="The two are not kept apart.", zh="双方未设置回避。")


def add(session: Session, principal: Principal, volunteer_id: str, requester: str, *, now: datetime) -> bool:
    """Keep a volunteer and a requester apart, and tell whether they were not before.

    What was offered or promised between them is withdrawn, and nothing is accepted any more.

    Raises
    ------
    NotFoundError
        If the volunteer does not exist, or lives outside the principal's regions.
    """
    volunteer = _get(session, principal, volunteer_id)
    with scopes.crossing(session):
        # Before the volunteer, as everywhere. A request that comes later finds the block.
        request_nos = blocks.list_requests_of(session, principal.client_no, requester)
        offers.withdraw_between(session, volunteer, request_nos, WithdrawReason.BLOCKED, principal, now=now)
    is_new = blocks.add(session, volunteer, requester)
    if is_new:
        _tell(session, principal, EventType.BLOCK_CREATED, volunteer, requester)
    return is_new


def remove(session: Session, principal: Principal, volunteer_id: str, requester: str) -> None:
    """Keep a volunteer and a requester apart no longer.

    Raises
    ------
    NotFoundError
        If the volunteer does not exist in the principal's regions, or the two were not kept apart.
    """
    volunteer = _get(session, principal, volunteer_id)
    if not blocks.remove(session, volunteer, requester):
        raise NotFoundError(_NO_BLOCK)
    _tell(session, principal, EventType.BLOCK_DELETED, volunteer, requester)


def list_page(
    session: Session, principal: Principal, *, volunteer_id: str | None, cursor: Cursor | None, limit: int
) -> Page[Found]:
    """Return a page of the blocks of volunteers within the principal's regions."""
    volunteer_no = None
    if volunteer_id is not None:
        volunteer = stored.find_volunteers(session, principal.client_no, [volunteer_id]).get(volunteer_id)
        if volunteer is None:
            return Page([], None)
        volunteer_no = volunteer.no
    return blocks.list_page(
        session,
        client_no=principal.client_no,
        regions=principal.regions,
        volunteer_no=volunteer_no,
        cursor=cursor,
        limit=limit,
    )


def _get(session: Session, principal: Principal, volunteer_id: str) -> VolunteerRow:
    volunteer = stored.find_volunteers(session, principal.client_no, [volunteer_id]).get(volunteer_id)
    if volunteer is None or not principal.covers(volunteer.region):
        raise NotFoundError(_NO_VOLUNTEER)
    return volunteer


def _tell(session: Session, principal: Principal, type_: EventType, volunteer: VolunteerRow, requester: str) -> None:
    events.publish(
        session,
        type_,
        client_no=volunteer.client_no,
        region=volunteer.region,
        subject_kind=SubjectKind.BLOCK,
        subject_id=requester,
        principal=principal,
        data={"volunteer_id": volunteer.external_id},
    )
