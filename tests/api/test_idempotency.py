"""A call that comes again with its key has one effect, and one answer."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

import pushed
import rows
from api.clients import a_client
from matcher.storage import database, idempotency
from matcher.storage.database import Database
from running import RunningService

CLIENT = "repeats"


@pytest.fixture(scope="module")
def connected(service: RunningService, data_dir: Path) -> Iterator[Database]:  # noqa: ARG001 - it makes the data
    with database.connect(None, data_dir) as connected:
        yield connected


@pytest.fixture(scope="module")
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=CLIENT) as client:
        yield client


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def push(client: httpx.Client, key: str | None, *names: str, region: str = "310101002", **query: Any) -> httpx.Response:
    """Push volunteers of these names."""
    body = {"volunteers": [pushed.volunteer(external_id=name, region=region) for name in names]}
    headers = {} if key is None else {"idempotency-key": key}
    return client.post("/v1/volunteers/batch", json=body, params=query, headers=headers)


def count_kept(connected: Database, key: str) -> int:
    with connected.begin() as session:
        statement = text("SELECT count(*) FROM idempotency WHERE key = :key")
        return int(session.execute(statement, {"key": key}).scalar_one())


def test_the_same_call_gets_the_same_answer(client: httpx.Client, key: str) -> None:
    first = push(client, key, f"v-{key}")
    again = push(client, key, f"v-{key}")
    assert first.json()["results"][0]["effect"] == "created"
    assert again.content == first.content
    assert again.status_code == first.status_code == 207
    assert again.headers["content-type"] == first.headers["content-type"]


def test_only_an_answer_that_was_given_before_says_so(client: httpx.Client, key: str) -> None:
    assert "idempotency-replayed" not in push(client, key, f"v-{key}").headers
    assert push(client, key, f"v-{key}").headers["idempotency-replayed"] == "true"


def test_without_a_key_a_call_has_its_effect_each_time(client: httpx.Client, key: str) -> None:
    push(client, None, f"v-{key}")
    assert push(client, None, f"v-{key}").json()["results"][0]["effect"] == "unchanged"


def test_a_key_is_refused_for_another_body(client: httpx.Client, key: str) -> None:
    push(client, key, f"v-{key}")
    answer = push(client, key, f"w-{key}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency-key-reused"
    assert client.get(f"/v1/volunteers/w-{key}").status_code == 404


def test_a_key_is_refused_for_another_query(client: httpx.Client, key: str) -> None:
    push(client, key, f"v-{key}")
    assert push(client, key, f"v-{key}", crs="wgs84").status_code == 422


def test_a_key_is_refused_for_another_operation(client: httpx.Client, key: str) -> None:
    push(client, key, f"v-{key}")
    body = {"requests": [pushed.request(external_id=f"r-{key}")]}
    answer = client.post("/v1/requests/batch", json=body, headers={"idempotency-key": key})
    assert answer.status_code == 422


def test_an_answer_is_not_given_to_a_key_that_reaches_less_far(
    service: RunningService, data_dir: Path, client: httpx.Client, key: str
) -> None:
    push(client, key, f"v-{key}")
    with a_client(service, data_dir, client_id=CLIENT, regions=("310104",)) as narrow:
        assert push(narrow, key, f"v-{key}").status_code == 422


def test_two_client_systems_may_use_the_same_key(
    service: RunningService, data_dir: Path, client: httpx.Client, key: str
) -> None:
    push(client, key, f"v-{key}")
    with a_client(service, data_dir) as other:
        answer = push(other, key, f"v-{key}")
    assert answer.json()["results"][0]["effect"] == "created"
    assert "idempotency-replayed" not in answer.headers


def test_a_call_that_was_refused_may_come_again_in_another_form(client: httpx.Client, key: str) -> None:
    assert client.post("/v1/volunteers/batch", json={}, headers={"idempotency-key": key}).status_code == 422
    assert push(client, key, f"v-{key}").status_code == 207


def test_a_key_whose_call_is_still_being_answered_has_to_wait(
    connected: Database, client: httpx.Client, key: str
) -> None:
    client_no = rows.bearer(connected, client_id=CLIENT).client_no
    with connected.begin() as session:
        assert idempotency.try_lock(session, client_no, key)
        answer = push(client, key, f"v-{key}")
        assert answer.status_code == 409
        assert answer.json()["code"] == "idempotency-key-in-use"
    assert push(client, key, f"v-{key}").status_code == 207


def test_of_calls_that_come_together_one_has_an_effect(connected: Database, client: httpx.Client, key: str) -> None:
    names = [f"{number}-{key}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: push(client, key, *names), range(16)))
    fresh = [answer for answer in answers if answer.status_code == 207 and "idempotency-replayed" not in answer.headers]
    assert len(fresh) == 1
    assert {answer.status_code for answer in answers} <= {207, 409}
    assert count_kept(connected, key) == 1


@pytest.mark.parametrize("bad", ["", "a b", "é", "x" * 256])
def test_a_key_is_a_short_word_of_plain_characters(client: httpx.Client, bad: str) -> None:
    answer = client.post(
        "/v1/volunteers/batch",
        json={"volunteers": [pushed.volunteer(external_id="v1")]},
        headers=[(b"idempotency-key", bad.encode())],
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid-parameter"
