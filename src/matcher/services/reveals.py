"""Who is shown an exact place, and that it is written down each time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from matcher.domain.access import Principal
from matcher.domain.audit import Action
from matcher.domain.errors import Text, TooManyRequestsError
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.geo import Point
from matcher.domain.offers import OfferStatus
from matcher.storage import audit, events
from matcher.storage.database import Session
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow

__all__ = ["ENTITLED", "Reveal", "reveal"]

# While the service lasts: before it and after it, the cell is enough.
ENTITLED: Final = frozenset({OfferStatus.ACCEPTED, OfferStatus.IN_PROGRESS})

_DAY: Final = timedelta(days=1)
# More transactions than a key can have open in all processes of a service.
_MOST_AT_ONCE: Final = 500
_RETRY_AFTER_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Reveal:
    """The exact place of a request, where it may be shown; ``is_refused`` if the key has seen too many."""

    point: Point | None
    is_refused: bool = False

    def check(self) -> None:
        """Refuse the call, after the transaction that wrote it down has committed.

        Raises
        ------
        TooManyRequestsError
            If the place was not shown because the key has seen too many.
        """
        if self.is_refused:
            raise TooManyRequestsError(
                Text(
                    en="This key has been shown as many exact places as it may see in a day. It was reported.",
                    zh="该密钥今日可查看的精确地点已达上限，已记录并上报。",
                ),
                _RETRY_AFTER_S,
            )


def reveal(session: Session, principal: Principal, offer: OfferRow, request: RequestRow, *, budget: int) -> Reveal:
    """Return the exact place of a request for the side of the volunteer who accepted, and write down that it was seen.

    Parameters
    ----------
    session
        The transaction, which must commit even if the place is refused.
    principal
        Who asks.
    offer, request
        The offer, and the request it is of.
    budget
        Of how many requests a key may see the place within a day; a request counts once, and 0 does
        not limit.
    """
    if OfferStatus(offer.status) not in ENTITLED or request.latitude is None or request.longitude is None:
        return Reveal(None)
    if budget and _is_spent(session, principal, request.external_id, budget):
        _report(session, principal, offer, request, budget)
        return Reveal(None, is_refused=True)
    audit.add(
        session,
        Action.PLACE_REVEALED,
        client_no=principal.client_no,
        region=request.region,
        subject_kind=SubjectKind.REQUEST,
        subject_id=request.external_id,
        principal=principal,
        data={"offer": str(offer.id), "status": offer.status},
    )
    return Reveal(Point(request.latitude, request.longitude))


def _is_spent(session: Session, principal: Principal, request_id: str, budget: int) -> bool:
    whose: Any = {
        "client_no": principal.client_no,
        "key_no": principal.key_no,
        "request_id": request_id,
        "within_s": _DAY,
    }
    seen = audit.count_revealed(session, **whose)
    if seen.has_request or seen.requests + _MOST_AT_ONCE < budget:
        return False
    # Near the end of the budget one transaction at a time counts; before, all of a key's would wait for each other.
    audit.lock_reveals(session, principal.key_no)
    seen = audit.count_revealed(session, **whose)
    return not seen.has_request and seen.requests >= budget


def _report(session: Session, principal: Principal, offer: OfferRow, request: RequestRow, budget: int) -> None:
    """Write the refusal down, and tell of the first of a day in the event feed."""
    is_known = audit.was_refused(session, client_no=principal.client_no, key_no=principal.key_no, within_s=_DAY)
    audit.add(
        session,
        Action.REVEAL_REFUSED,
        client_no=principal.client_no,
        region=request.region,
        subject_kind=SubjectKind.REQUEST,
        subject_id=request.external_id,
        principal=principal,
        data={"offer": str(offer.id), "budget": budget},
    )
    if is_known:
        return
    events.publish(
        session,
        EventType.KEY_REVEAL_BUDGET_EXCEEDED,
        client_no=principal.client_no,
        region=request.region,
        subject_kind=SubjectKind.KEY,
        subject_id=str(audit.find_key_id(session, principal.key_no)),
        principal=principal,
        data={"budget": budget},
    )
