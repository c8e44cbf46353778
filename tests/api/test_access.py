"""Who may call, and how the others are refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

import rows
from api.clients import a_client
from make import NOW
from matcher.api import access, openapi
from matcher.api.access import Allowed, Open, UndeclaredRouteError
from matcher.domain import keys
from matcher.domain.access import Principal, Scope
from matcher.domain.keys import SecretKind
from matcher.storage import database
from running import RunningService

PATH = "/v1/regions/31"


@pytest.fixture(scope="module")
def caller(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir) as client:
        yield client


@pytest.fixture(scope="module")
def reader(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, scopes=(Scope.VOLUNTEERS_READ,)) as client:
        yield client


def secret_of(client: httpx.Client) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


def ask(service: RunningService, authorization: str, *, address: str = "203.0.113.1") -> httpx.Response:
    """Call as somebody from elsewhere: an address that guesses is refused, and the tests share theirs."""
    return service.client.get(PATH, headers={"authorization": authorization, "x-forwarded-for": address})


def test_a_key_opens_a_route(caller: httpx.Client) -> None:
    assert caller.get(PATH).status_code == 200


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "Bearer "])
def test_the_kind_of_authorization_is_read_in_any_case(
    service: RunningService, caller: httpx.Client, kind: str
) -> None:
    assert ask(service, f"{kind} {secret_of(caller)}").status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic bWs6bWs="])
def test_without_a_key_a_caller_is_asked_for_one(service: RunningService, authorization: str) -> None:
    answer = ask(service, authorization)
    assert (answer.status_code, answer.json()["code"]) == (401, "missing-key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="matcher"'


@pytest.mark.parametrize(
    "secret",
    ["xyzzy", "mk_live_", "mt_live_0", keys.make(SecretKind.KEY), keys.make(SecretKind.TOKEN)],
    ids=["foreign", "empty", "cut off", "unknown key", "unknown token"],
)
def test_a_key_that_nobody_has_is_refused(service: RunningService, secret: str) -> None:
    answer = ask(service, f"Bearer {secret}", address="203.0.113.2")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-key")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert secret not in answer.json()["detail"]


def test_a_key_that_is_not_ascii_is_refused(service: RunningService) -> None:
    answer = service.client.get(PATH, headers={b"authorization": b"Bearer mk_live_\xff\xfe"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-key")


def test_an_expired_key_is_told_from_a_wrong_one(service: RunningService, data_dir: Path) -> None:
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        secret = rows.key(session, rows.client(session), expires_at=NOW.replace(year=2020))[0]
    answer = ask(service, f"Bearer {secret}", address="203.0.113.4")
    assert (answer.status_code, answer.json()["code"]) == (401, "expired-key")


def test_a_key_without_the_scope_is_told_which_one_it_needs(reader: httpx.Client) -> None:
    answer = reader.get("/v1/keys")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
    assert "keys:manage" in answer.json()["detail"]


def test_health_asks_for_no_key(service: RunningService) -> None:
    assert service.client.get("/health/live").status_code == 200


def test_whoever_guesses_has_to_wait(service: RunningService) -> None:
    answers = [ask(service, f"Bearer {keys.make(SecretKind.KEY)}", address="203.0.113.5") for _ in range(40)]
    last = answers[-1]
    assert (last.status_code, last.json()["code"]) == (429, "too-many-requests")
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert sum(answer.status_code == 401 for answer in answers) >= 30


def test_whoever_guesses_cannot_change_the_end_of_the_address(service: RunningService) -> None:
    answers = [
        ask(service, f"Bearer {keys.make(SecretKind.KEY)}", address=f"2001:db8::{number:x}") for number in range(40)
    ]
    assert answers[-1].status_code == 429


def test_a_key_in_use_is_taken_from_an_address_that_guesses(service: RunningService, caller: httpx.Client) -> None:
    secret = secret_of(caller)
    assert caller.get(PATH).status_code == 200
    for _ in range(40):
        ask(service, f"Bearer {keys.make(SecretKind.KEY)}", address="203.0.113.6")
    assert ask(service, f"Bearer {secret}", address="203.0.113.6").status_code == 200


def declared(*dependencies: Any, principal: Any = None) -> APIRoute:
    router = APIRouter(dependencies=dependencies)

    @router.get("/somewhere")
    def answer(principal: principal = None) -> None:
        """Answer."""

    route = router.routes[0]
    assert isinstance(route, APIRoute)
    return route


def test_an_application_with_an_undeclared_route_does_not_start() -> None:
    with pytest.raises(UndeclaredRouteError, match="GET /somewhere"):
        access.check_routes([declared()])


def test_a_route_cannot_be_open_and_ask_for_a_key() -> None:
    with pytest.raises(UndeclaredRouteError, match="GET /somewhere"):
        access.check_routes([declared(Open, Allowed(Scope.OFFERS_READ))])


def test_a_route_declares_its_scope_once() -> None:
    route = declared(principal=Annotated[Principal, Allowed(Scope.OFFERS_READ)])
    access.check_routes([route])
    assert access.security_of(route) == [{"key": ["offers:read"]}, {"oauth": ["offers:read"]}]


def test_every_operation_says_who_may_call_it() -> None:
    for path in openapi.describe()["paths"].values():
        for operation in path.values():
            assert isinstance(operation["security"], list), operation["operationId"]
