"""Another tenant's thing is not there: every operation, every id, another client and another region."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

import rows
from api.tenancy import Operation, Tenant, digest, find_dead_calls, find_leaks, find_open_ids, operations_of
from matcher.api import openapi
from matcher.domain import regions
from matcher.domain.access import Scope
from matcher.storage import database
from matcher.storage.database import Database
from running import RunningService
from worlds import make_world

HERE, ELSEWHERE = "310101002", "310104"
# One each for those of one client: what came across a border to one would be taken for a leak to the next.
STREETS = (
    street.code
    for county in regions.children("3101")
    if county.code not in (HERE[:6], ELSEWHERE)
    for street in regions.children(county.code)
)
ALL = operations_of(openapi.describe())
# The lines of an import are tried by themselves, below.
OPERATIONS = [operation for operation in ALL if operation.name != "createImport"]


@pytest.fixture(scope="module")
def connected(data_dir: Path) -> Iterator[Database]:
    with database.connect(None, data_dir) as opened:
        yield opened


@pytest.fixture(scope="module", params=["the same client elsewhere", "another client here"])
def victim(request: pytest.FixtureRequest, service: RunningService, connected: Database) -> Tenant:
    """Give the one from whom nothing may come."""
    region, mark = (ELSEWHERE, "zqelsewhere") if "elsewhere" in request.param else (HERE, "zqstranger")
    return a_tenant(service, connected, region, mark)


@pytest.fixture
def attacker(service: RunningService, connected: Database, victim: Tenant) -> Tenant:
    """Give the one who tries, new for each operation: what one made would be taken for a leak of the next."""
    if victim.region == ELSEWHERE:
        return a_tenant(service, connected, next(STREETS), "zqattacker", client_no=victim.client_no)
    return a_tenant(service, connected, victim.region, "zqattacker")


@pytest.fixture
def owner(service: RunningService, connected: Database) -> Tenant:
    return a_tenant(service, connected, HERE, "zqowner")


def a_tenant(
    service: RunningService, connected: Database, region: str, mark: str, *, client_no: int | None = None
) -> Tenant:
    with connected.begin() as session:
        world = make_world(session, region, client_no=client_no, mark=mark)
        number = world["clients"]["no"]
        secret, _ = rows.key(session, number, scopes=tuple(Scope), regions=(region,))

    def call(method: str, path: str, *, headers: Mapping[str, str] | None = None, **parts: Any) -> httpx.Response:
        shown = {"authorization": f"Bearer {secret}", **(headers or {})}
        return service.client.request(method, path, headers=shown, **parts)

    return Tenant(call, world, mark, number, region)


def test_the_harness_knows_whose_ids_every_path_holds() -> None:
    assert find_open_ids(ALL) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_with_ids_of_ones_own_the_same_calls_work(owner: Tenant, operation: Operation) -> None:
    """Else the matrix below would be content with calls that nobody can make."""
    assert list(find_dead_calls([operation], owner)) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_operation_tells_or_changes_what_is_not_the_callers(
    victim: Tenant, attacker: Tenant, connected: Database, operation: Operation
) -> None:
    by_region = victim.client_no == attacker.client_no
    before = digest(connected, victim, by_region=by_region)
    assert list(find_leaks([operation], attacker, victim)) == []
    assert digest(connected, victim, by_region=by_region) == before


@pytest.mark.parametrize("kind", ["volunteers", "requests"])
def test_no_line_of_an_import_changes_what_is_not_the_callers(
    victim: Tenant, attacker: Tenant, connected: Database, kind: str
) -> None:
    by_region = victim.client_no == attacker.client_no
    before = digest(connected, victim, by_region=by_region)
    stolen = victim.id_at((kind, "external_id"))
    lines = [{"external_id": stolen, "region": region} for region in (attacker.region, ELSEWHERE)]
    made = attacker.call(
        "POST",
        "/v1/imports",
        params={"kind": kind},
        content="\n".join(map(json.dumps, lines)),
        headers={"content-type": "application/x-ndjson"},
    )
    done = attacker.call("GET", made.headers["location"], params={"wait_s": 20}).json()
    assert done["status"] == "succeeded"
    # In another client the id is free; a region that the key does not hold for is closed everywhere.
    assert (done["created"], done["refused"]) == ((0, 2) if by_region else (1, 1))
    assert victim.mark not in attacker.call("GET", f"{made.headers['location']}/faults").text.replace(stolen, "")
    assert digest(connected, victim, by_region=by_region) == before


def test_an_idempotency_key_gets_nobody_elses_answer(victim: Tenant, attacker: Tenant) -> None:
    name = f"{victim.mark}-{uuid4()}"
    body = {"volunteers": [{"external_id": name, "region": victim.region}]}
    headers = {"idempotency-key": name}
    first = victim.call("POST", "/v1/volunteers/batch", json=body, headers=headers)
    assert first.json()["results"][0]["status"] == 201
    again = attacker.call("POST", "/v1/volunteers/batch", json=body, headers=headers)
    assert "idempotency-replayed" not in again.headers
    assert again.status_code == (422 if attacker.client_no == victim.client_no else 207)
