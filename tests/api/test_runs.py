"""Runs over HTTP, as a station's system starts, watches, explains and publishes them."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import matched
import rows
from api.clients import a_client
from make import at_m
from matcher.domain.access import Scope
from matcher.services.plan_body import PlanBody
from matcher.storage import database
from running import RunningService

STREET = rows.REGION
COUNTY = STREET[:6]
ENDLESS = {"iterations": 1_000_000_000, "time_limit_s": 120}


@pytest.fixture
def name() -> str:
    """Return the name of a client system of the test's own."""
    return f"runs-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def station(service: RunningService, data_dir: Path, name: str) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=name) as client:
        yield client


def town(data_dir: Path, name: str, *, requests: int = 2, volunteers: int = 3, **parts: Any) -> None:
    """Add requests of one afternoon, and volunteers up the street."""
    opens_at, closes_at = matched.clock(hours=26), matched.clock(hours=28)
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        client_no = rows.client(session, name)
        for number in range(requests):
            rows.request(session, client_no, f"r{number}", opens_at=opens_at, closes_at=closes_at, **parts)
        for number in range(volunteers):
            point = at_m(100 * number + 137)
            place = {"latitude": point.latitude, "longitude": point.longitude}
            rows.volunteer(session, client_no, f"v{number}", **place)


def start(client: httpx.Client, region: str = STREET, **body: Any) -> httpx.Response:
    return client.post("/v1/runs", json={"region": region, "options": {"iterations": 50}, **body})


def wait(client: httpx.Client, answer: httpx.Response) -> Any:
    """Wait for the end of a run, and return it."""
    assert answer.status_code in (200, 202), answer.text
    while True:
        run = client.get(answer.headers["location"], params={"wait_s": 20}).raise_for_status().json()
        if run["status"] not in ("queued", "running") and run["progress"] is None:
            return run


def wait_for_stage(client: httpx.Client, location: str, stage: str) -> None:
    while True:
        run = client.get(location).raise_for_status().json()
        assert run["status"] in ("queued", "running"), run
        if run["progress"] is not None and run["progress"]["stage"] == stage:
            return


def test_a_published_run_ends_with_a_plan_and_its_offers(station: httpx.Client, data_dir: Path, name: str) -> None:
    town(data_dir, name)
    answer = start(station, mode="publish")
    assert answer.status_code == 202
    assert answer.headers["retry-after"] == "1"
    run = wait(station, answer)
    assert (run["status"], run["offers"], run["left_out"]) == ("succeeded", 2, [])
    plan = station.get(f"{answer.headers['location']}/plan").raise_for_status()
    assert len(PlanBody.model_validate_json(plan.content).assignments) == 2
    offers = station.get("/v1/offers", params={"run_id": run["id"]}).raise_for_status().json()
    assert len(offers["data"]) == 2


def test_neither_run_nor_plan_names_a_place(station: httpx.Client, data_dir: Path, name: str) -> None:
    town(data_dir, name)
    run = wait(station, start(station))
    pair = {"request_id": "r0", "volunteer_id": "v0"}
    told = json.dumps(run) + station.get(f"/v1/runs/{run['id']}/plan").text
    told += station.post(f"/v1/runs/{run['id']}/explain", json=pair).raise_for_status().text
    assert "latitude" not in told
    assert not [text for text in ("31.23", "121.47") if text in told]


def test_a_preview_is_published_on_request(station: httpx.Client, data_dir: Path, name: str) -> None:
    town(data_dir, name)
    run = wait(station, start(station))
    assert (run["mode"], run["offers"], run["published_at"]) == ("preview", 0, None)
    published = wait(station, station.post(f"/v1/runs/{run['id']}/publish"))
    assert (published["mode"], published["offers"]) == ("publish", 2)
    again = station.post(f"/v1/runs/{run['id']}/publish")
    assert (again.status_code, again.json()["published_at"]) == (200, published["published_at"])


def test_a_run_at_work_is_cancelled_and_keeps_its_best_plan(station: httpx.Client, data_dir: Path, name: str) -> None:
    # Everybody can serve several by their limits, but only one by the clock: no plan reaches the bound.
    town(data_dir, name, requests=12, volunteers=3, duration_min=110)
    answer = start(station, mode="publish", options=ENDLESS)
    wait_for_stage(station, answer.headers["location"], "schedule")
    beside = start(station, COUNTY)
    assert (beside.status_code, beside.json()["code"]) == (409, "run-active")
    assert answer.json()["id"] in beside.json()["detail"]
    early = station.get(f"{answer.headers['location']}/plan")
    assert (early.status_code, early.json()["code"]) == (409, "plan-missing")
    assert station.post(f"{answer.headers['location']}/cancel").status_code == 202
    run = wait(station, answer)
    assert (run["status"], run["summary"]["stopped_by"], run["offers"]) == ("cancelled", "request", 0)
    plan = station.get(f"{answer.headers['location']}/plan").raise_for_status().json()
    assert len(plan["assignments"]) == 3
    assert station.post(f"{answer.headers['location']}/cancel").status_code == 200


