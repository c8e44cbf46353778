"""What a volunteer has promised already, and whether one more promise fits."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np

from matcher.domain import geo
from matcher.domain.dispatch import TIME_ZONE
from matcher.domain.geo import Point
from matcher.domain.offers import CapacityReachedError, VolunteerBusyError
from matcher.domain.volunteers import SPEED_M_PER_H, TravelMode
from matcher.matching import distance
from matcher.storage.offers import OfferRow, Promise, RequestRow, VolunteerRow

__all__ = ["check"]


def check(volunteer: VolunteerRow, request: RequestRow, offer: OfferRow, promises: Sequence[Promise]) -> None:
    """Refuse a promise that does not fit among the others, or goes beyond what the volunteer takes on.

    Raises
    ------
    VolunteerBusyError
        If the volunteer is elsewhere then, or could not get from one place to the other in time.
    CapacityReachedError
        If a limit of the volunteer would be exceeded, in all or on the day of the service.
    """
    if any(_clash(volunteer, request, offer, other) for other in promises if other.is_to_come):
        raise VolunteerBusyError
    to_come = [other for other in promises if other.is_to_come]
    _check_limits(request, to_come, volunteer.max_assignments, volunteer.max_minutes)
    if offer.starts_at is not None:
        day = _day(offer.starts_at)
        of_day = [other for other in promises if other.starts_at is not None and _day(other.starts_at) == day]
        _check_limits(request, of_day, volunteer.max_assignments_per_day, volunteer.max_minutes_per_day)


def _clash(volunteer: VolunteerRow, request: RequestRow, offer: OfferRow, other: Promise) -> bool:
    if offer.starts_at is None or offer.ends_at is None or other.starts_at is None or other.ends_at is None:
        return False
    travel = timedelta(minutes=_travel_min(volunteer, _point(request), _point(other)))
    return offer.starts_at < other.ends_at + travel and other.starts_at < offer.ends_at + travel


def _travel_min(volunteer: VolunteerRow, start: Point | None, end: Point | None) -> int:
    if start is None or end is None:
        return 0
    speed = SPEED_M_PER_H[TravelMode(volunteer.travel_mode)]
    return int(distance.travel_min(np.int64(geo.great_circle_m(start, end)), speed))


def _point(place: RequestRow | Promise) -> Point | None:
    if place.latitude is None or place.longitude is None:
        return None
    return Point(place.latitude, place.longitude)


def _check_limits(request: RequestRow, others: Sequence[Promise], assignments: int | None, minutes: int | None) -> None:
    total = request.duration_min + sum(other.duration_min for other in others)
    if (assignments is not None and len(others) + 1 > assignments) or (minutes is not None and total > minutes):
        raise CapacityReachedError


def _day(instant: datetime) -> date:
    return instant.astimezone(TIME_ZONE).date()
