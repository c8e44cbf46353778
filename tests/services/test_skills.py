"""A skill that is being named cannot be deleted, nor one be named that is being deleted."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

import pushed
import rows
from make import NOW
from matcher.api import volunteer_body
from matcher.api.volunteer_body import VolunteerItem
from matcher.domain.access import Principal
from matcher.domain.errors import UnknownSkillError
from matcher.domain.geo import Crs
from matcher.services import skills, volunteers
from matcher.services.skills import SkillInUseError
from matcher.services.upserts import Effect, Result
from matcher.storage.database import Database, Session

CODE = "nursing"
WAIT_S = 60


@pytest.fixture
def principal(database: Database) -> Principal:
    principal = rows.bearer(database)
    with database.begin(principal) as session:
        skills.add(session, principal, CODE, label_zh="", label_en="", needs_certificate=False, now=NOW)
    return principal


def name(session: Session, principal: Principal) -> Result:
    """Push a volunteer who names the skill."""
    item = VolunteerItem.model_validate(pushed.volunteer(external_id="v1", skills=[{"code": CODE}]))
    [result] = volunteers.upsert_many(session, principal, [volunteer_body.to_content(item, Crs.GCJ02)], NOW)
    return result


def delete(session: Session, principal: Principal) -> None:
    skills.delete(session, principal, skills.get_for_update(session, principal, CODE))


def wait_for_waiter(database: Database) -> None:
    """Return once somebody waits for a lock."""
    deadline = time.monotonic() + WAIT_S
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while True:
        with database.begin() as session:
            if session.execute(waiting).scalar_one():
                return
        assert time.monotonic() < deadline


def test_a_skill_that_is_being_named_stays(database: Database, principal: Principal) -> None:
    def delete_it() -> None:
        with database.begin(principal) as session:
            delete(session, principal)

    with ThreadPoolExecutor(1) as pool:
        with database.begin(principal) as session:
            assert name(session, principal).effect is Effect.CREATED
            deleted = pool.submit(delete_it)
            wait_for_waiter(database)
        with pytest.raises(SkillInUseError):
            deleted.result()


def test_a_skill_that_is_being_deleted_cannot_be_named(database: Database, principal: Principal) -> None:
    def name_it() -> Result:
        with database.begin(principal) as session:
            return name(session, principal)

    with ThreadPoolExecutor(1) as pool:
        with database.begin(principal) as session:
            delete(session, principal)
            named = pool.submit(name_it)
            wait_for_waiter(database)
        assert isinstance(named.result().error, UnknownSkillError)


def test_two_who_name_a_skill_do_not_wait_for_each_other(database: Database, principal: Principal) -> None:
    with database.begin(principal) as first, database.begin(principal) as second:
        for session, person in ((first, "v1"), (second, "v2")):
            item = VolunteerItem.model_validate(pushed.volunteer(external_id=person, skills=[{"code": CODE}]))
            content = volunteer_body.to_content(item, Crs.GCJ02)
            assert volunteers.upsert_many(session, principal, [content], NOW)[0].effect is Effect.CREATED
