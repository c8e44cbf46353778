"""Who could serve a request, over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

import rows
from api.clients import a_client
from make import at_m
from matcher.domain.access import Principal, Scope
from matcher.domain.geo import great_circle_m
from matcher.services import cells
from matcher.storage import database
from matcher.storage.database import Database
from running import RunningService

CLIENT: Final = "candidates"
ELSEWHERE: Final = "420102001"


@pytest.fixture(scope="module")
def connected(service: RunningService, data_dir: Path) -> Iterator[Database]:  # noqa: ARG001 - it makes the data
    with database.connect(None, data_dir) as connected:
        yield connected


@pytest.fixture(scope="module")
def bearer(connected: Database) -> Principal:
    return rows.bearer(connected, client_id=CLIENT)


@pytest.fixture(scope="module")
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=CLIENT) as client:
        yield client


def hours(count: float) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1 + count)


def window(**parts: Any) -> dict[str, Any]:
    """Return a request's window of the next days."""
    return {"opens_at": hours(2), "closes_at": hours(60), **parts}


def place(metres: float) -> dict[str, Any]:
    point = at_m(metres)
    return {"latitude": point.latitude, "longitude": point.longitude}


@pytest.fixture(scope="module")
def street(connected: Database, bearer: Principal) -> str:
    """Fill a street of its own skill, and return a request at its foot."""
    skill = {"skills": [{"code": "tune", "level": 1, "valid_until": None}], "skill_codes": ["tune"]}
    with connected.begin() as session:
        for name, parts in {
            "near": place(200),
            "far": place(900),
            "too-far": place(4_000) | {"max_distance_m": 1_000},
            "paused": place(100) | {"paused": True},
        }.items():
            rows.volunteer(session, bearer.client_no, f"tune-{name}", **skill, **parts)
        rows.volunteer(session, bearer.client_no, "beyond", region=ELSEWHERE, **skill, **place(400))
        roles = [{"skills": [{"code": "tune", "level": 1}], "count": 1, "gender": None}]
        request = rows.request(session, bearer.client_no, roles=roles, skill_codes=["tune"], **window())
    return f"/v1/requests/{request.external_id}/candidates"


def test_the_best_come_first_with_what_they_cost_more(client: httpx.Client, street: str) -> None:
    answer = client.get(street)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert [item["volunteer_id"] for item in body["data"]] == ["tune-near", "beyond", "tune-far"]
    best, _, last = body["data"]
    assert best["difference"] == 0
    assert last["difference"] == last["cost"] - best["cost"] > 0
    assert sum(last["cost_terms"].values()) == last["cost"]
    assert body["complete"] is True


def test_no_place_is_in_the_answer(client: httpx.Client, street: str) -> None:
    text = client.get(street).text
    assert "latitude" not in text
    assert "31.2" not in text


def test_those_nearby_who_cannot_are_counted_by_reason(client: httpx.Client, street: str) -> None:
    nearby = client.get(street).json()["nearby"]
    counts = {reason["code"]: reason["volunteers"] for reason in nearby["reasons"]}
    assert counts["paused"] >= 1
    assert sum(counts.values()) <= nearby["volunteers"]


@pytest.mark.parametrize(
    ("volunteer_id", "reason", "rank"),
    [("tune-far", None, 3), ("tune-too-far", "too-far", None), ("tune-paused", "paused", None)],
)
def test_why_not_this_one(
    client: httpx.Client, street: str, volunteer_id: str, reason: str | None, rank: int | None
) -> None:
    (verdict,) = client.get(street, params={"volunteer_id": volunteer_id, "limit": 1}).json()["volunteer"]["roles"]
    assert (verdict["reason"] and verdict["reason"]["code"]) == reason
    assert verdict["rank"] == rank


def test_a_volunteer_of_another_region_can_come_but_is_not_looked_up(
    service: RunningService, data_dir: Path, street: str
) -> None:
    with a_client(service, data_dir, client_id=CLIENT, regions=("31",)) as local:
        assert "beyond" in [item["volunteer_id"] for item in local.get(street).json()["data"]]
        assert local.get(street, params={"volunteer_id": "beyond"}).status_code == 404


