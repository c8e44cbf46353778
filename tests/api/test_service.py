"""The running service: what every answer has, and what is refused before any problem is read."""

import re
import socket
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from matcher.api import examples
from running import RunningService

PROBLEM = examples.PROBLEMS["two-requests"]["value"]
JSON = {"content-type": "application/json"}


def test_it_lives_and_is_ready(service: RunningService) -> None:
    assert service.client.get("/health/live").json() == {"status": "live"}
    assert service.client.get("/health/ready").json() == {"status": "ready"}


def test_a_problem_is_answered_with_a_plan(service: RunningService) -> None:
    plan = service.match(PROBLEM).raise_for_status().json()
    (assignment,) = plan["assignments"]
    assert (assignment["request_id"], assignment["volunteer_id"]) == ("r1", "v1")
    assert assignment["start"] == "2026-11-24T09:00:00+08:00"
    (unassigned,) = plan["unassigned"]
    assert unassigned["request_id"] == "r2"
    assert [reason["code"] for reason in unassigned["reasons"]] == ["skill-missing"]


def test_the_plan_of_the_description_is_the_plan_of_its_problem(service: RunningService) -> None:
    shown = deepcopy(examples.PLANS["two-requests"]["value"])
    given = service.match(PROBLEM).raise_for_status().json()
    for plan in (shown, given):
        for varying in ("timings_s", "backend", "iterations"):
            del plan["summary"][varying]
    assert given == shown


@pytest.mark.parametrize(
    "body", ["{}", '{"requests": [], "volunteers": []}', " {\n} "], ids=["nothing", "lists", "space"]
)
def test_an_empty_problem_is_an_empty_plan(service: RunningService, body: str) -> None:
    plan = service.client.post("/v1/match", content=body, headers=JSON).raise_for_status().json()
    assert (plan["assignments"], plan["unassigned"], plan["summary"]["proof"]) == ([], [], "optimal")


def test_a_request_that_nobody_can_serve_is_an_answer(service: RunningService) -> None:
    plan = service.match({"requests": [{"id": "r"}]}).raise_for_status().json()
    assert [left["request_id"] for left in plan["unassigned"]] == ["r"]


def test_every_answer_has_an_id_of_its_own_and_is_kept_by_nobody(service: RunningService) -> None:
    answers = [service.client.get(path) for path in ("/health/live", "/health/live", "/nothing-here")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


def test_the_callers_id_and_trace_are_kept(service: RunningService) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = service.client.get("/nothing-here", headers={"x-request-id": "station-7.42", "traceparent": trace})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "station-7.42"
    assert answer.headers["traceparent"] == trace


@pytest.mark.parametrize(
    "request_id", [b"a" * 129, b"two words", b'"', "编号".encode()], ids=["long", "two", "quote", "zh"]
)
def test_an_id_that_could_do_harm_in_a_log_is_replaced(service: RunningService, request_id: bytes) -> None:
    answer = service.client.get("/health/live", headers={b"x-request-id": request_id})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not-found"),
        ("GET", "/v1/match/", 404, "not-found"),
        ("GET", "/v1/match/results/unknown", 404, "not-found"),
        ("DELETE", "/v1/match/results/unknown", 404, "not-found"),
        ("GET", "/v1/match", 405, "method-not-allowed"),
        ("PATCH", "/health/live", 405, "method-not-allowed"),
        ("GET", "/v1/match/results/unknown?wait_s=21", 422, "invalid-parameter"),
        ("GET", "/v1/match/results/unknown?wait_s=soon", 422, "invalid-parameter"),
        ("POST", "/v1/match", 415, "unsupported-media-type"),
    ],
)
def test_every_refusal_is_a_problem_in_the_callers_language(
    service: RunningService, method: str, path: str, status: int, code: str
) -> None:
    for language in ("en", "zh-CN"):
        answer = service.client.request(method, path, headers={"accept-language": language})
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["content-language"] == language
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert problem["type"] == f"urn:problem-type:matcher:{code}"
        assert problem["instance"] == path.partition("?")[0]
        assert problem["title"].isascii() == problem["detail"].isascii() == (language == "en")


def test_a_refused_method_is_told_which_are_taken(service: RunningService) -> None:
    assert service.client.get("/v1/match").headers["allow"] == "POST"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=gbk"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/problem+json"},
        {**JSON, "content-encoding": "gzip"},
        {**JSON, "content-encoding": "br"},
    ],
    ids=str,
)
def test_only_plain_json_is_taken(service: RunningService, headers: dict[str, str]) -> None:
    assert service.client.post("/v1/match", content="{}", headers=headers).status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; Charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_may_name_its_encoding(service: RunningService, kind: str) -> None:
    assert service.client.post("/v1/match", content="{}", headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (b"", 400, "malformed-json", ""),
        (b'{"requests": [}', 400, "malformed-json", ""),
        (b"\xef\xbb\xbf{}", 400, "malformed-json", ""),
        (b'{"now": "\xff"}', 400, "malformed-json", ""),
        (b"{} x", 400, "malformed-json", ""),
        (b'{"requests": [{"id": "r", "urgency": NaN}]}', 422, "invalid-problem", "/requests/0/urgency"),
        (b'{"requests": [{"id": "r", "urgency": 1e999}]}', 422, "invalid-problem", "/requests/0/urgency"),
        (b'{"requests": [{"id": "\\ud800"}]}', 422, "invalid-problem", "/requests/0/id"),
        (b'{"requests": [], "requests": []}', 422, "invalid-problem", "/requests"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422, "invalid-problem", ""),
        (b'{"requests": [{"id": "r"}, {"id": "r"}]}', 422, "invalid-problem", "/requests/1/id"),
        (b'{"phone": "13800000000"}', 422, "invalid-problem", "/phone"),
        (b"[]", 422, "invalid-problem", ""),
        (b"null", 422, "invalid-problem", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_body_is_refused_with_its_place(
    service: RunningService, body: bytes, status: int, code: str, pointer: str
) -> None:
    answer = service.client.post("/v1/match", content=body, headers=JSON)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["errors"][0]["pointer"]) == (status, code, pointer)


def test_a_refusal_repeats_neither_places_nor_phones(service: RunningService) -> None:
    body = {
        "phone": "13812345678",
        "requests": [{"id": "r", "location": {"latitude": 931.2304, "longitude": "121.47"}}],
    }
    answer = service.match(body)
    assert answer.status_code == 422
    assert not any(secret in answer.text for secret in ("13812345678", "931.2304", "121.47"))


def test_a_large_body_is_checked_in_the_solver_and_refused_alike(service: RunningService) -> None:
    body = {"requests": [{"id": f"request-{number:06d}"} for number in range(10_000)]}
    body["requests"][9_999]["id"] = "request-000000"
    answer = service.match(body, **{"accept-language": "zh-CN"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/requests/9999/id")
    assert "request-000000" in answer.json()["errors"][0]["detail"]


def test_a_body_longer_than_it_may_be_is_refused_by_its_own_word(service: RunningService) -> None:
    address = service.client.base_url
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/match HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 67108865\r\n\r\n"
        )
        head = connection.recv(65_536)
    assert head.startswith(b"HTTP/1.1 413 ")


def test_a_body_longer_than_it_may_be_is_refused_as_it_comes(service: RunningService) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(65):
            yield b" " * 2**20

    answer = service.client.post("/v1/match", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert "67108864" in answer.json()["detail"]


def test_the_description_is_served_as_it_is_kept(service: RunningService) -> None:
    kept = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text(encoding="utf-8"))
    assert service.client.get("/openapi.json").raise_for_status().json() == kept
