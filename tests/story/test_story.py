"""A day of a station, from an empty folder to a checked record: every step by command or over HTTP."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

import servers
from matcher.simulation import city
from matcher.simulation.city_body import to_body
from story import commands

Body = dict[str, Any]

REGION = "410102"  # where the made-up city lies
WAIT_S = 120
# Two who are near and free right now, unlike those of the made-up city.
PLACE = {"latitude": 34.7466, "longitude": 113.6254, "crs": "wgs84"}
STATUSES = ("offered", "accepted", "in-progress", "completed", "confirmed")
SKILL: Body = {"code": "tea-ceremony", "level": 1}


def lines(bodies: list[Body]) -> bytes:
    """Return bodies as a file to be imported, in the region and with all times as if the city began now."""
    late = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - city.generate("S", 1).now

    def moved(value: Any, key: str = "") -> Any:
        match value:
            case dict():
                return {name: moved(part, name) for name, part in value.items()}
            case list():
                return [moved(part) for part in value]
            case str() if key in ("start", "end"):
                return (datetime.fromisoformat(value) + late).isoformat()
            case _:
                return value

    items = ({"external_id": body.pop("id"), "region": REGION, **moved(body)} for body in bodies)
    return "\n".join(json.dumps(item) for item in items).encode()


def until(look: Callable[[], Body], is_so: Callable[[Body], bool]) -> Body:
    """Look until something is so, and return what was seen."""
    deadline = time.monotonic() + WAIT_S
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


def pages(client: httpx.Client, path: str, **query: str) -> Iterator[Body]:
    """Yield everything that a list holds."""
    cursor: Mapping[str, str] = {}
    while True:
        page = client.get(path, params={**query, **cursor, "limit": "1000"}).raise_for_status().json()
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def feed(client: httpx.Client) -> list[Body]:
    """Return every event that a client system is told of."""
    events: list[Body] = []
    after = 0
    while (page := client.get("/v1/events", params={"after": after}).raise_for_status().json())["data"]:
        events += page["data"]
        after = page["next_after"]
    return events


@contextmanager
def a_station(data_dir: Path, url: str, name: str) -> Iterator[httpx.Client]:
    """Give a client system with a key of its own, made by command."""
    secret = commands.run(data_dir, "keys", "create", "--client", name, "--region", "41", "--all").strip()
    headers = {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def bring_in(station: httpx.Client, kind: str, bodies: list[Body]) -> Body:
    """Import a list, all of it, and return how it ended."""
    sent = station.post(
        "/v1/imports", params={"kind": kind}, content=lines(bodies), headers={"content-type": "application/x-ndjson"}
    )
    assert sent.status_code == 202, sent.text
    ended = until(
        lambda: station.get(sent.headers["location"]).raise_for_status().json(),
        lambda seen: seen["status"] in ("succeeded", "failed", "cancelled"),
    )
    assert list(pages(station, f"{sent.headers['location']}/faults")) == []
    return ended


def step(station: httpx.Client, offer: Body, action: str, status: str, **body: str) -> Body:
    """Take a step of an offer, and return the offer."""
    answer = station.post(f"/v1/offers/{offer['id']}/{action}", json=body)
    assert answer.status_code == 200, answer.text
    after: Body = answer.json()
    assert after["status"] == status
    return after


def serve_somebody_now(station: httpx.Client, offer: Body) -> Body:
    """Let a volunteer say yes, come, help and go, and the requester agree; return the offer."""
    assert not offer["place"]["is_exact"]
    accepted = step(station, offer, "accept", "accepted")
    assert accepted["place"]["is_exact"]
    assert station.get(f"/v1/requests/{offer['request_id']}").json()["status"] == "filled"
    step(station, offer, "check-in", "in-progress", on_behalf_of="volunteer")
    step(station, offer, "check-out", "completed")
    return step(station, offer, "confirm", "confirmed")


def test_a_day_of_a_station(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", str(servers.free_port())
    url = f"http://127.0.0.1:{port}"
    made_up = to_body(city.generate("S", 1))
    requests, volunteers = list(islice(made_up["requests"], 80)), list(islice(made_up["volunteers"], 500))
    with (
        commands.started(data_dir, "serve", "--port", port, worker=False) as serving,
        commands.started(data_dir, "worker") as working,
        httpx.Client(base_url=url) as anybody,
    ):
        until(lambda: {"answers": answers(anybody)}, lambda seen: seen["answers"])
        with a_station(data_dir, url, "station") as station, a_station(data_dir, url, "other") as other:
            for code in (*city.SKILLS, SKILL["code"]):
                assert station.put(f"/v1/skills/{code}", json={}).status_code == 201
            assert bring_in(station, "volunteers", volunteers)["created"] == 500
            assert bring_in(station, "requests", requests)["created"] == 80
            now = datetime.now(UTC)
            window = {"start": now.isoformat(), "end": (now + timedelta(hours=3)).isoformat()}
            neighbour = {"region": REGION, "location": PLACE, "skills": [SKILL], "max_distance_km": 1.0}
            call = {"region": REGION, "location": PLACE, "skills": [SKILL], "windows": [window], "urgency": 9}
            assert station.put("/v1/volunteers/neighbour", json=neighbour).status_code == 201
            assert station.put("/v1/requests/call", json=call).status_code == 201

            order = {"region": REGION, "mode": "publish", "options": {"iterations": 500}}
            # Late enough to ask people first, early enough to check in at once.
            soon = (now + timedelta(minutes=20)).isoformat()
            asked = station.post("/v1/runs", json={**order, "horizon_start": soon})
            assert asked.status_code == 202, asked.text
            run = until(
                lambda: station.get(asked.headers["location"], params={"wait_s": "1"}).raise_for_status().json(),
                lambda seen: seen["published_at"] is not None or seen["status"] == "failed",
            )
            offers = list(pages(station, "/v1/offers"))
            assert len(offers) == run["offers"] > 30
            by_request = {offer["request_id"]: offer for offer in offers}

            declined = next(offer for offer in offers if offer["request_id"] != "call")
            step(station, declined, "decline", "declined", reason="time")
            served = serve_somebody_now(station, by_request["call"])

            (record,) = pages(station, "/v1/records", volunteer_id="neighbour")
            assert record["evidence"]["offer_id"] == served["id"]
            export = station.get("/v1/volunteers/neighbour/records/export").raise_for_status()
            (tmp_path / "records.json").write_bytes(export.content)
            commands.run(tmp_path, "records", "check", str(tmp_path / "records.json"))

            told = [event["type"] for event in feed(station) if event["subject"]["id"] == served["id"]]
            assert told == [f"offer.{status}" for status in STATUSES]

            for noun in ("volunteers", "requests", "runs", "offers", "records", "imports"):
                assert list(pages(other, f"/v1/{noun}")) == [], noun
            assert feed(other) == []
            for path in ("volunteers/neighbour", "requests/call", f"offers/{served['id']}", f"runs/{run['id']}"):
                assert other.get(f"/v1/{path}").status_code == 404, path
        for process in (working, serving):
            process.terminate()
        assert working.wait(30) == 0
        assert serving.wait(30) == -signal.SIGTERM  # once everything is done, it says what had ended it


def answers(client: httpx.Client) -> bool:
    """Tell whether the service is ready."""
    try:
        return client.get("/health/ready").is_success
    except httpx.TransportError:
        return False
