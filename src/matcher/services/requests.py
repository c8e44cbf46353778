"""Help requests: pushed by client systems under their own ids, verified, changed, and closed with a reason."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from matcher.domain import changes
from matcher.domain.access import Principal
from matcher.domain.errors import MatcherError, NotFoundError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.offers import HOLDING, OfferStatus, RequestClosedError, TransitionError, WithdrawReason
from matcher.domain.requests import FINAL, CloseReason, RequestStatus
from matcher.domain.windows import Interval
from matcher.services import offers, standings, steps, upserts
from matcher.services.standings import Standing
from matcher.services.steps import Actor, Taken
from matcher.services.upserts import Content, Effect, Result
from matcher.storage import events, requests, scopes
from matcher.storage.database import Session
from matcher.storage.events import Event
from matcher.storage.pages import Cursor, Page
from matcher.storage.requests import RequestContent, RequestFilter, RequestRow

__all__ = ["cancel", "get", "list_page", "show", "upsert_many", "verify"]


def upsert_many(
    session: Session,
    principal: Principal,
    contents: Sequence[RequestContent],
    now: datetime,
    *,
    versions: Collection[int] | None = None,
) -> list[Result]:
    """Create or replace requests, and return what came of each, in their order.

    What one item does wrong keeps no other from being written. Of a request that somebody has
    promised to serve, what they rely on stays: their place, their time.

    Parameters
    ----------
    versions
        Only requests of one of these versions are changed; None stands for any.
    """
    results = upserts.write(session, principal, requests.UPSERT, contents, named=_named, versions=versions, now=now)
    told = []
    for place, (content, result) in enumerate(zip(contents, results, strict=True)):
        match result.effect:
            case Effect.CREATED | Effect.UPDATED:
                told.append(_pushed(principal, content, result))
            case Effect.HELD if versions is None or result.version in versions:
                results[place] = _try_to_change(session, principal, content, now)
    events.publish_many(session, told)
    return results


def get(session: Session, principal: Principal, external_id: str) -> RequestRow:
    """Return a request.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(requests.find(session, principal.client_no, external_id, regions=principal.regions))


def show(session: Session, principal: Principal, external_id: str) -> RequestRow:
    """Return what is shown of a request; it has the names of the row, and cannot be changed.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(requests.find_shown(session, principal.client_no, external_id, regions=principal.regions))


def list_page(
    session: Session, principal: Principal, wanted: RequestFilter, *, cursor: Cursor | None, limit: int
) -> Page[RequestRow]:
    """Return a page of the requests within the principal's regions, by region and id."""
    return requests.list_page(
        session, principal.client_no, wanted, regions=principal.regions, cursor=cursor, limit=limit
    )


