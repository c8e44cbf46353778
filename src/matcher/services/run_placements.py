"""From the assignments of a plan to what is put to the volunteers: with the rows behind them, as they were."""

from datetime import UTC, datetime

from matcher.domain import dispatch
from matcher.domain.plans import Assignment
from matcher.services.snapshot import Snapshot
from matcher.storage.publishing import Placement

__all__ = ["placement"]


def placement(item: Assignment, made: Snapshot, now: datetime) -> Placement:
    """Return an assignment with the rows of a snapshot, and for how long an offer of it stands."""
    request, volunteer = made.requests[item.request_id], made.volunteers[item.volunteer_id]
    return Placement(
        request_id=item.request_id,
        request_no=request.no,
        request_version=request.version,
        request_content=request.content,
        volunteer_id=item.volunteer_id,
        volunteer_no=volunteer.no,
        volunteer_version=volunteer.version,
        role=item.role,
        starts_at=None if item.start is None else item.start.astimezone(UTC).isoformat(),
        ends_at=None if item.end is None else item.end.astimezone(UTC).isoformat(),
        distance_m=item.distance_m,
        travel_min=item.travel_min,
        cost=item.cost,
        cost_terms=item.cost_terms,
        lifetime_s=dispatch.lifetime(item.start, now=now).total_seconds(),
    )
