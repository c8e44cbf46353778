"""Erasing a person, searched for afterwards in every column of every table, and in every log."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from api.clients import a_client
from canaries import DIGITS, NOTE, OTHER, REGION, REQUEST, REQUESTER, VOLUNTEER, dump, erase, in_logs, live, wait
from matcher.domain.access import Scope
from matcher.storage import database as databases
from running import RunningService

Finder = Callable[..., set[tuple[str, str]]]


@pytest.fixture
def client_id() -> str:
    return f"client-{uuid4()}"


@pytest.fixture
def client(watched: RunningService, watched_dir: Path, client_id: str) -> Iterator[httpx.Client]:
    with a_client(watched, watched_dir, client_id=client_id) as made:
        yield made


@pytest.fixture
def found(watched_dir: Path, client_id: str) -> Finder:
    """Give what tells in which tables and logs which words stand."""

    def look(*words: str) -> set[tuple[str, str]]:
        with databases.connect(None, watched_dir) as database:
            seen = {(table, word) for table, row in dump(database, client_id) for word in words if word in row}
        return seen | in_logs(watched_dir, *words)

    return look


def test_a_volunteer_is_found_everywhere_before_and_nowhere_after(client: httpx.Client, found: Finder) -> None:
    ids = live(client)
    before = {table for table, _ in found(VOLUNTEER)}
    assert before >= {
        *("public.volunteers", "public.requests", "public.runs", "public.snapshots", "public.events"),
        *("public.idempotency", "public.import_faults", "public.audit"),
    }
    erasure = erase(client, f"/v1/volunteers/{VOLUNTEER}")
    assert found(VOLUNTEER, *DIGITS[:2]) == set()
    receipt = erasure["receipt"]
    assert (receipt["volunteers"], receipt["blocks"], receipt["records_unlinked"]) == (1, 1, 1)
    assert min(receipt["events_deleted"], receipt["plans_rewritten"], receipt["wishes_changed"]) >= 1
    record = client.get(f"/v1/records/{ids['record']}").json()
    assert (record["volunteer_id"], record["minutes"]) == (None, 30)
    assert client.get(f"/v1/volunteers/{OTHER}").status_code == 200
    assert client.get(f"/v1/runs/{ids['run']}/plan").json()["assignments"] == []


def test_a_requester_is_found_nowhere_after(client: httpx.Client, found: Finder) -> None:
    ids = live(client)
    erase(client, "/v1/erasures", {"kind": "requester", "id": REQUESTER})
    assert found(REQUEST, REQUESTER, NOTE, *DIGITS[2:]) == set()
    offer = client.get(f"/v1/offers/{ids['offer']}").json()
    assert (offer["volunteer_id"], offer["place"]) == (VOLUNTEER, None)
    assert offer["request_id"].startswith("erased-")


def test_a_request_that_nobody_was_asked_for_is_deleted(client: httpx.Client, found: Finder) -> None:
    body = {"region": REGION, "windows": None, "note": "canary-note-two", "requester": "canary-requester-two"}
    client.put("/v1/requests/canary-request-two", json=body).raise_for_status()
    erasure = erase(client, "/v1/requests/canary-request-two")
    assert (erasure["receipt"]["requests_deleted"], erasure["receipt"]["requests_emptied"]) == (1, 0)
    assert found("canary-request-two", "canary-requester-two", "canary-note-two") == set()


def test_an_answer_that_named_the_person_is_not_given_again(client: httpx.Client) -> None:
    body = {"volunteers": [{"external_id": "canary-volunteer-three", "region": REGION}]}
    key = {"idempotency-key": "three"}
    client.post("/v1/volunteers/batch", json=body, headers=key).raise_for_status()
    erase(client, "/v1/volunteers/canary-volunteer-three")
    again = client.post("/v1/volunteers/batch", json=body, headers=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (410, "true")
    assert again.json()["code"] == "answer-erased"
    assert client.get("/v1/volunteers/canary-volunteer-three").status_code == 404


def test_who_is_asked_to_be_erased_twice_is_erased_once(client: httpx.Client) -> None:
    client.put("/v1/volunteers/v4", json={"region": REGION}).raise_for_status()
    body = {"kind": "volunteer", "id": "v4"}
    first = client.post("/v1/erasures", json=body, headers={"idempotency-key": "four"})
    again = client.post("/v1/erasures", json=body, headers={"idempotency-key": "four"})
    assert again.headers["location"] == first.headers["location"]
    wait(client, first.headers["location"], "finished")
    assert client.delete("/v1/volunteers/v4").status_code == 404


def test_an_erasure_does_not_say_whose_it_was(client: httpx.Client) -> None:
    client.put("/v1/volunteers/canary-volunteer-five", json={"region": REGION}).raise_for_status()
    erasure = erase(client, "/v1/volunteers/canary-volunteer-five")
    listed = client.get("/v1/erasures").json()["data"]
    lines = client.get("/v1/audit", params={"subject_kind": "erasure"}).json()["data"]
    assert [each["id"] for each in listed] == [erasure["id"]]
    assert [line["action"] for line in lines] == ["erasure.requested", "erasure.finished"]
    assert "canary-volunteer-five" not in f"{erasure}{listed}{lines}"


def test_nobody_is_erased_by_a_key_that_does_not_reach_them(
    watched: RunningService, watched_dir: Path, client: httpx.Client
) -> None:
    client.put("/v1/volunteers/v6", json={"region": REGION}).raise_for_status()
    with a_client(watched, watched_dir) as other:
        assert other.delete("/v1/volunteers/v6").status_code == 404
    with a_client(watched, watched_dir, scopes=(Scope.VOLUNTEERS_WRITE,)) as unable:
        assert unable.delete("/v1/volunteers/v6").status_code == 403
    assert client.get("/v1/volunteers/v6").status_code == 200
