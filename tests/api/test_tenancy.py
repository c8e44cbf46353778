"""Another tenant's thing is not there: every operation, every id, another client and another region."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import rows
from api.tenancy import Operation, Tenant, digest, find_leaks, find_open_ids, operations_of
from matcher.api import openapi
from matcher.domain.access import Scope
from matcher.storage import database
from matcher.storage.database import Database
from running import RunningService
from worlds import make_world

HERE, ELSEWHERE = "310101002", "310104"
OPERATIONS = operations_of(openapi.describe())
READING = [operation for operation in OPERATIONS if operation.method == "GET" and operation.parameters]


@pytest.fixture(scope="module")
def connected(data_dir: Path) -> Iterator[Database]:
    with database.connect(None, data_dir) as opened:
        yield opened


@pytest.fixture(scope="module", params=["the same client elsewhere", "another client here"])
def victim(request: pytest.FixtureRequest, service: RunningService, connected: Database) -> Iterator[Tenant]:
    """Give the one from whom nothing may come."""
    region, mark = (ELSEWHERE, "zqelsewhere") if "elsewhere" in request.param else (HERE, "zqstranger")
    with a_tenant(service, connected, region, mark) as made:
        yield made


@pytest.fixture
def attacker(service: RunningService, connected: Database, victim: Tenant) -> Iterator[Tenant]:
    """Give the one who tries, new for each operation: what one made would be taken for a leak of the next."""
    client_no = victim.client_no if victim.region == ELSEWHERE else None
    with a_tenant(service, connected, HERE, "zqattacker", client_no=client_no) as made:
        yield made


@contextmanager
def a_tenant(
    service: RunningService, connected: Database, region: str, mark: str, *, client_no: int | None = None
) -> Iterator[Tenant]:
    with connected.begin() as session:
        world = make_world(session, region, client_no=client_no, mark=mark)
        number = world["clients"]["no"]
        secret, _ = rows.key(session, number, scopes=tuple(Scope), regions=(region,))
    headers = {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=service.client.base_url, headers=headers, timeout=60) as client:
        yield Tenant(client.request, world, mark, number, region)


def test_the_harness_knows_whose_ids_every_path_holds() -> None:
    assert find_open_ids(OPERATIONS) == []


@pytest.mark.parametrize("operation", READING, ids=lambda operation: operation.name)
def test_what_is_not_there_for_others_is_there_for_its_owner(victim: Tenant, operation: Operation) -> None:
    """Else the matrix below would be content with ids that nobody can use."""
    answer = victim.call("GET", operation.path_for(victim))
    assert answer.status_code in (200, 409), answer.text


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_operation_tells_or_changes_what_is_not_the_callers(
    victim: Tenant, attacker: Tenant, connected: Database, operation: Operation
) -> None:
    by_region = victim.client_no == attacker.client_no
    before = digest(connected, victim, by_region=by_region)
    assert list(find_leaks([operation], attacker, victim)) == []
    assert digest(connected, victim, by_region=by_region) == before
