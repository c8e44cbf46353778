"""People whose ids and places occur nowhere else, and a life for them that touches everything that is kept."""

import gzip
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import text

from databases import owner
from matcher.domain.geo import Crs, Point, great_circle_m
from matcher.services import cells
from matcher.storage.database import Database

__all__ = [
    "DIGITS",
    "DOOR",
    "HOME",
    "NEST",
    "NOTE",
    "ORDINARY",
    "OTHER",
    "OTHER_REQUEST",
    "REGION",
    "REQUEST",
    "REQUESTER",
    "VOLUNTEER",
    "cell_of",
    "dump",
    "erase",
    "in_logs",
    "live",
    "shows",
    "start_of",
    "wait",
]

REGION: Final = "310101002"
VOLUNTEER: Final = "canary-volunteer-7f3a"
REQUEST: Final = "canary-request-9b1c"
REQUESTER: Final = "canary-requester-5d2e"
OTHER: Final = "sparrow-volunteer-1a"
OTHER_REQUEST: Final = "sparrow-request-2b"
ORDINARY: Final = "sparrow-requester-3c"

HOME: Final[dict[str, Any]] = {"latitude": 31.2374613, "longitude": 121.4869157, "crs": "wgs84"}
DOOR: Final[dict[str, Any]] = {"latitude": 31.2351842, "longitude": 121.4843926, "crs": "wgs84"}
NEST: Final[dict[str, Any]] = {"latitude": 31.2301, "longitude": 121.4801, "crs": "wgs84"}
# What no rounding, and no other coordinate system, would leave of them.
DIGITS: Final = ("31.23746", "121.48691", "31.23518", "121.48439")
NOTE: Final = "canary-note-ring-twice"

_NDJSON: Final = {"content-type": "application/x-ndjson"}
_WAIT_S: Final = 60
# Nearer than any cell's centre is to one of the canaries.
_NEAR_M: Final = 60


def live(client: httpx.Client) -> dict[str, str]:
    """Let the canaries be pushed, matched, asked, blocked, served and recorded; return the ids of what came of it."""
    _ok(client.put("/v1/skills/nursing", json={"label_zh": "护理"}))
    _push(client)
    _import(client)
    ids = {"run": _run(client)}
    offers = client.get("/v1/offers", params={"volunteer_id": VOLUNTEER, "request_id": REQUEST}).json()["data"]
    ids["offer"] = offers[0]["id"]
    path = f"/v1/offers/{ids['offer']}"
    _ok(client.post(f"{path}/accept", json={"on_behalf_of": "volunteer"}))
    _ok(client.get(path))
    _ok(client.post(f"{path}/check-in"))
    _ok(client.post(f"{path}/check-out"))
    _ok(client.post(f"{path}/confirm"))
    [record] = client.get("/v1/records", params={"volunteer_id": VOLUNTEER}).json()["data"]
    ids["record"] = record["id"]
    correction = {"minutes": 30, "reason": "wrong-time"}
    _ok(client.post(f"/v1/records/{record['id']}/corrections", json=correction, headers={"idempotency-key": "c1"}))
    _ok(client.get(f"/v1/volunteers/{VOLUNTEER}/records/export"))
    _ok(client.get(f"/v1/requests/{OTHER_REQUEST}/candidates", params={"volunteer_id": VOLUNTEER}))
    _ok(client.put(f"/v1/blocks/{VOLUNTEER}/{ORDINARY}"))
    _ok(client.put(f"/v1/blocks/{OTHER}/{REQUESTER}"))
    _ok(client.get("/v1/events", params={"limit": 1000}))
    return ids


def start_of(minutes: int = 0) -> datetime:
    """Return a whole minute some time from now, at which a service may begin."""
    return (datetime.now(UTC) + timedelta(minutes=15 + minutes)).replace(second=0, microsecond=0)