def test_a_run_that_is_over_cannot_be_cancelled(station: httpx.Client) -> None:
    run = wait(station, start(station))
    refused = station.post(f"/v1/runs/{run['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal-transition")
    assert refused.json()["from"] == "succeeded"


def test_the_same_call_again_makes_no_second_run(station: httpx.Client) -> None:
    headers = {"idempotency-key": "once"}
    first, second = (station.post("/v1/runs", json={"region": STREET}, headers=headers) for _ in range(2))
    assert second.headers["idempotency-replayed"] == "true"
    assert first.json()["id"] == second.json()["id"]
    assert len(station.get("/v1/runs").json()["data"]) == 1


def test_an_explanation_says_at_what_a_volunteer_fails_and_who_has_the_place(
    station: httpx.Client, data_dir: Path, name: str
) -> None:
    town(data_dir, name, requests=1, volunteers=2)
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        rows.volunteer(session, rows.client(session, name), "far", latitude=31.5, max_distance_m=500)
    run = wait(station, start(station))
    explain = f"/v1/runs/{run['id']}/explain"
    far = station.post(explain, json={"request_id": "r0", "volunteer_id": "far"}).raise_for_status().json()
    assert (far["status"], far["roles"][0]["reason"]["code"]) == ("refused", "too-far")
    assert [(item["volunteer_id"], item["difference"]) for item in far["chosen"]] == [("v0", None)]
    near = station.post(explain, json={"request_id": "r0", "volunteer_id": "v1"}).raise_for_status().json()
    assert (near["status"], near["serves"]) == ("eligible", [])
    assert near["chosen"][0]["difference"] == near["roles"][0]["cost"] - near["chosen"][0]["cost"] > 0
    has = station.post(explain, json={"request_id": "r0", "volunteer_id": "v0"}).raise_for_status().json()
    assert (has["status"], has["chosen"][0]["difference"]) == ("assigned", 0)
    assert [item["request_id"] for item in has["serves"]] == ["r0"]


@pytest.mark.parametrize("pair", [("r0", "nobody"), ("nothing", "v0")])
def test_what_the_run_did_not_look_at_is_not_explained(
    station: httpx.Client, data_dir: Path, name: str, pair: tuple[str, str]
) -> None:
    town(data_dir, name)
    run = wait(station, start(station))
    body = {"request_id": pair[0], "volunteer_id": pair[1]}
    answer = station.post(f"/v1/runs/{run['id']}/explain", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"horizon_end": "2020-01-01T00:00:00Z"}, "empty-interval", "/horizon_end"),
        ({"horizon_end": "2099-01-01T00:00:00Z"}, "beyond-horizon", "/horizon_end"),
        ({"mode": "both"}, "unknown-value", "/mode"),
        ({"options": {"seed": -1}}, "out-of-range", "/options/seed"),
        ({"regions": "31"}, "unknown-field", "/regions"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_its_place(
    station: httpx.Client, body: dict[str, Any], code: str, pointer: str
) -> None:
    answer = start(station, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]


def test_a_region_must_exist_and_lie_within_the_grants(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, regions=("310104",)) as elsewhere:
        assert start(elsewhere, "999999").json()["code"] == "unknown-region"
        refused = start(elsewhere)
        assert (refused.status_code, refused.json()["code"]) == (422, "region-outside-grant")


def test_another_region_s_run_is_not_found(
    service: RunningService, data_dir: Path, station: httpx.Client, name: str
) -> None:
    run = wait(station, start(station))
    with a_client(service, data_dir, client_id=name, regions=("310104",)) as elsewhere:
        for path in ("", "/plan"):
            assert elsewhere.get(f"/v1/runs/{run['id']}{path}").status_code == 404
        for step in ("cancel", "publish"):
            assert elsewhere.post(f"/v1/runs/{run['id']}/{step}").status_code == 404
        assert elsewhere.get("/v1/runs").json()["data"] == []


def test_reading_runs_does_not_allow_to_start_one(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, scopes=(Scope.RUNS_READ,)) as reader:
        assert start(reader).status_code == 403


def test_a_run_that_has_not_changed_is_not_sent_again(station: httpx.Client) -> None:
    answer = start(station)
    wait(station, answer)
    etag = station.get(answer.headers["location"]).headers["etag"]
    assert station.get(answer.headers["location"], headers={"if-none-match": etag}).status_code == 304


def test_a_plan_comes_packed_to_whoever_can_unpack_it(station: httpx.Client, data_dir: Path, name: str) -> None:
    town(data_dir, name)
    run = wait(station, start(station))
    path = f"/v1/runs/{run['id']}/plan"
    packed = station.get(path, headers={"accept-encoding": "gzip"})
    plain = station.get(path, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_runs_are_listed_by_region_and_status(station: httpx.Client) -> None:
    street, other = wait(station, start(station)), wait(station, start(station, "310104"))
    listed = station.get("/v1/runs", params={"region": COUNTY, "status": "succeeded"}).json()["data"]
    assert [run["id"] for run in listed] == [street["id"]]
    assert [run["id"] for run in station.get("/v1/runs").json()["data"]] == [street["id"], other["id"]]
