"""``/v1/audit``: who did and saw what."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.clients import a_client
from matcher.domain.access import Scope
from running import RunningService

REGION = "310101002"
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir) as made:
        yield made


def _import(client: httpx.Client, request_id: str) -> str:
    """Do something that is written down, and return of what."""
    line = b'{"external_id": "v1", "region": "310101002"}'
    started = client.post(
        "/v1/imports", params={"kind": "volunteers"}, content=line, headers={**NDJSON, "x-request-id": request_id}
    )
    return str(started.raise_for_status().json()["id"])


def test_a_line_says_who_did_what_in_which_call(client: httpx.Client) -> None:
    import_id = _import(client, "call-1")
    [line] = client.get("/v1/audit").raise_for_status().json()["data"]
    assert (line["action"], line["subject_kind"], line["subject_id"]) == ("import.started", "import", import_id)
    assert (line["request_id"], line["data"]) == ("call-1", {"kind": "volunteers", "lines": 1})
    keys = client.get("/v1/keys").raise_for_status().json()["data"]
    assert line["key_id"] == keys[0]["id"]


def test_lines_come_page_by_page_and_filtered(client: httpx.Client) -> None:
    first, second = _import(client, "call-1"), _import(client, "call-2")
    page = client.get("/v1/audit", params={"limit": 1}).json()
    rest = client.get("/v1/audit", params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert [line["subject_id"] for line in page["data"] + rest["data"]] == [first, second]
    assert rest["next_cursor"] is None
    for wanted in ({"subject_id": second}, {"since": rest["data"][0]["at"]}):
        found = client.get("/v1/audit", params=wanted).raise_for_status().json()["data"]
        assert [line["subject_id"] for line in found] == [second]
    for unwanted in ({"action": "key.revoked"}, {"until": page["data"][0]["at"]}):
        assert client.get("/v1/audit", params=unwanted).raise_for_status().json()["data"] == []


def test_what_happened_in_another_region_is_not_told(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, client_id="audited") as client:
        client.put("/v1/volunteers/v1", json={"region": REGION}).raise_for_status()
        client.delete("/v1/volunteers/v1").raise_for_status()
        assert client.get("/v1/audit", params={"action": "erasure.requested"}).json()["data"] != []
    with a_client(service, data_dir, client_id="audited", regions=("32",)) as elsewhere:
        assert elsewhere.get("/v1/audit", params={"action": "erasure.requested"}).json()["data"] == []


def test_the_trail_is_for_keys_that_may_read_it(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, scopes=(Scope.OFFERS_READ,)) as client:
        assert client.get("/v1/audit").status_code == 403
