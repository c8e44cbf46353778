"""Every operation asks for a key with its scope: read out of the description, so that none is forgotten."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

import rows
from matcher.api import openapi
from matcher.domain.access import Scope
from matcher.storage import database
from running import RunningService

# These answer anybody, or anybody while the service is set so: whoever adds one says why here.
OPEN = {
    "createToken",  # it is where keys are shown
    "deleteMatchResult",  # whoever knows its id
    "getLiveness",
    "getMatchResult",
    "getMetrics",
    "getReadiness",
    "matchProblem",  # nothing is stored
}

Operation = tuple[str, str, dict[str, Any]]


def operations() -> list[Operation]:
    """Return method, path and description of every operation."""
    paths = openapi.describe()["paths"]
    return [(method, path, operation) for path, item in paths.items() for method, operation in item.items()]


def is_open(operation: dict[str, Any]) -> bool:
    return {} in operation["security"] or not operation["security"]


def scope_of(operation: dict[str, Any]) -> Scope | None:
    scopes = next(iter(operation["security"][0].values()))
    return Scope(scopes[0]) if scopes else None


def ids(operation: Operation) -> str:
    return str(operation[2]["operationId"])


CLOSED = [operation for operation in operations() if not is_open(operation[2])]
SCOPED = [operation for operation in CLOSED if scope_of(operation[2])]


def call(client: httpx.Client, method: str, path: str) -> httpx.Response:
    return client.request(method, re.sub(r"\{\w+\}", "1", path))


@pytest.fixture(scope="module")
def without(service: RunningService, data_dir: Path) -> Iterator[dict[Scope, httpx.Client]]:
    """Give, for each scope, a client whose key has all the others."""
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        client_no = rows.client(session)
        others = {scope: tuple(other for other in Scope if other is not scope) for scope in Scope}
        secrets = {scope: rows.key(session, client_no, scopes=others[scope])[0] for scope in Scope}
    with ExitStack() as opened:
        yield {
            scope: opened.enter_context(
                httpx.Client(base_url=service.client.base_url, headers={"authorization": f"Bearer {secret}"})
            )
            for scope, secret in secrets.items()
        }


def test_no_operation_is_open_by_oversight() -> None:
    assert {ids(operation) for operation in operations() if is_open(operation[2])} == OPEN


@pytest.mark.parametrize("operation", CLOSED, ids=ids)
def test_an_operation_without_a_key_is_refused(service: RunningService, operation: Operation) -> None:
    answer = call(service.client, operation[0], operation[1])
    assert (answer.status_code, answer.json()["code"]) == (401, "missing-key")


@pytest.mark.parametrize("operation", SCOPED, ids=ids)
def test_an_operation_without_its_scope_is_refused(without: dict[Scope, httpx.Client], operation: Operation) -> None:
    scope = scope_of(operation[2])
    assert scope is not None
    answer = call(without[scope], operation[0], operation[1])
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
    assert scope in answer.json()["detail"]
