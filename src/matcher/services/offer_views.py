"""Offers as they are shown: what is due has expired, and a place is a cell unless the volunteer is coming."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from matcher.domain import geo
from matcher.domain.access import Principal, Scope
from matcher.domain.geo import Point
from matcher.domain.offers import OfferStatus
from matcher.services import cells, offers, reveals
from matcher.services.cells import Cell
from matcher.services.reveals import Reveal
from matcher.storage import offers as stored
from matcher.storage import scopes
from matcher.storage.database import Session
from matcher.storage.offers import Filter, Home, OfferRow, RequestRow
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.outcomes import StepRow

__all__ = ["OfferView", "history", "list_page", "of", "reveal"]


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer as a key may see it.

    ``cell`` is where the request lies, None if it has no place; ``point`` is the place itself,
    where it was revealed. ``distance_m`` is measured to whichever of the two is shown.
    """

    offer: OfferRow
    request: RequestRow
    volunteer_id: str | None
    run_id: UUID | None
    status: OfferStatus
    version: int
    cell: Cell | None
    point: Point | None
    distance_m: int | None


def of(session: Session, principal: Principal, found: Sequence[tuple[OfferRow, RequestRow, bool]]) -> list[OfferView]:
    """Return offers as the principal may see them, without any exact place."""
    names = _names(session, [offer for offer, _, _ in found])
    return [_view(principal, offer, request, names, None, is_due=is_due) for offer, request, is_due in found]


def reveal(
    session: Session, principal: Principal, offer: OfferRow, request: RequestRow, *, is_due: bool, budget: int
) -> tuple[OfferView, Reveal]:
    """Return one offer with the exact place of its request, if the volunteer is coming or there.

    The reveal is to be checked after the commit, where an answer without the place is of no use.
    """
    shown = reveals.reveal(session, principal, offer, request, budget=budget)
    names = _names(session, [offer])
    return _view(principal, offer, request, names, shown.point, is_due=is_due), shown


def list_page(
    session: Session,
    principal: Principal,
    wanted: Filter,
    *,
    volunteer_id: str | None,
    cursor: Cursor | None,
    limit: int,
) -> Page[OfferView]:
    """Return a page of the offers within the principal's regions, the oldest first."""
    if volunteer_id is not None:
        with scopes.crossing(session):
            volunteer = stored.find_volunteers(session, principal.client_no, [volunteer_id]).get(volunteer_id)
        if volunteer is None:
            return Page([], None)
        wanted = wanted.of_volunteer(volunteer.no)
    page = stored.list_page(
        session, wanted, client_no=principal.client_no, regions=principal.regions, cursor=cursor, limit=limit
    )
    return Page(of(session, principal, page.rows), page.next_cursor)


def history(session: Session, principal: Principal, offer_id: UUID) -> Sequence[StepRow]:
    """Return the steps that an offer took, in order.

    Raises
    ------
    NotFoundError
        If the offer does not exist in the principal's regions.
    """
    offer, _, _ = offers.find(session, principal, offer_id)
    return stored.list_steps(session, offer.no)


@dataclass(frozen=True, slots=True)
class _Names:
    """What offers refer to, by numbers."""

    homes: Mapping[int, Home]
    run_ids: Mapping[int, UUID]


def _names(session: Session, found: Sequence[OfferRow]) -> _Names:
    # A volunteer may live across the border, and a run be that of a larger region.
    with scopes.crossing(session):
        homes = stored.homes_of(session, (offer.volunteer_no for offer in found))
        return _Names(homes, stored.run_ids(session, (offer.run_no for offer in found)))


def _view(
    principal: Principal,
    offer: OfferRow,
    request: RequestRow,
    names: _Names,
    point: Point | None,
    *,
    is_due: bool,
) -> OfferView:
    home = names.homes.get(offer.volunteer_no or 0)
    cell = None
    place = point
    if request.latitude is not None and request.longitude is not None:
        cell = cells.blur(Point(request.latitude, request.longitude))
        place = point or cell.centre
    return OfferView(
        offer=offer,
        request=request,
        volunteer_id=None if home is None else home.external_id,
        run_id=names.run_ids.get(offer.run_no or 0),
        # The step itself is written down when somebody next touches the offer; its version is known already.
        status=OfferStatus.EXPIRED if is_due else OfferStatus(offer.status),
        version=offer.version + is_due,
        cell=cell,
        point=point,
        distance_m=_distance_m(principal, home, place),
    )


def _distance_m(principal: Principal, home: Home | None, place: Point | None) -> int | None:
    """Return how far a volunteer lives from a place that is shown; their home is not told across the border."""
    if home is None or place is None or home.latitude is None or home.longitude is None:
        return None
    if not principal.covers(home.region):
        return None
    lives = Point(home.latitude, home.longitude)
    # Exact distances to several places would tell where somebody lives.
    return geo.great_circle_m(lives if Scope.VOLUNTEERS_READ in principal.scopes else cells.blur(lives).centre, place)