def test_a_request_of_another_region_is_not_there(service: RunningService, data_dir: Path, street: str) -> None:
    with a_client(service, data_dir, client_id=CLIENT, regions=("42",)) as stranger:
        assert stranger.get(street).status_code == 404


def test_whoever_is_asked_already_is_left_out(client: httpx.Client, connected: Database, bearer: Principal) -> None:
    with connected.begin() as session:
        request = rows.request(session, bearer.client_no, headcount=2, **window())
        asked = rows.volunteer(session, bearer.client_no, **place(10))
        rows.offer(session, request, asked, starts_at=hours(3))
    path = f"/v1/requests/{request.external_id}/candidates"
    body = client.get(path, params={"limit": 50, "volunteer_id": asked.external_id}).json()
    assert asked.external_id not in [item["volunteer_id"] for item in body["data"]]
    assert body["volunteer"]["is_asked"] is True


def test_nobody_is_sought_for_a_request_without_a_place_left(
    client: httpx.Client, connected: Database, bearer: Principal
) -> None:
    with connected.begin() as session:
        request = rows.request(session, bearer.client_no, taken=[1], **window())
    body = client.get(f"/v1/requests/{request.external_id}/candidates").json()
    assert (body["data"], body["open_places"]) == ([], 0)


def test_better_hours_are_told(client: httpx.Client, connected: Database, bearer: Principal) -> None:
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    morning = {"weekly": [{"days": days, "start": "10:00", "end": "12:00", "calendar": "all"}]}
    skill = {"skills": [{"code": "chess", "level": 1, "valid_until": None}], "skill_codes": ["chess"]}
    night = (datetime.now(UTC) + timedelta(days=1)).replace(hour=18, minute=0, second=0, microsecond=0)
    with connected.begin() as session:
        spot = place(50_000)
        for number in range(3):
            rows.volunteer(session, bearer.client_no, f"chess-{number}", availability=morning, **skill, **spot)
        roles = [{"skills": [{"code": "chess", "level": 1}], "count": 1, "gender": None}]
        given: dict[str, Any] = {
            "roles": roles,
            "skill_codes": ["chess"],
            "opens_at": night,
            "closes_at": night + timedelta(hours=2),
        }
        request = rows.request(session, bearer.client_no, **given, **spot)
    body = client.get(f"/v1/requests/{request.external_id}/candidates").json()
    assert body["data"] == []
    assert body["slots"][0] | {"start": "", "end": ""} == {
        "start": "",
        "end": "",
        "is_within_windows": False,
        "volunteers": 3,
        "nearest_km": 0.0,
    }
    assert datetime.fromisoformat(body["slots"][0]["start"]).hour == 2


def test_a_key_that_may_not_read_requests_hears_the_same_of_any_door_in_a_cell(
    service: RunningService, data_dir: Path, connected: Database, bearer: Principal
) -> None:
    cell = cells.blur(at_m(30_000))
    doors = [cell.centre, type(cell.centre)(cell.centre.latitude + 0.0015, cell.centre.longitude + 0.0011)]
    assert cells.blur(doors[1]) == cell
    assert great_circle_m(*doors) > 100
    with connected.begin() as session:
        rows.volunteer(session, bearer.client_no, "door-watcher", **place(30_300))
        paths = []
        for door in doors:
            spot: dict[str, Any] = {"latitude": door.latitude, "longitude": door.longitude}
            request = rows.request(session, bearer.client_no, **window(), **spot)
            paths.append(f"/v1/requests/{request.external_id}/candidates")
    with a_client(service, data_dir, client_id=CLIENT, scopes=(Scope.CANDIDATES_READ,)) as stranger:
        answers = [stranger.get(path).json() | {"request_id": ""} for path in paths]
    assert answers[0] == answers[1]
    assert answers[0]["data"]
