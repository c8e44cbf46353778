"""``POST /v1/match`` where the service is set so that it needs a key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import rows
from matcher.api.app import create_app
from matcher.domain.access import Scope
from matcher.settings import Settings
from matcher.storage import database


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[TestClient]:
    app = create_app(Settings(data_dir=data_dir, kernels=False, solver_workers=1, match_needs_key=True))
    with TestClient(app) as started:
        yield started


def a_key(data_dir: Path, scope: Scope) -> dict[str, str]:
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        return {"authorization": f"Bearer {rows.key(session, rows.client(session), scopes=(scope,))[0]}"}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/match"), ("GET", "/v1/match/results/x"), ("DELETE", "/v1/match/results/x")]
)
def test_without_a_key_nothing_is_matched(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "missing-key")


def test_a_key_needs_the_scope(client: TestClient, data_dir: Path) -> None:
    answer = client.post("/v1/match", headers=a_key(data_dir, Scope.OFFERS_READ))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")


def test_a_key_with_the_scope_is_let_in(client: TestClient, data_dir: Path) -> None:
    headers = a_key(data_dir, Scope.MATCH) | {"content-type": "application/json"}
    answer = client.post("/v1/match", content="no JSON", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")