def erase(client: httpx.Client, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Erase somebody, and return the erasure once it has finished."""
    accepted = client.delete(path) if body is None else client.post(path, json=body)
    assert accepted.status_code == 202, accepted.text
    return wait(client, accepted.headers["location"], "finished")


def wait(client: httpx.Client, path: str, *statuses: str) -> dict[str, Any]:
    """Poll something until it has one of some statuses, and return it."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        body: dict[str, Any] = client.get(path).raise_for_status().json()
        if body["status"] in statuses:
            return body
        assert time.monotonic() < deadline, body
        time.sleep(0.1)


def dump(database: Database, client_id: str) -> Iterator[tuple[str, str]]:
    """Yield every column of every row of every table as text, packed ones unpacked; of other clients nothing."""
    tables = text("""
        SELECT table_schema, table_name FROM information_schema.tables
        WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
    """)
    with owner(database.url) as connection:
        connection.execute(text("SET LOCAL ROLE matcher_system"))
        no = connection.execute(text("SELECT no FROM clients WHERE id = :id"), {"id": client_id}).scalar_one()
        for schema, table in connection.execute(tables).all():
            everything = text(f'SELECT * FROM "{schema}"."{table}"')  # noqa: S608 - out of the catalogue
            for row in connection.execute(everything).mappings():
                if row.get("client_no", no) == no:
                    yield f"{schema}.{table}", "\n".join(map(_open, row.values()))


def in_logs(data_dir: Path, *words: str) -> set[tuple[str, str]]:
    """Return which words stand in the log of a service or of its PostgreSQL."""
    seen = set()
    for log in (data_dir / "service.log", data_dir / "postgres" / "server.log"):
        lines = log.read_text(encoding="utf-8", errors="replace")
        seen |= {(log.name, word) for word in words if word in lines}
    return seen


def shows(body: object, place: Mapping[str, Any], cell: str) -> str:
    """Return what an answer shows of a place: ``exact`` in any coordinate system, its ``cell``, or nothing."""
    if any(_is_near(found, place) for found in _coordinates(body)):
        return "exact"
    return "cell" if cell in json.dumps(body) else "absent"


def cell_of(place: Mapping[str, Any]) -> str:
    """Return the cell of a place."""
    return cells.blur(Point.from_crs(place["latitude"], place["longitude"], Crs(place["crs"]))).index


def _coordinates(body: object) -> Iterator[tuple[float, float]]:
    """Yield every pair of neighbouring numbers that may be a latitude and a longitude, however they are named."""
    if isinstance(body, dict):
        body = list(body.values())
    if not isinstance(body, list):
        return
    yield from permutations([part for part in body if isinstance(part, float)], 2)
    for part in body:
        yield from _coordinates(part)


def _is_near(found: tuple[float, float], place: Mapping[str, Any]) -> bool:
    if not (abs(found[0]) <= 90 and abs(found[1]) <= 180):
        return False
    truth = Point.from_crs(place["latitude"], place["longitude"], Crs(place["crs"]))
    return any(great_circle_m(Point.from_crs(*found, crs), truth) < _NEAR_M for crs in Crs)


def _open(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        content = bytes(value)
        with suppress(gzip.BadGzipFile):
            content = gzip.decompress(content)
        return content.decode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False, default=str)


def _push(client: httpx.Client) -> None:
    window = {"start": start_of(-5).isoformat(), "end": start_of(240).isoformat()}
    volunteers = [
        {"external_id": VOLUNTEER, "region": REGION, "location": HOME, "skills": [{"code": "nursing", "level": 2}]},
        {"external_id": OTHER, "region": REGION, "location": NEST},
    ]
    _ok(client.post("/v1/volunteers/batch", json={"volunteers": volunteers}, headers={"idempotency-key": "v1"}))
    requests = [
        {
            "external_id": REQUEST,
            "region": REGION,
            "location": DOOR,
            "requester": REQUESTER,
            "note": NOTE,
            "windows": [window],
            "duration_min": 1,
            "skills": [{"code": "nursing"}],
            "urgency": 9,
        },
        {
            "external_id": OTHER_REQUEST,
            "region": REGION,
            "location": NEST,
            "requester": ORDINARY,
            "windows": [{"start": start_of(1500).isoformat(), "end": start_of(1800).isoformat()}],
            "preferred_volunteers": [VOLUNTEER],
        },
    ]
    _ok(client.post("/v1/requests/batch", json={"requests": requests}, headers={"idempotency-key": "r1"}))


def _import(client: httpx.Client) -> None:
    """Import lines that are refused: what was wrong with them is kept with their ids."""
    for kind, id_ in (("volunteers", VOLUNTEER), ("requests", REQUEST)):
        line = {"external_id": id_, "region": "none"}
        content = json.dumps(line).encode()
        made = client.post("/v1/imports", params={"kind": kind}, content=content, headers=_NDJSON)
        assert wait(client, _ok(made).headers["location"], "succeeded")["refused"] == 1


def _run(client: httpx.Client) -> str:
    made = _ok(client.post("/v1/runs", json={"region": REGION, "mode": "publish"}, headers={"idempotency-key": "run"}))
    run = wait(client, made.headers["location"], "succeeded", "failed")
    while run["status"] == "succeeded" and run["published_at"] is None:
        run = wait(client, made.headers["location"], "succeeded")
    assert run["offers"] >= 1, run
    return str(run["id"])


def _ok(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success, answer.text
    return answer
