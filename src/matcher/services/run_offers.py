"""The offers of a run: made of its plan, counted with it, and told."""

from collections.abc import Sequence
from typing import Any, Final

from matcher.domain.events import EventType, SubjectKind
from matcher.storage import events, publishing, runs
from matcher.storage.database import Session
from matcher.storage.publishing import LeftOut, Placement, Published
from matcher.storage.runs import RunRow

__all__ = ["as_values", "make", "tell"]

# Kept with the run, for whoever looks why; how many there were is counted beside them.
_MOST_LEFT_OUT: Final = 1_000


def make(
    session: Session,
    row: RunRow,
    placements: Sequence[Placement],
    *,
    seen: Sequence[int],
    key_no: int | None,
    left_out: Sequence[LeftOut] = (),
) -> Published:
    """Make offers of those placements that still hold, for a run that is held; ``left_out`` is what did not before."""
    made = publishing.publish(
        session,
        placements,
        client_no=row.client_no,
        run_no=row.no,
        run_id=str(row.id),
        key_no=key_no,
        seen=seen,
    )
    return Published(made.offers, (*left_out, *made.left_out))


def as_values(published: Published) -> dict[str, Any]:
    """Return what the row of the run keeps of it."""
    return {
        "offer_count": published.offers,
        "left_out_count": len(published.left_out),
        "left_out": [
            {"request_id": item.request_id, "volunteer_id": item.volunteer_id, "code": item.code}
            for item in published.left_out[:_MOST_LEFT_OUT]
        ],
        "published_at": runs.CLOCK,
    }


def tell(session: Session, row: RunRow, published: Published) -> None:
    """Write the event of it."""
    events.publish(
        session,
        EventType.RUN_PUBLISHED,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.RUN,
        subject_id=str(row.id),
        data={"version": row.version, "offers": published.offers, "left_out": len(published.left_out)},
    )
