"""``/v1/imports``, as client systems meet it."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.clients import a_client
from matcher.domain.access import Scope
from running import RunningService

NDJSON = {"content-type": "application/x-ndjson"}
CSV = {"content-type": "text/csv"}
REGION = "310101002"


@pytest.fixture
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir) as made:
        yield made


def _volunteer(number: int, **parts: Any) -> dict[str, Any]:
    return {"external_id": f"v{number}", "region": REGION, **parts}


def _lines(*items: Any) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def _start(client: httpx.Client, content: bytes, kind: str = "volunteers", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/imports", params={"kind": kind}, content=content, headers={**NDJSON, **named})


def _finish(client: httpx.Client, started: httpx.Response) -> dict[str, Any]:
    assert started.status_code == 202, started.text
    body: dict[str, Any] = started.json()
    for _ in range(6):
        body = client.get(started.headers["location"], params={"wait_s": 20}).raise_for_status().json()
        if body["status"] not in ("receiving", "running"):
            return body
    pytest.fail(f"the import did not end: {body}")


def _counts(body: dict[str, Any]) -> tuple[int, ...]:
    return tuple(body[name] for name in ("created", "updated", "unchanged", "refused"))


def _faults(client: httpx.Client, started: httpx.Response) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = client.get(f"{started.headers['location']}/faults").raise_for_status().json()["data"]
    return faults


def test_lines_become_volunteers(client: httpx.Client) -> None:
    body = _finish(client, _start(client, _lines(_volunteer(1), _volunteer(2, max_distance_km=3.0))))
    assert (body["status"], _counts(body)) == ("succeeded", (2, 0, 0, 0))
    assert client.get("/v1/volunteers/v2").json()["max_distance_km"] == 3.0


def test_what_stays_the_same_is_counted_as_unchanged(client: httpx.Client) -> None:
    _finish(client, _start(client, _lines(_volunteer(1), _volunteer(2))))
    body = _finish(client, _start(client, _lines(_volunteer(1), _volunteer(2, recent_minutes=5), _volunteer(3))))
    assert _counts(body) == (1, 1, 1, 0)


def test_of_two_lines_with_one_id_the_later_one_counts(client: httpx.Client) -> None:
    body = _finish(client, _start(client, _lines(_volunteer(1, recent_minutes=1), _volunteer(1, recent_minutes=2))))
    assert _counts(body) == (1, 1, 0, 0)
    assert client.get("/v1/volunteers/v1").json()["recent_minutes"] == 2


def test_a_table_of_a_spreadsheet_becomes_volunteers(client: httpx.Client) -> None:
    table = (
        "\ufeffexternal_id,region,latitude,location.longitude,crs,weekly,busy\r\n"
        f'v1,{REGION},31.23,121.47,wgs84,"mon,tue 09:00-18:00",\r\n'
        f'v2,{REGION},,,,,"[{{""start"": ""2026-11-24T09:00:00+08:00"", ""end"": ""2026-11-24T10:00:00+08:00""}}]"\r\n'
    )
    started = client.post("/v1/imports", params={"kind": "volunteers"}, content=table.encode(), headers=CSV)
    assert _counts(_finish(client, started)) == (2, 0, 0, 0)
    first = client.get("/v1/volunteers/v1", params={"crs": "wgs84"}).json()
    assert (first["location"]["latitude"], first["availability"]["weekly"][0]["days"]) == (31.23, ["mon", "tue"])
    assert client.get("/v1/volunteers/v2").json()["busy"][0]["start"] == "2026-11-24T01:00:00Z"


def test_a_table_becomes_requests(client: httpx.Client) -> None:
    window = "2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00"
    table = f'external_id,region,windows,requester,urgency,roles\nr1,{REGION},{window},p1,4,"[{{""count"": 2}}]"\n'
    started = client.post("/v1/imports", params={"kind": "requests"}, content=table.encode(), headers=CSV)
    assert _counts(_finish(client, started)) == (1, 0, 0, 0)
    made = client.get("/v1/requests/r1").json()
    assert (made["requester"], made["urgency"], made["windows"][0]["start"]) == ("p1", 4, "2026-11-24T01:00:00Z")


def test_a_wrong_line_is_told_with_its_place_and_keeps_no_other_out(client: httpx.Client) -> None:
    content = _lines(_volunteer(1)) + b'{"external_id": "v2",\n' + _lines(_volunteer(3, max_distance_km="far"))
    started = _start(client, content + _lines(_volunteer(4)))
    assert _counts(_finish(client, started)) == (2, 0, 0, 2)
    told = [
        (fault["line"], fault["external_id"], fault["code"], fault["pointer"]) for fault in _faults(client, started)
    ]
    assert told == [(2, None, "malformed-json", ""), (3, "v3", "wrong-type", "/max_distance_km")]


def test_a_wrong_cell_is_told_with_its_line(client: httpx.Client) -> None:
    table = f'external_id,region,recent_minutes\nv1,{REGION},many\nv2,"{REGION}"x,1\nv3,{REGION},1\n'
    started = client.post("/v1/imports", params={"kind": "volunteers"}, content=table.encode(), headers=CSV)
    assert _counts(_finish(client, started)) == (1, 0, 0, 2)
    told = [(fault["line"], fault["code"], fault["pointer"]) for fault in _faults(client, started)]
    assert told == [(2, "bad-cell", "/recent_minutes"), (3, "malformed-csv", "")]


def test_a_line_outside_the_grants_of_the_key_is_refused(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, regions=("310101",)) as client:
        started = _start(client, _lines(_volunteer(1), _volunteer(2, region="320102")))
        assert _counts(_finish(client, started)) == (1, 0, 0, 1)
        assert [fault["code"] for fault in _faults(client, started)] == ["region-outside-grant"]


def test_faults_come_as_a_table_in_the_language_of_the_caller(client: httpx.Client) -> None:
    started = _start(client, _lines(_volunteer(1, recent_minutes=-1)))
    _finish(client, started)
    location = started.headers["location"]
    table = client.get(f"{location}/faults", params={"format": "csv"}, headers={"accept-language": "zh-CN"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines() == [
        "line,external_id,code,pointer,detail",
        "1,v1,out-of-range,/recent_minutes,应不小于 0。",
    ]


def test_a_header_with_an_unknown_column_is_refused_at_once(client: httpx.Client) -> None:
    refused = client.post(
        "/v1/imports", params={"kind": "volunteers"}, content=b"external_id,name\nv1,x\n", headers=CSV
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-body")
    assert client.get("/v1/imports").json()["data"] == []


def test_a_body_of_another_kind_is_refused(client: httpx.Client) -> None:
    assert client.post("/v1/imports", params={"kind": "volunteers"}, json=[]).status_code == 415


def test_the_same_call_again_has_no_second_effect(client: httpx.Client) -> None:
    key = str(uuid4())
    first = _start(client, _lines(_volunteer(1)), idempotency_key=key)
    again = _start(client, _lines(_volunteer(1)), idempotency_key=key)
    assert (again.status_code, again.headers["location"]) == (202, first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    assert len(client.get("/v1/imports").json()["data"]) == 1


def test_other_lines_with_the_same_idempotency_key_are_refused(client: httpx.Client) -> None:
    key = str(uuid4())
    _finish(client, _start(client, _lines(_volunteer(1)), idempotency_key=key))
    refused = _start(client, _lines(_volunteer(2)), idempotency_key=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert client.get("/v1/volunteers/v2").status_code == 404


def test_a_connection_that_is_cut_leaves_a_failed_import_and_no_volunteer(client: httpx.Client) -> None:
    content = _lines(*(_volunteer(number) for number in range(5)))
    head = (
        "POST /v1/imports?kind=volunteers HTTP/1.1\r\nHost: matcher\r\nContent-Type: application/x-ndjson\r\n"
        f"Authorization: {client.headers['authorization']}\r\nContent-Length: {10 * len(content)}\r\n\r\n"
    )
    with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
        connection.sendall(head.encode() + content)
        _wait_for(client, lambda imports: len(imports) == 1)
    [failed] = _wait_for(client, lambda imports: imports[0]["status"] != "receiving")
    assert (failed["status"], failed["error"], failed["created"]) == ("failed", "upload-incomplete", 0)
    assert client.get("/v1/volunteers").json()["data"] == []


def test_an_import_that_has_ended_cannot_be_cancelled(client: httpx.Client) -> None:
    started = _start(client, _lines(_volunteer(1)))
    _finish(client, started)
    refused = client.post(f"{started.headers['location']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "import-over")


def test_an_import_is_nothing_to_another_client(service: RunningService, data_dir: Path, client: httpx.Client) -> None:
    location = _start(client, _lines(_volunteer(1))).headers["location"]
    with a_client(service, data_dir) as other:
        answers = [other.get(location), other.get(f"{location}/faults"), other.post(f"{location}/cancel")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_an_import_is_nothing_to_a_key_that_reaches_less_far(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, client_id="station", regions=("31",)) as wide:
        location = _start(wide, _lines(_volunteer(1))).headers["location"]
    with a_client(service, data_dir, client_id="station", regions=("3101",)) as narrow:
        assert narrow.get(location).status_code == 404
        assert narrow.get("/v1/imports").json()["data"] == []


def test_a_key_imports_only_what_it_may_write(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, scopes=(Scope.REQUESTS_WRITE,)) as client:
        refused = _start(client, _lines(_volunteer(1)))
    assert (refused.status_code, refused.json()["code"]) == (403, "scope-missing")


def test_an_import_that_is_known_is_not_sent_again(client: httpx.Client) -> None:
    started = _start(client, _lines(_volunteer(1)))
    _finish(client, started)
    tag = client.get(started.headers["location"]).headers["etag"]
    assert client.get(started.headers["location"], headers={"if-none-match": tag}).status_code == 304


def _wait_for(client: httpx.Client, condition: Any) -> list[dict[str, Any]]:
    for _ in range(200):
        data: list[dict[str, Any]] = client.get("/v1/imports").json()["data"]
        if condition(data):
            return data
        client.get(f"/v1/imports/{data[0]['id']}" if data else "/v1/imports", params={"wait_s": 0.1} if data else {})
    pytest.fail("it did not come to that")
