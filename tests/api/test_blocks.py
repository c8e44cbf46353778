"""Keeping a volunteer and a requester apart, over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

import rows
from api.clients import a_client
from lives import a_request, a_volunteer, live
from matcher.domain.access import Principal
from matcher.domain.offers import OfferStatus
from matcher.storage import database
from matcher.storage.database import Database
from running import RunningService

CLIENT: Final = "blocks"


@pytest.fixture(scope="module")
def connected(service: RunningService, data_dir: Path) -> Iterator[Database]:  # noqa: ARG001 - it makes the data
    with database.connect(None, data_dir) as connected:
        yield connected


@pytest.fixture(scope="module")
def principal(connected: Database) -> Principal:
    return rows.bearer(connected, client_id=CLIENT)


@pytest.fixture(scope="module")
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=CLIENT) as client:
        yield client


@pytest.fixture
def name(connected: Database, principal: Principal) -> str:
    return a_volunteer(connected, principal).external_id


def requesters(client: httpx.Client, volunteer_id: str) -> list[str]:
    page = client.get("/v1/blocks", params={"volunteer_id": volunteer_id}).json()
    return [block["requester"] for block in page["data"]]


def test_a_block_can_be_set_twice_and_is_one(client: httpx.Client, name: str) -> None:
    for _ in range(2):
        assert client.put(f"/v1/blocks/{name}/grandma").status_code == 204
    assert requesters(client, name) == ["grandma"]


def test_a_block_is_lifted_once(client: httpx.Client, name: str) -> None:
    client.put(f"/v1/blocks/{name}/grandma")
    assert [client.delete(f"/v1/blocks/{name}/grandma").status_code for _ in range(2)] == [204, 404]
    assert requesters(client, name) == []


def test_a_block_withdraws_and_keeps_from_accepting(
    client: httpx.Client, connected: Database, principal: Principal
) -> None:
    volunteer = a_volunteer(connected, principal)
    request = a_request(connected, principal, requester="grandpa")
    start = datetime.now(UTC) + timedelta(minutes=10)
    late = live(connected, principal, volunteer=volunteer, request=request, start=start).reach(OfferStatus.EXPIRED)
    asked = live(connected, principal, volunteer=volunteer, request=request, start=start)
    client.put(f"/v1/blocks/{volunteer.external_id}/grandpa").raise_for_status()
    assert asked.status == OfferStatus.WITHDRAWN
    assert asked.request.status == "open"
    answer = client.post(f"/v1/offers/{late.id}/accept")
    assert (answer.status_code, answer.json()["code"]) == (409, "blocked")
    types = {event["type"] for event in client.get("/v1/events", params={"limit": 1000}).json()["data"]}
    assert {"block.created", "offer.withdrawn", "request.opened"} <= types


def test_a_volunteer_of_others_cannot_be_blocked(
    client: httpx.Client, name: str, service: RunningService, data_dir: Path
) -> None:
    client.put(f"/v1/blocks/{name}/grandma").raise_for_status()
    with (
        a_client(service, data_dir) as stranger,
        a_client(service, data_dir, client_id=CLIENT, regions=("3202",)) as elsewhere,
    ):
        for other in (stranger, elsewhere):
            assert other.put(f"/v1/blocks/{name}/grandpa").status_code == 404
            assert other.delete(f"/v1/blocks/{name}/grandma").status_code == 404
            assert requesters(other, name) == []
    assert requesters(client, name) == ["grandma"]
