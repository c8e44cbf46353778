"""The event feed over HTTP: in order, by grant, and awaited."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import rows
from api.clients import a_client
from matcher.domain.events import EventType, SubjectKind
from matcher.storage import database, events
from matcher.storage.events import Event
from running import RunningService

CLIENT = "feed"


@pytest.fixture
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=CLIENT) as client:
        yield client


def happen(data_dir: Path, *subjects: str, region: str = rows.REGION, type_: EventType | None = None) -> None:
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        client_no = rows.client(session, CLIENT)
        kind = type_ or EventType.VOLUNTEER_UPDATED
        events.publish_many(
            session,
            [
                Event(kind, client_no, region, SubjectKind.VOLUNTEER, subject, data={"version": 2})
                for subject in subjects
            ],
        )


def position(client: httpx.Client) -> int:
    after: int = 0
    while (body := read(client, after, limit=1000))["data"]:
        after = body["next_after"]
    return after


def read(client: httpx.Client, after: int, **query: Any) -> dict[str, Any]:
    answer = client.get("/v1/events", params={"after": after, **query})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


def subjects(body: dict[str, Any]) -> list[str]:
    return [event["subject"]["id"] for event in body["data"]]


def test_what_happened_is_read_at_once_and_in_order(client: httpx.Client, data_dir: Path) -> None:
    after = position(client)
    happen(data_dir, "a", "b")
    happen(data_dir, "c")
    assert subjects(read(client, after)) == ["a", "b", "c"]


def test_a_full_page_is_followed_by_the_rest(client: httpx.Client, data_dir: Path) -> None:
    after = position(client)
    happen(data_dir, "a", "b", "c")
    first = read(client, after, limit=2)
    assert subjects(first) == ["a", "b"]
    assert subjects(read(client, first["next_after"], limit=2)) == ["c"]


def test_an_event_tells_what_happened_to_whom_and_where(client: httpx.Client, data_dir: Path) -> None:
    after = position(client)
    happen(data_dir, "a")
    (event,) = read(client, after)["data"]
    del event["position"], event["at"]
    assert event == {
        "type": "volunteer.updated",
        "subject": {"kind": "volunteer", "id": "a"},
        "region": rows.REGION,
        "on_behalf_of": None,
        "data": {"version": 2},
    }


def test_events_of_other_regions_and_other_clients_are_not_seen(
    client: httpx.Client, service: RunningService, data_dir: Path
) -> None:
    after = position(client)
    happen(data_dir, "near")
    happen(data_dir, "far", region="320102001")
    with a_client(service, data_dir, client_id=CLIENT, regions=("3101",)) as station:
        assert subjects(read(station, after)) == ["near"]
    with a_client(service, data_dir) as stranger:
        assert subjects(read(stranger, after)) == []


def test_types_choose(client: httpx.Client, data_dir: Path) -> None:
    after = position(client)
    happen(data_dir, "a")
    happen(data_dir, "b", type_=EventType.VOLUNTEER_PAUSED)
    assert subjects(read(client, after, types="volunteer.paused")) == ["b"]
    assert subjects(read(client, after, types=["volunteer.paused", "volunteer.updated"])) == ["a", "b"]


def test_an_unknown_type_is_refused(client: httpx.Client) -> None:
    answer = client.get("/v1/events", params={"types": "volunteer.flew"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/types/0"


def test_whoever_waits_is_answered_when_something_happens(client: httpx.Client, data_dir: Path) -> None:
    after = position(client)
    started = time.monotonic()
    later = threading.Timer(0.5, happen, [data_dir, "a"])
    later.start()
    assert subjects(read(client, after, wait_s=20)) == ["a"]
    later.join()
    # Far from the time that was asked for, on however busy a machine.
    assert time.monotonic() - started < 15


def test_whoever_waits_in_vain_is_told_where_to_go_on(client: httpx.Client) -> None:
    after = position(client)
    assert read(client, after, wait_s=0.3) == {"data": [], "next_after": after}
