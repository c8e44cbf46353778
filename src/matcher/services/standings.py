"""A request with all its offers, locked: what follows when one of them has changed.

Everything takes its locks in one order, requests by number, then a volunteer, then offers: so two
that meet wait for each other, and never in a circle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from matcher.domain.offers import HOLDING, SERVED, OfferStatus, WithdrawReason
from matcher.domain.requests import FINAL, CloseReason, RequestStatus, Tally, status_after
from matcher.services import steps
from matcher.services.steps import Actor, Taken
from matcher.storage import events, offers
from matcher.storage.database import Session
from matcher.storage.offers import OfferRow, RequestRow, VolunteerRow

__all__ = ["Standing", "expire", "load", "load_one", "settle"]

_STAYS_TAKEN: Final = (*HOLDING, *SERVED)


@dataclass(frozen=True, slots=True)
class Standing:
    """A request and its offers, all locked; ``due`` are the numbers of those whose time to be answered is over."""

    request: RequestRow
    offers: Sequence[OfferRow]
    due: frozenset[int]

    def offer(self, no: int) -> OfferRow:
        """Return one of the offers."""
        return next(offer for offer in self.offers if offer.no == no)

    def having(self, *statuses: OfferStatus) -> list[OfferRow]:
        """Return the offers that have one of these statuses."""
        return [offer for offer in self.offers if offer.status in statuses]

    def with_offers(self, made: Sequence[OfferRow]) -> "Standing":
        """Return it with offers that were just made."""
        return Standing(self.request, [*self.offers, *made], self.due)

    @property
    def tally(self) -> Tally:
        """How the offers stand."""
        served = [0] * len(self.request.places)
        for offer in self.having(*SERVED):
            served[offer.role] += 1
        return Tally(
            places=self.request.places,
            taken=self.request.taken,
            served=served,
            offered=len(self.having(OfferStatus.OFFERED)),
            promised=len(self.having(OfferStatus.ACCEPTED)),
            present=len(self.having(OfferStatus.IN_PROGRESS)),
            min_headcount=self.request.min_headcount,
            by_role=self.request.by_role,
        )


def load(session: Session, request_nos: Iterable[int], *, skip_locked: bool = False) -> list[Standing]:
    """Lock requests and their offers."""
    requests = offers.lock_requests(session, request_nos, skip_locked=skip_locked)
    return _with_offers(session, requests)


def load_one(session: Session, request_no: int, volunteer_no: int | None) -> tuple[Standing, VolunteerRow | None]:
    """Lock a request, a volunteer, and the offers of the request."""
    requests = offers.lock_requests(session, [request_no])
    volunteer = None if volunteer_no is None else offers.lock_volunteer(session, volunteer_no)
    (standing,) = _with_offers(session, requests)
    return standing, volunteer


def expire(session: Session, standings: Sequence[Standing], *, now: datetime) -> int:
    """Let offers whose time is over expire, and return how many did."""
    due = [
        Taken(standing.request, offer, OfferStatus.EXPIRED)
        for standing in standings
        for offer in standing.having(OfferStatus.OFFERED)
        if offer.no in standing.due
    ]
    steps.take(session, due, steps.NOBODY, now=now)
    return len(due)


def settle(session: Session, standings: Sequence[Standing], actor: Actor, *, now: datetime) -> None:
    """Withdraw the offers that have become useless, and bring the status of requests up to date."""
    useless = [each for standing in standings for each in _useless(standing)]
    steps.take(session, useless, Actor(actor.principal), now=now)
    changed = [standing.request for standing in standings if _bring_up_to_date(standing, now)]
    session.flush()
    events.publish_many(session, [steps.tell_of_request(request, actor) for request in changed])


def _with_offers(session: Session, requests: Sequence[RequestRow]) -> list[Standing]:
    found = offers.lock_of_requests(session, (request.no for request in requests))
    return [
        Standing(
            request,
            [offer for offer, _ in found.get(request.no, ())],
            frozenset(offer.no for offer, is_due in found.get(request.no, ()) if is_due),
        )
        for request in requests
    ]


def _useless(standing: Standing) -> Iterable[Taken]:
    request = standing.request
    status = status_after(RequestStatus(request.status), standing.tally)
    starts = {offer.starts_at for offer in standing.having(*_STAYS_TAKEN)}
    for offer in standing.having(OfferStatus.OFFERED):
        if status in FINAL:
            reason = WithdrawReason.REQUEST_CLOSED
        elif request.taken[offer.role] >= request.places[offer.role]:
            reason = WithdrawReason.FILLED
        elif starts and offer.starts_at not in starts:
            reason = WithdrawReason.START_DIFFERS
        else:
            continue
        yield Taken(request, offer, OfferStatus.WITHDRAWN, reason)


def _bring_up_to_date(standing: Standing, now: datetime) -> bool:
    """Give a request the status that follows from its offers, and tell whether it changed."""
    request = standing.request
    status = status_after(RequestStatus(request.status), standing.tally)
    if status == request.status:
        return False
    request.status = status
    request.closed_reason = CloseReason.FULFILLED if status is RequestStatus.COMPLETED else None
    request.version += 1
    request.updated_at = now
    return True