def verify(session: Session, principal: Principal, external_id: str, *, now: datetime) -> RequestRow:
    """Say that a request is what it seems to be, so that it is matched. Verifying twice is no error.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    row = _held(session, principal, external_id)
    if not row.verified:
        row.verified = True
        _change(session, row, now)
        events.publish_many(session, [_event(principal, EventType.REQUEST_VERIFIED, row)])
    return row


def cancel(
    session: Session, principal: Principal, external_id: str, *, reason: CloseReason, now: datetime
) -> RequestRow:
    """Close a request for a reason and withdraw what is out for it. Repeating it is no error.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    TransitionError
        If it is closed already, for another reason.
    """
    row = _held(session, principal, external_id)
    if row.status == RequestStatus.CANCELLED and row.closed_reason == reason:
        return row
    if row.status in FINAL:
        raise TransitionError(RequestStatus(row.status), RequestStatus.CANCELLED, ())
    offers.withdraw_of_request(session, row, reason=WithdrawReason.REQUEST_CLOSED, now=now, principal=principal)
    row.status = RequestStatus.CANCELLED
    row.closed_reason = reason
    _change(session, row, now)
    events.publish_many(session, [_event(principal, EventType.REQUEST_CANCELLED, row, reason=reason)])
    return row


def _try_to_change(session: Session, principal: Principal, content: RequestContent, now: datetime) -> Result:
    """Replace a request that offers are out for, if nothing stands against it."""
    row = get(session, principal, content["external_id"])
    with scopes.crossing(session):
        [standing] = standings.load(session, [row.no])
        standings.expire(session, [standing], now=now)
        windows = _intervals(content)
        try:
            _check_change(standing, content, windows)
        except MatcherError as error:
            return Result(Effect.REFUSED, error=error)
        requests.replace(session, row, requests.UPSERT.item(content), now=now)
        events.publish_many(session, [_event(principal, EventType.REQUEST_UPDATED, row)])
        outdated = [
            Taken(row, offer, OfferStatus.WITHDRAWN, WithdrawReason.REQUEST_CHANGED)
            for offer in standing.having(OfferStatus.OFFERED)
            if offer.role >= len(row.places) or not _fits(offer.starts_at, offer.ends_at, windows, row.duration_min)
        ]
        actor = Actor(principal)
        steps.take(session, outdated, actor, now=now)
        standings.settle(session, [standing], actor, now=now)
    return Result(Effect.UPDATED, row.version)


def _check_change(standing: Standing, content: RequestContent, windows: Sequence[Interval] | None) -> None:
    if standing.request.status in FINAL:
        raise RequestClosedError
    changes.check_places(standing.request.taken, content["places"])
    promised = [
        (offer.starts_at, offer.ends_at)
        for offer in standing.having(*HOLDING)
        if offer.starts_at is not None and offer.ends_at is not None
    ]
    changes.check_times(promised, windows, content["duration_min"])


def _fits(start: datetime | None, end: datetime | None, windows: Sequence[Interval] | None, duration_min: int) -> bool:
    """Tell whether an offer holds that nobody has answered yet; one without a time does for a request without one."""
    if start is None or end is None:
        return windows is None
    return changes.fits(start, end, windows, duration_min)


def _intervals(content: RequestContent) -> list[Interval] | None:
    if content["windows"] is None:
        return None
    return [
        Interval(datetime.fromisoformat(window["start"]), datetime.fromisoformat(window["end"]))
        for window in content["windows"]
    ]


def _held(session: Session, principal: Principal, external_id: str) -> RequestRow:
    return _found(requests.find_for_update(session, principal.client_no, external_id, regions=principal.regions))


def _change(session: Session, row: RequestRow, now: datetime) -> None:
    row.version += 1
    row.updated_at = now
    session.flush()


def _pushed(principal: Principal, content: RequestContent, result: Result) -> Event:
    is_new = result.effect is Effect.CREATED
    return Event(
        type=EventType.REQUEST_CREATED if is_new else EventType.REQUEST_UPDATED,
        client_no=principal.client_no,
        region=content["region"],
        subject_kind=SubjectKind.REQUEST,
        subject_id=content["external_id"],
        key_no=principal.key_no,
        # What is written in the simple way has no offers.
        data={"status": RequestStatus.OPEN, "version": result.version},
    )


def _event(principal: Principal, type_: EventType, row: RequestRow, **more: str) -> Event:
    return Event(
        type=type_,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.REQUEST,
        subject_id=row.external_id,
        key_no=principal.key_no,
        data={"status": row.status, "version": row.version, **more},
    )


def _named(content: Content) -> Iterator[tuple[str, str]]:
    for role, asked in enumerate(content["roles"]):
        above = f"/roles/{role}" if content["by_role"] else ""
        for place, need in enumerate(asked["skills"]):
            yield f"{above}/skills/{place}/code", need["code"]


def _found(row: RequestRow | None) -> RequestRow:
    if row is None:
        raise NotFoundError(Text(en="There is no request with this id.", zh="没有该编号的求助。"))
    return row
