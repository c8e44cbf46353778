"""What a volunteer could do, over HTTP."""

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
from matcher.domain.geo import Crs, Point, great_circle_m
from matcher.services import cells
from matcher.storage import database
from matcher.storage.database import Database
from matcher.storage.tables.people import RequestRow
from running import RunningService

CLIENT: Final = "opportunities"
HOME: Final = at_m(80_000)


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


@pytest.fixture(scope="module")
def volunteer(connected: Database, bearer: Principal) -> str:
    with connected.begin() as session:
        at_home = {"latitude": HOME.latitude, "longitude": HOME.longitude, "max_distance_m": 6_000}
        return rows.volunteer(session, bearer.client_no, "helper", **at_home).external_id


def ask(connected: Database, bearer: Principal, point: Point, **parts: Any) -> RequestRow:
    """Add a request of the next days at a place."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    with connected.begin() as session:
        given: dict[str, Any] = {"latitude": point.latitude, "longitude": point.longitude, "opens_at": start}
        return rows.request(session, bearer.client_no, closes_at=start + timedelta(days=2), **(given | parts))


def shown(client: httpx.Client, volunteer: str, **params: Any) -> dict[str, dict[str, Any]]:
    answer = client.get(f"/v1/volunteers/{volunteer}/opportunities", params={"limit": 50, **params})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return {item["request_id"]: item for item in answer.json()["data"]}


def test_the_place_is_the_cell_and_the_distance_that_to_its_middle(
    client: httpx.Client, connected: Database, bearer: Principal, volunteer: str
) -> None:
    door = Point(HOME.latitude + 0.011, HOME.longitude + 0.007)
    request = ask(connected, bearer, door)
    item = shown(client, volunteer, crs="wgs84")[request.external_id]
    cell = cells.blur(door)
    assert item["place"] == {
        "cell": cell.index,
        "latitude": round(cell.centre.latitude, 7),
        "longitude": round(cell.centre.longitude, 7),
        "crs": "wgs84",
        "radius_m": cell.radius_m,
    }
    assert item["distance_km"] == great_circle_m(HOME, cell.centre) / 1000
    assert item["starts"]


def test_the_middle_of_the_cell_comes_in_the_system_of_the_caller(
    client: httpx.Client, connected: Database, bearer: Principal, volunteer: str
) -> None:
    door = Point(HOME.latitude - 0.011, HOME.longitude + 0.007)
    request = ask(connected, bearer, door)
    place = shown(client, volunteer)[request.external_id]["place"]
    north, east = cells.blur(door).centre.in_crs(Crs.GCJ02)
    assert (place["crs"], place["latitude"], place["longitude"]) == ("gcj02", round(north, 7), round(east, 7))


def test_two_doors_of_one_cell_get_the_same_answer(
    client: httpx.Client, connected: Database, bearer: Principal, volunteer: str
) -> None:
    centre = cells.blur(Point(HOME.latitude + 0.02, HOME.longitude)).centre
    doors = [centre, Point(centre.latitude + 0.0019, centre.longitude - 0.0013)]
    assert cells.blur(doors[1]).centre == centre
    ids = [ask(connected, bearer, door).external_id for door in doors]
    found = shown(client, volunteer)
    first, second = (found[id_] | {"request_id": ""} for id_ in ids)
    assert first == second


def test_the_most_urgent_come_first(
    client: httpx.Client, connected: Database, bearer: Principal, volunteer: str
) -> None:
    for urgency in (2, 9, 5):
        ask(connected, bearer, HOME, urgency=urgency)
    urgencies = [item["urgency"] for item in shown(client, volunteer).values()]
    assert urgencies == sorted(urgencies, reverse=True)


@pytest.mark.parametrize(
    "parts",
    [
        {"status": "filled", "taken": [1]},
        {"verified": False},
        {"adults_only": True, "trainings": ["first-aid"]},
        {"excluded_volunteers": ["helper"]},
        {"latitude": HOME.latitude + 0.2},
        {"roles": [{"skills": [{"code": "tune", "level": 1}], "count": 1, "gender": None}], "skill_codes": ["tune"]},
    ],
    ids=["filled", "unverified", "untrained", "excluded", "too far", "skill missing"],
)
def test_what_the_volunteer_cannot_take_is_not_shown(
    client: httpx.Client, connected: Database, bearer: Principal, volunteer: str, parts: dict[str, Any]
) -> None:
    request = ask(connected, bearer, HOME, **parts)
    assert request.external_id not in shown(client, volunteer)


@pytest.mark.parametrize("status", ["offered", "accepted", "declined"])
def test_what_was_offered_already_is_not_shown(
    client: httpx.Client, connected: Database, bearer: Principal, status: str
) -> None:
    request = ask(connected, bearer, HOME, places=[2])
    with connected.begin() as session:
        parts: dict[str, Any] = {"latitude": HOME.latitude, "longitude": HOME.longitude}
        other = rows.volunteer(session, bearer.client_no, **parts)
        rows.offer(session, request, other, status=status, starts_at=request.opens_at)
    assert request.external_id not in shown(client, other.external_id)


def test_a_volunteer_of_another_region_is_not_there(service: RunningService, data_dir: Path, volunteer: str) -> None:
    with a_client(service, data_dir, client_id=CLIENT, regions=("42",)) as stranger:
        assert stranger.get(f"/v1/volunteers/{volunteer}/opportunities").status_code == 404


def test_requests_of_another_region_are_not_shown(
    service: RunningService, data_dir: Path, connected: Database, bearer: Principal, volunteer: str
) -> None:
    elsewhere = ask(connected, bearer, HOME, region="310104003").external_id
    here = ask(connected, bearer, HOME, region="310101002").external_id
    with a_client(service, data_dir, client_id=CLIENT, regions=("310101",)) as local:
        found = shown(local, volunteer)
    assert here in found
    assert elsewhere not in found


def test_no_exact_coordinate_is_in_any_byte(
    service: RunningService, data_dir: Path, connected: Database, bearer: Principal, volunteer: str
) -> None:
    canary = Point(HOME.latitude + 0.0073717, HOME.longitude - 0.0061613)
    request = ask(connected, bearer, canary)
    with a_client(service, data_dir, client_id=CLIENT, scopes=(Scope.OPPORTUNITIES_READ,)) as app:
        for crs in Crs:
            answer = app.get(f"/v1/volunteers/{volunteer}/opportunities", params={"crs": crs, "limit": 50})
            assert request.external_id in answer.text
            for value in canary.in_crs(crs):
                assert f"{value:.4f}" not in answer.text
