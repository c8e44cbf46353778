"""The catalogue of skills of a client system, which its volunteers and requests name by code."""

from datetime import datetime

from matcher.domain.access import Principal
from matcher.domain.errors import MatcherError, NotFoundError, Text
from matcher.storage import scopes, skills
from matcher.storage.database import Session
from matcher.storage.pages import Cursor, Page
from matcher.storage.skills import SkillRow

__all__ = ["SkillInUseError", "add", "change", "delete", "get", "get_for_update", "list_page"]


class SkillInUseError(MatcherError):
    """A volunteer or a request names the skill."""

    code = "skill-in-use"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="Volunteers or requests name this skill. Take it from them first.",
                zh="仍有志愿者或求助使用该技能，请先将其移除。",
            )
        )


def add(
    session: Session,
    principal: Principal,
    code: str,
    *,
    label_zh: str,
    label_en: str,
    needs_certificate: bool,
    now: datetime,
) -> SkillRow | None:
    """Add a skill and return it, or None if there is one with this code."""
    return skills.add(
        session,
        principal.client_no,
        code,
        label_zh=label_zh,
        label_en=label_en,
        needs_certificate=needs_certificate,
        now=now,
    )


def change(row: SkillRow, *, label_zh: str, label_en: str, needs_certificate: bool, now: datetime) -> None:
    """Replace what is said of a skill whose row is held."""
    row.label_zh = label_zh
    row.label_en = label_en
    row.needs_certificate = needs_certificate
    row.version += 1
    row.updated_at = now


def get(session: Session, principal: Principal, code: str) -> SkillRow:
    """Return a skill.

    Raises
    ------
    NotFoundError
        If there is none with this code.
    """
    return _found(skills.find(session, principal.client_no, code))


def get_for_update(session: Session, principal: Principal, code: str) -> SkillRow:
    """Return a skill, held for the rest of the transaction: nobody begins to use it meanwhile.

    Raises
    ------
    NotFoundError
        If there is none with this code.
    """
    return _found(skills.find_for_update(session, principal.client_no, code))


def list_page(session: Session, principal: Principal, *, cursor: Cursor | None, limit: int) -> Page[SkillRow]:
    """Return a page of the catalogue, by code."""
    return skills.list_page(session, principal.client_no, cursor=cursor, limit=limit)


def delete(session: Session, principal: Principal, row: SkillRow) -> None:
    """Take a skill, whose row is held, out of the catalogue.

    Raises
    ------
    SkillInUseError
        If a volunteer or a request names it.
    """
    # The catalogue is the client's: what lies outside this key's regions counts too, for the answer alone.
    with scopes.crossing(session):
        if skills.is_used(session, principal.client_no, row.external_id):
            raise SkillInUseError
    session.delete(row)
    session.flush()


def _found(row: SkillRow | None) -> SkillRow:
    if row is None:
        raise NotFoundError(Text(en="There is no skill with this code.", zh="没有该代码的技能。"))
    return row
