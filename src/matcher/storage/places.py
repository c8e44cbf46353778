"""The places of a request: taken and given back by one conditional statement each."""

from sqlalchemy import TextClause, text
from sqlalchemy.orm.attributes import set_committed_value

from matcher.storage.database import Session
from matcher.storage.tables.people import RequestRow

__all__ = ["give_back", "take"]

# Roles count from 0, arrays from 1.
_TAKE = text("""
    UPDATE requests
    SET taken[CAST(:role AS integer) + 1] = taken[CAST(:role AS integer) + 1] + 1,
        version = version + 1, updated_at = now()
    WHERE no = :no AND taken[CAST(:role AS integer) + 1] < places[CAST(:role AS integer) + 1]
      AND status IN ('open', 'planned', 'filled', 'in-progress')
    RETURNING taken, version, updated_at
""")
_GIVE_BACK = text("""
    UPDATE requests
    SET taken[CAST(:role AS integer) + 1] = taken[CAST(:role AS integer) + 1] - 1,
        version = version + 1, updated_at = now()
    WHERE no = :no AND taken[CAST(:role AS integer) + 1] > 0
    RETURNING taken, version, updated_at
""")


def take(session: Session, request: RequestRow, role: int) -> bool:
    """Take a place, and tell whether one was left."""
    return _count(session, request, role, _TAKE)


def give_back(session: Session, request: RequestRow, role: int) -> None:
    """Give a place back that was taken."""
    _count(session, request, role, _GIVE_BACK)


def _count(session: Session, request: RequestRow, role: int, statement: TextClause) -> bool:
    counted = session.execute(statement, {"no": request.no, "role": role}).mappings().one_or_none()
    if counted is None:
        return False
    for name, value in counted.items():
        set_committed_value(request, name, value)
    return True
