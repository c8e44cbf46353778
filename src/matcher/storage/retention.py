"""Letting go of what has been kept for long enough, a bounded number at a time, by the clock of the database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import TextClause, func, select, text, update

from matcher.domain.requests import FINAL
from matcher.storage.database import Session
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow

__all__ = ["blur", "delete_audit", "delete_events", "delete_imports", "delete_plans", "delete_problems", "list_exact"]

_PROBLEMS: Final = text("""
    DELETE FROM snapshots WHERE run_no IN (
        SELECT run_no FROM snapshots WHERE created_at < now() - :age ORDER BY created_at LIMIT :limit
    )
    RETURNING run_no
""")
_PLANS: Final = text("""
    UPDATE runs SET plan = NULL, left_out = '[]', version = version + 1, updated_at = now()
    WHERE no IN (SELECT no FROM runs WHERE plan IS NOT NULL AND finished_at < now() - :age ORDER BY no LIMIT :limit)
    RETURNING no
""")
# Their numbers grow with time, near enough: no index on the time itself.
_EVENTS: Final = text("""
    DELETE FROM events USING (SELECT no FROM events ORDER BY no LIMIT :limit) AS oldest
    WHERE events.no = oldest.no AND events.at < now() - :age
    RETURNING events.no
""")
_AUDIT: Final = text("""
    DELETE FROM audit USING (SELECT no FROM audit ORDER BY no LIMIT :limit) AS oldest
    WHERE audit.no = oldest.no AND audit.at < now() - :age
    RETURNING audit.no
""")
_IMPORTS: Final = text("""
    DELETE FROM imports
    WHERE no IN (SELECT no FROM imports WHERE finished_at < now() - :age ORDER BY no LIMIT :limit)
    RETURNING no
""")


def delete_problems(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete problems of old runs, and return of how many."""
    return _run(session, _PROBLEMS, age, limit)


def delete_plans(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete plans of old runs, and return of how many; the runs stay with their sums."""
    return _run(session, _PLANS, age, limit)


def delete_events(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete old events, and return how many."""
    return _run(session, _EVENTS, age, limit)


def delete_audit(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete old lines of the audit trail, and return how many."""
    return _run(session, _AUDIT, age, limit)


def delete_imports(session: Session, age: timedelta, *, limit: int) -> int:
    """Delete old imports with their faults, and return how many imports."""
    return _run(session, _IMPORTS, age, limit)


def list_exact(session: Session, age: timedelta, *, limit: int) -> Sequence[RequestRow]:
    """Return requests that were closed long ago and still say where the door is, locked."""
    statement = (
        select(RequestRow)
        .where(RequestRow.status.in_(FINAL), RequestRow.blurred_at.is_(None), RequestRow.updated_at < func.now() - age)
        .order_by(RequestRow.updated_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(statement).all()


def blur(session: Session, request: RequestRow, *, latitude: float | None, longitude: float | None) -> None:
    """Leave of a request's place only this, and no note; offers forget how far it was."""
    session.execute(
        update(RequestRow)
        .where(RequestRow.no == request.no)
        .values(
            latitude=latitude,
            longitude=longitude,
            note=None,
            blurred_at=func.now(),
            version=RequestRow.version + 1,
            updated_at=func.now(),
        )
    )
    session.execute(update(OfferRow).where(OfferRow.request_no == request.no).values(distance_m=None))


def _run(session: Session, statement: TextClause, age: timedelta, limit: int) -> int:
    return len(session.execute(statement, {"age": age, "limit": limit}).all())
