"""``/v1/skills``: the catalogue of skills that volunteers and requests name by code."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from fastapi import Body as FromBody
from pydantic import BaseModel, StringConstraints

from matcher.api import conditional, pages, people_examples, problems, responses
from matcher.api.access import Allowed
from matcher.api.conditional import IfMatch, IfNoneMatch, StaleError
from matcher.api.dependencies import DatabaseDep, NowDep
from matcher.api.fields import TEXT_PATTERN, Body
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.stored import ID_PATTERN
from matcher.api.strict import StrictRoute
from matcher.domain.access import Principal, Scope
from matcher.services import skills
from matcher.storage.skills import SkillRow

__all__ = ["CatalogueSkill", "SkillPut", "router"]

router = APIRouter(prefix="/v1/skills", tags=["skills"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed()]
_Writer = Annotated[Principal, Allowed(Scope.SKILLS_WRITE)]
_CodePath = Annotated[str, Path(min_length=1, max_length=64, pattern=ID_PATTERN)]
_Label = Annotated[str, StringConstraints(max_length=100, pattern=rf"^$|{TEXT_PATTERN}")]

_ETAG: Final = {"ETag": {"schema": {"type": "string"}}}


class SkillPut(Body):
    """A skill: what people call it, and whether it counts only with a certificate that is valid on the day."""

    label_zh: _Label = ""
    label_en: _Label = ""
    needs_certificate: bool = False


class CatalogueSkill(BaseModel):
    """A skill of the catalogue."""

    code: str
    label_zh: str
    label_en: str
    needs_certificate: bool
    version: int
    created_at: datetime
    updated_at: datetime


@router.put(
    "/{code}",
    operation_id="putSkill",
    summary="Create or replace a skill",
    response_model=CatalogueSkill,
    responses={
        200: {"description": "There before: replaced, or the same already.", "headers": _ETAG},
        201: {"model": CatalogueSkill, "description": "New.", "headers": _ETAG},
        **problems.responses(
            "malformed-json",
            "too-large",
            "unsupported-media-type",
            "invalid-body",
            "invalid-parameter",
            "if-match-missing",
            "stale",
        ),
    },
)
def put_skill(
    database: DatabaseDep,
    principal: _Writer,
    now: NowDep,
    code: _CodePath,
    body: Annotated[SkillPut, FromBody(openapi_examples=people_examples.SKILLS)],
    if_match: IfMatch = None,
) -> Response:
    """Add a skill to the client system's catalogue. The same again changes nothing; other content needs `If-Match`."""
    content = body.model_dump()
    with database.begin(principal) as session:
        added = skills.add(session, principal, code, **content, now=now)
        if added is not None:
            if if_match is not None:
                raise StaleError
            return _answer(added, status=201)
        row = skills.get_for_update(session, principal, code)
        if any(getattr(row, name) != value for name, value in content.items()):
            conditional.check(if_match, row.version)
            skills.change(row, **content, now=now)
        return _answer(row)


@router.get(
    "",
    operation_id="listSkills",
    summary="List skills",
    responses=problems.responses("invalid-cursor", "invalid-parameter"),
)
def list_skills(
    database: DatabaseDep, principal: _Reader, limit: LimitQuery = 50, cursor: CursorQuery = None
) -> PageBody[CatalogueSkill]:
    """List the client system's catalogue, by code."""
    with database.begin(principal) as session:
        page = skills.list_page(session, principal, cursor=pages.read_cursor(cursor), limit=limit)
        return PageBody(data=[_present(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/{code}",
    operation_id="getSkill",
    summary="Get a skill",
    response_model=CatalogueSkill,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter"),
    },
)
def get_skill(
    database: DatabaseDep, principal: _Reader, code: _CodePath, if_none_match: IfNoneMatch = None
) -> Response:
    """Show a skill of the catalogue."""
    with database.begin(principal) as session:
        row = skills.get(session, principal, code)
        if conditional.is_known(if_none_match, row.version):
            return conditional.not_modified(row.version)
        return _answer(row)


@router.delete(
    "/{code}",
    operation_id="deleteSkill",
    summary="Delete a skill",
    status_code=204,
    responses=problems.responses("not-found", "skill-in-use", "stale", "invalid-parameter"),
)
def delete_skill(database: DatabaseDep, principal: _Writer, code: _CodePath, if_match: IfMatch = None) -> None:
    """Take a skill that nobody names out of the catalogue."""
    with database.begin(principal) as session:
        row = skills.get_for_update(session, principal, code)
        if if_match is not None:
            conditional.check(if_match, row.version)
        skills.delete(session, principal, row)


def _answer(row: SkillRow, *, status: int = 200) -> Response:
    return responses.of(_present(row), status=status, headers={"etag": conditional.etag(row.version)})


def _present(row: SkillRow) -> CatalogueSkill:
    return CatalogueSkill(
        code=row.external_id,
        label_zh=row.label_zh,
        label_en=row.label_en,
        needs_certificate=row.needs_certificate,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
