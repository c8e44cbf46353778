"""The matrix of tenants finds the faults that it looks for: here they are planted, one each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from sqlalchemy import text
from starlette.testclient import TestClient

import rows
from api.tenancy import Operation, Tenant, digest, find_dead_calls, find_leaks, operations_of
from matcher.api.access import Allowed
from matcher.api.app import create_app
from matcher.api.dependencies import DatabaseDep
from matcher.api.pages import PageBody
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import NotFoundError, ScopeMissingError, Text
from matcher.settings import Settings
from matcher.storage import database
from matcher.storage.database import Database
from worlds import make_world

HERE, ELSEWHERE = "310101002", "310104"
BY_ID = text("SELECT external_id, latitude FROM volunteers WHERE external_id = :external_id")
ALL = text("SELECT external_id FROM volunteers")
PAUSE = text("UPDATE volunteers SET paused = NOT paused WHERE external_id = :external_id")

planted = APIRouter(prefix="/v1/volunteers")
Reader = Annotated[Principal, Allowed(Scope.VOLUNTEERS_READ)]


@planted.get("/{external_id}/unfiltered", operation_id="readsWithoutFilter")
def read_without_filter(database: DatabaseDep, _: Reader, external_id: str) -> dict[str, Any]:
    """Forget whose row it is."""
    with database.begin() as session:
        return dict(session.execute(BY_ID, {"external_id": external_id}).mappings().one())


@planted.get("/all/unlisted", operation_id="listsWithoutFilter")
def list_without_filter(database: DatabaseDep, _: Reader, volunteer_id: str | None = None) -> PageBody[str]:
    """Forget whose rows they are."""
    with database.begin() as session:
        return PageBody(data=list(session.execute(ALL).scalars()), next_cursor=volunteer_id)


@planted.post("/{external_id}/late", operation_id="writesBeforeItRefuses")
def write_before_it_refuses(database: DatabaseDep, principal: Reader, external_id: str) -> dict[str, Any]:
    """Look too late whose row it is."""
    with database.begin() as session:
        session.execute(PAUSE, {"external_id": external_id})
    with database.begin(principal) as session:
        return found_or_refused(session, external_id)


@planted.get("/{external_id}/talkative", operation_id="tellsInItsRefusal")
def tell_in_refusal(database: DatabaseDep, principal: Reader, external_id: str) -> dict[str, Any]:
    """Say in the refusal where the volunteer lives."""
    with database.begin() as session:
        latitude = session.execute(BY_ID, {"external_id": external_id}).one().latitude
    with database.begin(principal) as session:
        return found_or_refused(session, external_id, f"Nobody at {latitude} is yours.")


@planted.get("/{external_id}/forbidden", operation_id="saysThatItIsThere")
def say_that_it_is_there(database: DatabaseDep, principal: Reader, external_id: str) -> dict[str, Any]:
    """Tell what is somebody else's from what is not there."""
    with database.begin(principal) as session:
        try:
            return found_or_refused(session, external_id)
        except NotFoundError as error:
            raise ScopeMissingError(error.detail) from None


def found_or_refused(session: database.Session, external_id: str, words: str = "Nobody.") -> dict[str, Any]:
    found = session.execute(BY_ID, {"external_id": external_id}).mappings().one_or_none()
    if found is None:
        raise NotFoundError(Text(en=words, zh=words))
    return dict(found)


OPERATIONS = operations_of(get_openapi(title="planted", version="1", routes=planted.routes))


@pytest.fixture(scope="module")
def connected(data_dir: Path) -> Iterator[Database]:
    with database.connect(None, data_dir) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[TestClient]:
    """Give a service with the planted routes."""
    app = create_app(Settings(data_dir=data_dir, kernels=False, solver_workers=1))
    app.include_router(planted)
    with TestClient(app, raise_server_exceptions=False) as started:
        yield started


@pytest.fixture(scope="module", params=["the same client elsewhere", "another client here"])
def tenants(request: pytest.FixtureRequest, client: TestClient, connected: Database) -> tuple[Tenant, Tenant]:
    """Give the one who tries, and the one from whom something comes."""
    is_same_client = "elsewhere" in request.param
    victim = a_tenant(client, connected, ELSEWHERE if is_same_client else HERE, "zqvictim")
    return a_tenant(client, connected, HERE, "zqplanter", victim.client_no if is_same_client else None), victim


def a_tenant(client: TestClient, connected: Database, region: str, mark: str, client_no: int | None = None) -> Tenant:
    with connected.begin() as session:
        world = make_world(session, region, client_no=client_no, mark=mark)
        number = world["clients"]["no"]
        secret, _ = rows.key(session, number, regions=(region,))

    def call(method: str, path: str, *, headers: dict[str, str], **parts: Any) -> Any:
        return client.request(method, path, headers={"authorization": f"Bearer {secret}", **headers}, **parts)

    return Tenant(call, world, mark, number, region)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_planted_fault_is_found(tenants: tuple[Tenant, Tenant], connected: Database, operation: Operation) -> None:
    attacker, victim = tenants
    by_region = attacker.client_no == victim.client_no
    before = digest(connected, victim, by_region=by_region)
    leaks = list(find_leaks([operation], attacker, victim))
    has_written = digest(connected, victim, by_region=by_region) != before
    assert not any("it broke" in leak for leak in leaks)
    assert bool(leaks) != has_written
    assert has_written == (operation.name == "writesBeforeItRefuses")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_planted_fault_looks_well_to_its_owner(tenants: tuple[Tenant, Tenant], operation: Operation) -> None:
    assert list(find_dead_calls([operation], tenants[0])) == []
