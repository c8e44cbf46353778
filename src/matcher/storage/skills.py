"""The skills of a client's catalogue in the database."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, exists, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from matcher.storage import pages
from matcher.storage.database import Session
from matcher.storage.pages import Cursor, Page
from matcher.storage.tables.people import RequestRow, SkillRow, VolunteerRow

__all__ = ["SkillRow", "add", "find", "find_for_update", "hold_known", "is_used", "list_page"]

_HOLD_KNOWN = text("""
    SELECT external_id FROM skills
    WHERE client_no = :client_no AND external_id = ANY(CAST(:codes AS text[])) FOR KEY SHARE
""")


def hold_known(session: Session, client_no: int, codes: Collection[str]) -> set[str]:
    """Return which of the codes are in the catalogue; they stay there until the transaction ends."""
    return set(session.execute(_HOLD_KNOWN, {"client_no": client_no, "codes": list(codes)}).scalars())


def add(
    session: Session, client_no: int, code: str, *, label_zh: str, label_en: str, needs_certificate: bool, now: datetime
) -> SkillRow | None:
    """Add a skill and return it, or None if there is one with this code."""
    statement = (
        insert(SkillRow)
        .values(
            client_no=client_no,
            external_id=code,
            label_zh=label_zh,
            label_en=label_en,
            needs_certificate=needs_certificate,
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing()
        .returning(SkillRow)
    )
    return session.scalars(statement).one_or_none()


def find(session: Session, client_no: int, code: str) -> SkillRow | None:
    """Return a skill."""
    return session.scalars(_one(client_no, code)).one_or_none()


def find_for_update(session: Session, client_no: int, code: str) -> SkillRow | None:
    """Return a skill, held for the rest of the transaction: nothing that names it is written meanwhile."""
    return session.scalars(_one(client_no, code).with_for_update()).one_or_none()


def list_page(session: Session, client_no: int, *, cursor: Cursor | None, limit: int) -> Page[SkillRow]:
    """Return a page of the skills of a client, by code."""
    statement = select(SkillRow).where(SkillRow.client_no == client_no)
    rows = session.scalars(pages.after(statement, (SkillRow.external_id,), cursor, limit=limit)).all()
    return pages.cut(rows, limit=limit, key=lambda row: (row.external_id,))


def is_used(session: Session, client_no: int, code: str) -> bool:
    """Tell whether a volunteer or a request names a skill."""
    names = [
        exists().where(row.client_no == client_no, row.skill_codes.contains([code]))
        for row in (VolunteerRow, RequestRow)
    ]
    return bool(session.scalar(select(or_(*names))))


def _one(client_no: int, code: str) -> Select[SkillRow]:
    return select(SkillRow).where(SkillRow.client_no == client_no, SkillRow.external_id == code)
