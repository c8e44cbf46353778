"""``POST /v1/oauth/token``: what RFC 6749 asks for, and what comes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from api.clients import a_client
from matcher.domain.access import Scope
from running import RunningService

PATH = "/v1/oauth/token"
FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def manager(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir) as client:
        yield client


@pytest.fixture(scope="module")
def made(manager: httpx.Client) -> dict[str, Any]:
    return make_key(manager)


def make_key(manager: httpx.Client) -> dict[str, Any]:
    body = {"scopes": [Scope.KEYS_MANAGE, Scope.OFFERS_READ], "regions": ["3101"]}
    answer: dict[str, Any] = manager.post("/v1/keys", json=body).raise_for_status().json()
    return answer


def credentials(made: dict[str, Any]) -> dict[str, str]:
    return {"client_id": made["id"], "client_secret": made["secret"]}


def ask(service: RunningService, form: dict[str, str], **headers: str) -> httpx.Response:
    return service.client.post(PATH, data=form, headers={"x-forwarded-for": "203.0.113.30", **headers})


def use(service: RunningService, token: str, path: str = "/v1/keys") -> httpx.Response:
    return service.client.get(path, headers={"authorization": f"Bearer {token}", "x-forwarded-for": "203.0.113.31"})


def test_a_token_stands_for_its_key(service: RunningService, made: dict[str, Any]) -> None:
    answer = ask(service, GRANT | credentials(made))
    body = answer.raise_for_status().json()
    assert (body["token_type"], body["scope"]) == ("Bearer", "keys:manage offers:read")
    assert 890 <= body["expires_in"] <= 900
    assert answer.headers["cache-control"] == "no-store"
    assert made["id"] in use(service, body["access_token"]).text


def test_the_key_may_come_by_basic_authorization(service: RunningService, made: dict[str, Any]) -> None:
    answer = service.client.post(PATH, data=GRANT, auth=(made["id"], made["secret"]))
    assert answer.status_code == 200


def test_a_token_may_be_given_fewer_scopes(service: RunningService, made: dict[str, Any]) -> None:
    token = ask(service, {**GRANT, **credentials(made), "scope": "offers:read"}).json()
    assert token["scope"] == "offers:read"
    assert use(service, token["access_token"]).json()["code"] == "scope-missing"


@pytest.mark.parametrize("scope", ["audit:read", "offers:read audit:read", "everything", "offers:read  keys:manage"])
def test_a_token_cannot_be_given_more_scopes(service: RunningService, made: dict[str, Any], scope: str) -> None:
    answer = ask(service, {**GRANT, **credentials(made), "scope": scope})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_parameter_without_a_value_is_as_good_as_none(service: RunningService, made: dict[str, Any]) -> None:
    body = f"{urlencode(GRANT | credentials(made))}&scope="
    answer = service.client.post(PATH, content=body, headers={"content-type": FORM})
    assert answer.json()["scope"] == "keys:manage offers:read"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
    ],
)
def test_what_is_no_request_for_a_token_is_refused_as_the_standard_says(
    service: RunningService, made: dict[str, Any], form: dict[str, str], error: str
) -> None:
    answer = ask(service, form | credentials(made))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"grant_type",
        b"\xff\xfe=1",
        b"grant_type=client_credentials&scope=%ff",
    ],
)
def test_a_form_that_cannot_be_read_is_refused(service: RunningService, body: bytes) -> None:
    answer = service.client.post(PATH, content=body, headers={"content-type": FORM})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_refusal_is_problem_details_as_well(service: RunningService, made: dict[str, Any]) -> None:
    body = ask(service, credentials(made), **{"accept-language": "zh-CN"}).json()
    assert (body["status"], body["code"], body["instance"]) == (400, "invalid-token-request", PATH)
    assert body["detail"] == "缺少 grant_type。"
    assert body["error_description"].isascii()


@pytest.mark.parametrize("part", ["client_id", "client_secret"])
def test_an_id_and_a_key_that_do_not_belong_together_are_refused(
    service: RunningService, manager: httpx.Client, made: dict[str, Any], part: str
) -> None:
    form = credentials(made) | {part: credentials(make_key(manager))[part]}
    answer = ask(service, GRANT | form, **{"x-forwarded-for": "203.0.113.32"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic !"}, {"authorization": "Basic eA=="}, {"authorization": "Basic //79"}]
)
def test_credentials_that_cannot_be_read_are_refused(service: RunningService, headers: dict[str, str]) -> None:
    answer = ask(service, GRANT, **{"x-forwarded-for": "203.0.113.33"}, **headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_key_that_comes_in_two_ways_is_refused(service: RunningService, made: dict[str, Any]) -> None:
    answer = service.client.post(PATH, data=GRANT | credentials(made), auth=(made["id"], made["secret"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_token_dies_with_its_key(service: RunningService, manager: httpx.Client) -> None:
    made = make_key(manager)
    token = ask(service, GRANT | credentials(made)).json()["access_token"]
    assert use(service, token).status_code == 200
    manager.post(f"/v1/keys/{made['id']}/revoke").raise_for_status()
    assert use(service, token).json()["code"] == "invalid-key"


def test_a_revoked_key_gets_no_token(service: RunningService, manager: httpx.Client) -> None:
    made = make_key(manager)
    manager.post(f"/v1/keys/{made['id']}/revoke").raise_for_status()
    answer = ask(service, GRANT | credentials(made), **{"x-forwarded-for": "203.0.113.34"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_gets_no_token(service: RunningService, made: dict[str, Any]) -> None:
    token = ask(service, GRANT | credentials(made)).json()["access_token"]
    form = {**GRANT, "client_id": made["id"], "client_secret": token}
    assert ask(service, form, **{"x-forwarded-for": "203.0.113.35"}).json()["error"] == "invalid_client"


def test_whoever_guesses_has_to_wait(service: RunningService, made: dict[str, Any]) -> None:
    form = {**GRANT, "client_id": made["id"], "client_secret": "guess"}
    answers = [ask(service, form, **{"x-forwarded-for": "203.0.113.36"}) for _ in range(40)]
    assert answers[-1].status_code == 429


def test_only_a_form_is_taken(service: RunningService) -> None:
    answer = service.client.post(PATH, json=GRANT)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


def test_a_form_has_a_bounded_length(service: RunningService) -> None:
    answer = ask(service, {**GRANT, "scope": "x" * 10_000})
    assert answer.status_code == 413
