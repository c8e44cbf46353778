"""Offers: each step of their life, and what follows from it in the same transaction."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from matcher.domain import offers as rules
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, Text
from matcher.domain.offers import (
    CHECK_IN_EARLY,
    COUNTED,
    HOLDING,
    LIVE,
    NO_SHOW_AFTER,
    STEPS,
    Action,
    AskedAgainError,
    BlockedError,
    DeclineReason,
    FilledError,
    OfferStatus,
    RequestClosedError,
    StartDiffersError,
    TooEarlyError,
    TooLateError,
    WithdrawReason,
)
from matcher.domain.requests import FINAL
from matcher.services import commitments, records, standings, steps
from matcher.services.records import Served
from matcher.services.standings import Standing
from matcher.services.steps import Actor, Taken
from matcher.storage import offers, places, scopes
from matcher.storage.database import Session
from matcher.storage.offers import OfferRow, RequestRow, VolunteerRow

__all__ = ["expire", "find", "take", "withdraw_between", "withdraw_of_request", "withdraw_of_volunteer"]

_NOT_FOUND: Final = Text(en="There is no such offer.", zh="没有该邀约。")


@dataclass(frozen=True, slots=True)
class Try:
    """An action that is being tried; everything it touches is locked."""

    session: Session
    standing: Standing
    offer: OfferRow
    volunteer: VolunteerRow | None
    actor: Actor
    now: datetime

    @property
    def request(self) -> RequestRow:
        """The request of the offer."""
        return self.standing.request


def find(session: Session, principal: Principal, offer_id: UUID) -> tuple[OfferRow, RequestRow, bool]:
    """Return an offer, its request, and whether its time to be answered is over.

    Raises
    ------
    NotFoundError
        If the offer does not exist in the principal's regions.
    """
    found = offers.find(session, offer_id, client_no=principal.client_no, regions=principal.regions)
    if found is None:
        raise NotFoundError(_NOT_FOUND)
    return found


def take(
    session: Session,
    actor: Actor,
    offer_id: UUID,
    action: Action,
    *,
    reason: DeclineReason | None = None,
    now: datetime,
) -> tuple[OfferRow, RequestRow]:
    """Take a step of an offer, and return it with its request; one that was just taken is taken as done.

    Raises
    ------
    NotFoundError
        If the offer does not exist in the principal's regions.
    TransitionError
        If the step does not follow from where the offer is.
    RefusedStepError
        If it would, but does not hold at the moment: no place is left, it is too early, and so on.
    """
    if actor.principal is None:
        raise ValueError("a step is taken by somebody")
    principal = actor.principal
    located = offers.locate(session, offer_id, client_no=principal.client_no, regions=principal.regions)
    if located is None:
        raise NotFoundError(_NOT_FOUND)
    with scopes.crossing(session):
        standing, volunteer = standings.load_one(session, located.request_no, located.volunteer_no)
        offer = standing.offer(located.no)
        _take(Try(session, standing, offer, volunteer, actor, now), action, reason)
    return offer, standing.request


def withdraw_of_request(
    session: Session, request: RequestRow, *, reason: WithdrawReason, now: datetime, principal: Principal | None = None
) -> None:
    """Withdraw whatever is still out for a request; whoever is there already is released.

    The request is locked here, if it is not yet. Its status is the caller's matter.
    """
    with scopes.crossing(session):
        for standing in standings.load(session, [request.no]):
            _end(session, standing, standing.having(*LIVE), reason, Actor(principal), now)


def withdraw_of_volunteer(
    session: Session,
    volunteer: VolunteerRow,
    *,
    reason: WithdrawReason,
    now: datetime,
    principal: Principal | None = None,
    statuses: Collection[OfferStatus] = LIVE,
) -> None:
    """Withdraw what a volunteer was offered or has promised, and open their places again.

    Call it before anything else locks the volunteer: the requests are locked first. In the end the
    volunteer is locked, so that nothing new is accepted before the transaction ends.

    Parameters
    ----------
    volunteer
        Whose offers.
    reason
        Why they do not hold any more.
    now
        The time.
    principal
        Who asked for it.
    statuses
        Which of the live offers; a volunteer who pauses keeps promises, for instance.
    """
    with scopes.crossing(session):
        request_nos = offers.requests_of_volunteer(session, volunteer.no, statuses)
        _withdraw(session, volunteer, request_nos, reason, principal, statuses, now)
        # What came before the volunteer was locked; from then on nothing does.
        while request_nos := offers.requests_of_volunteer(session, volunteer.no, statuses):
            _withdraw(session, volunteer, request_nos, reason, principal, statuses, now)


def withdraw_between(
    session: Session,
    volunteer: VolunteerRow,
    request_nos: Collection[int],
    reason: WithdrawReason,
    principal: Principal,
    *,
    now: datetime,
) -> None:
    """Withdraw what a volunteer was offered or has promised for some requests; the volunteer is locked in the end."""
    _withdraw(session, volunteer, request_nos, reason, principal, LIVE, now)


def expire(session: Session, *, limit: int, now: datetime) -> int:
    """Let offers whose time is over expire, by the clock of the database, and return how many did.

    Requests that somebody else holds are left for the next time.
    """
    touched = standings.load(session, offers.list_due(session, limit=limit), skip_locked=True)
    expired = standings.expire(session, touched, now=now)
    standings.settle(session, touched, steps.NOBODY, now=now)
    return expired


def _take(tried: Try, action: Action, reason: DeclineReason | None) -> None:
    offer, step = tried.offer, STEPS[action]
    if offer.status == step.to:
        return
    standings.expire(tried.session, [tried.standing], now=tried.now)
    current = OfferStatus(offer.status)
    rules.check(current, step.to)
    if (prepare := _PREPARATIONS.get(action)) is not None:
        prepare(tried)
    if current in HOLDING and step.to not in COUNTED:
        places.give_back(tried.session, tried.request, offer.role)
    given = WithdrawReason.STATION if action is Action.WITHDRAW else reason
    taken = Taken(tried.request, offer, step.to, given)
    steps.take(tried.session, [taken], tried.actor, now=tried.now, volunteer=tried.volunteer)
    if (follow := _CONSEQUENCES.get(action)) is not None and tried.volunteer is not None:
        follow(tried.session, Served(offer, tried.request, tried.volunteer, tried.actor, tried.now))
    standings.settle(tried.session, [tried.standing], Actor(tried.actor.principal), now=tried.now)


def _accept(tried: Try) -> None:
    """Take a place for an offer, if the volunteer may and can come and a place is left."""
    session, offer, request = tried.session, tried.offer, tried.request
    if request.status in FINAL:
        raise RequestClosedError
    if offer.starts_at is not None and tried.now > offer.starts_at + NO_SHOW_AFTER:
        raise TooLateError
    if tried.volunteer is None:
        raise NotFoundError(_NOT_FOUND)
    if offers.is_blocked(session, tried.volunteer.no, request.requester):
        raise BlockedError
    if any(other.no != offer.no and other.volunteer_no == offer.volunteer_no for other in tried.standing.having(*LIVE)):
        raise AskedAgainError
    if any(other.starts_at != offer.starts_at for other in tried.standing.having(*COUNTED)):
        raise StartDiffersError
    promises = offers.list_promises(session, tried.volunteer.no, near=offer.starts_at)
    commitments.check(tried.volunteer, request, offer, promises)
    if not places.take(session, request, offer.role):
        raise FilledError


def _check_in(tried: Try) -> None:
    if tried.offer.starts_at is not None and tried.now < tried.offer.starts_at - CHECK_IN_EARLY:
        raise TooEarlyError


def _miss(tried: Try) -> None:
    if tried.offer.starts_at is not None and tried.now < tried.offer.starts_at + NO_SHOW_AFTER:
        raise TooEarlyError


_PREPARATIONS: Final[Mapping[Action, Callable[[Try], None]]] = {
    Action.ACCEPT: _accept,
    Action.CHECK_IN: _check_in,
    Action.NO_SHOW: _miss,
}
_CONSEQUENCES: Final[Mapping[Action, Callable[[Session, Served], object]]] = {
    Action.CHECK_OUT: records.create,
    Action.CONFIRM: records.confirm,
}


def _withdraw(
    session: Session,
    volunteer: VolunteerRow,
    request_nos: Collection[int],
    reason: WithdrawReason,
    principal: Principal | None,
    statuses: Collection[OfferStatus],
    now: datetime,
) -> None:
    touched = standings.load(session, request_nos)
    offers.lock_volunteer(session, volunteer.no)
    actor = Actor(principal)
    for standing in touched:
        theirs = [each for each in standing.having(*statuses) if each.volunteer_no == volunteer.no]
        _end(session, standing, theirs, reason, actor, now)
    standings.settle(session, touched, actor, now=now)


def _end(
    session: Session,
    standing: Standing,
    ended: Collection[OfferRow],
    reason: WithdrawReason,
    actor: Actor,
    now: datetime,
) -> None:
    """End live offers by nobody's fault."""
    for offer in ended:
        if offer.status in HOLDING:
            places.give_back(session, standing.request, offer.role)
    taken = [
        Taken(
            standing.request,
            offer,
            OfferStatus.RELEASED if offer.status == OfferStatus.IN_PROGRESS else OfferStatus.WITHDRAWN,
            reason,
        )
        for offer in ended
    ]
    steps.take(session, taken, actor, now=now)
