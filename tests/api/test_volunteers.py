"""Volunteers over HTTP: pushed under their callers' ids, paused, listed."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import pushed
import rows
from api.clients import a_client
from lives import count_events, live
from matcher.api.volunteer_body import Volunteer
from matcher.domain.access import Principal
from matcher.domain.geo import Crs, convert
from matcher.domain.offers import OfferStatus
from matcher.storage import database, volunteers
from matcher.storage.database import Database
from running import RunningService

CLIENT = "volunteers"
BACKWARDS = {"start": pushed.MORNING["end"], "end": pushed.MORNING["start"]}
ADDED = ("version", "created_at", "updated_at")


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
        for code in ("nursing", "chat"):
            client.put(f"/v1/skills/{code}", json={})
        yield client


@pytest.fixture
def name() -> str:
    return f"v-{uuid.uuid4().hex[:10]}"


def put(client: httpx.Client, name: str, if_match: str | None = None, /, **parts: Any) -> httpx.Response:
    headers = {} if if_match is None else {"if-match": if_match}
    return client.put(f"/v1/volunteers/{name}", json=pushed.volunteer(**parts), headers=headers)


def push(client: httpx.Client, *items: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    answer = client.post("/v1/volunteers/batch", json={"volunteers": items}, headers=headers)
    assert answer.status_code == 207, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def everybody(client: httpx.Client, **query: Any) -> list[str]:
    """Return the ids of a list, all pages of it."""
    found: list[str] = []
    cursor = None
    while True:
        page = client.get("/v1/volunteers", params={**query, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        found += [volunteer["external_id"] for volunteer in page.json()["data"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return found


def test_a_new_volunteer_is_created(client: httpx.Client, name: str) -> None:
    made = put(client, name)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert Volunteer.model_validate_json(made.content).external_id == name


def test_the_same_content_again_changes_nothing(client: httpx.Client, connected: Database, name: str) -> None:
    first = put(client, name)
    again = put(client, name)
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    assert again.json() == first.json()
    with connected.begin() as session:
        assert count_events(session, name) == {"volunteer.created": 1}


def test_what_was_answered_can_be_pushed_again(client: httpx.Client, name: str) -> None:
    full = put(
        client,
        name,
        community="c1",
        volunteer_no="310000-1",
        max_travel_min=20,
        travel_mode="walk",
        skills=[{"code": "nursing", "level": 3, "valid_until": "2098-06-30"}, {"code": "chat"}],
        trainings=["first-aid"],
        insured_until="2098-01-01",
        gender="female",
        birth_year=1960,
        availability={
            "weekly": [],
            "extra": [pushed.MORNING],
            "except": [pushed.AFTERNOON],
            "time_zone": "Asia/Urumqi",
        },
        busy=[{**pushed.MORNING, "location": {"latitude": 31.1, "longitude": 121.5}}, pushed.AFTERNOON],
        max_assignments=3,
        max_minutes=360,
        max_assignments_per_day=1,
        max_minutes_per_day=120,
        recent_minutes=45,
    ).json()
    body = {key: value for key, value in full.items() if key not in (*ADDED, "external_id")}
    again = client.put(f"/v1/volunteers/{name}", json=body)
    assert (again.status_code, again.json()) == (200, full)


def test_other_content_needs_the_version_that_it_is_meant_for(client: httpx.Client, name: str) -> None:
    put(client, name)
    answers = [put(client, name, if_match, max_distance_km=2.0) for if_match in (None, '"2"', 'W/"1"', "x", '"1"')]
    assert [answer.status_code for answer in answers] == [428, 412, 412, 412, 200]
    assert (answers[-1].headers["etag"], answers[-1].json()["max_distance_km"]) == ('"2"', 2.0)


def test_a_star_means_whichever_version_there_is(client: httpx.Client, name: str) -> None:
    put(client, name)
    assert put(client, name, "*", max_distance_km=2.0).status_code == 200


def test_a_volunteer_who_is_not_there_has_no_version(client: httpx.Client, name: str) -> None:
    assert put(client, name, '"1"').status_code == 412
    assert client.get(f"/v1/volunteers/{name}").status_code == 404


def test_of_two_who_create_the_same_one_does(client: httpx.Client, name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: put(client, name, max_minutes=number), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [428] * 7
    [made] = [answer for answer in answers if answer.status_code == 201]
    assert client.get(f"/v1/volunteers/{name}").json() == made.json()


def test_of_two_who_change_the_same_version_one_does(client: httpx.Client, name: str) -> None:
    put(client, name)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: put(client, name, '"1"', max_minutes=number), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


def test_a_place_is_kept_in_wgs84_and_answered_as_it_came(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    answer = put(client, name).json()
    assert answer["location"] == {**pushed.HERE, "crs": "gcj02"}
    with connected.begin() as session:
        row = volunteers.find(session, principal.client_no, name, regions=[""])
        assert row is not None
        assert (row.latitude, row.longitude) == convert(
            pushed.HERE["latitude"], pushed.HERE["longitude"], Crs.GCJ02, Crs.WGS84
        )


def test_a_place_is_answered_in_the_system_that_is_asked_for(client: httpx.Client, name: str) -> None:
    put(client, name)
    location = client.get(f"/v1/volunteers/{name}", params={"crs": "bd09"}).json()["location"]
    north, east = convert(pushed.HERE["latitude"], pushed.HERE["longitude"], Crs.GCJ02, Crs.BD09)
    assert location == {"latitude": round(north, 7), "longitude": round(east, 7), "crs": "bd09"}


def test_a_volunteer_outside_the_keys_regions_is_refused(service: RunningService, data_dir: Path, name: str) -> None:
    with a_client(service, data_dir, client_id=CLIENT, regions=("310104", "310115")) as narrow:
        answer = put(narrow, name)
    assert (answer.status_code, answer.json()["code"]) == (422, "region-outside-grant")
    assert answer.json()["errors"][0]["pointer"] == "/region"


def test_an_id_in_use_elsewhere_is_not_there_and_stays_as_it_is(
    service: RunningService, data_dir: Path, client: httpx.Client, name: str
) -> None:
    before = put(client, name).json()
    with a_client(service, data_dir, client_id=CLIENT, regions=("310104",)) as narrow:
        assert put(narrow, name, "*", region="310104").status_code == 404
        [result] = push(narrow, pushed.volunteer(external_id=name, region="310104"))
        assert (result["status"], result["problem"]["code"]) == (404, "not-found")
    assert client.get(f"/v1/volunteers/{name}").json() == before


def test_two_client_systems_may_use_the_same_id(
    service: RunningService, data_dir: Path, client: httpx.Client, name: str
) -> None:
    before = put(client, name).json()
    with a_client(service, data_dir) as other:
        assert put(other, name, max_distance_km=1.0).status_code == 201
    assert client.get(f"/v1/volunteers/{name}").json() == before


@pytest.mark.parametrize(
    ("parts", "pointer", "code"),
    [
        ({"region": "310101999"}, "/region", "unknown-region"),
        ({"skills": [{"code": "chat"}, {"code": "flying"}]}, "/skills/1/code", "unknown-skill"),
        ({"name": "张三"}, "/name", "unknown-field"),
        ({"phone": "13800000000"}, "/phone", "unknown-field"),
        ({"external_id": "v1"}, "/external_id", "unknown-field"),
        ({"availability": {"extra": [BACKWARDS]}}, "/availability/extra/0/end", "empty-interval"),
        ({"availability": {"time_zone": "Asia/Nowhere"}}, "/availability/time_zone", "unknown-time-zone"),
        ({"location": {"latitude": 91, "longitude": 0}}, "/location/latitude", "out-of-range"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    client: httpx.Client, name: str, parts: dict[str, Any], pointer: str, code: str
) -> None:
    answer = put(client, name, **parts)
    assert answer.status_code == 422
    assert {"pointer": pointer, "code": code}.items() <= answer.json()["errors"][0].items()
    assert client.get(f"/v1/volunteers/{name}").status_code == 404


def test_an_id_that_cannot_stand_in_a_path_is_refused(client: httpx.Client) -> None:
    [result] = push(client, pushed.volunteer(external_id="a/b"))
    assert (result["status"], result["problem"]["errors"][0]["pointer"]) == (422, "/external_id")


def test_a_volunteer_who_is_known_is_not_sent_again(client: httpx.Client, name: str) -> None:
    put(client, name)
    known = client.get(f"/v1/volunteers/{name}", headers={"if-none-match": 'W/"9", "1"'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", '"1"')
    assert client.get(f"/v1/volunteers/{name}", headers={"if-none-match": '"2"'}).status_code == 200


def test_whereabouts_are_kept_by_no_cache(client: httpx.Client, name: str) -> None:
    for answer in (put(client, name), client.get(f"/v1/volunteers/{name}"), client.get("/v1/volunteers")):
        assert answer.headers["cache-control"] == "no-store"


def test_pausing_and_resuming_are_told_once(client: httpx.Client, connected: Database, name: str) -> None:
    put(client, name)
    for verb, is_paused in (("pause", True), ("pause", True), ("resume", False), ("resume", False)):
        assert client.post(f"/v1/volunteers/{name}/{verb}").json()["paused"] is is_paused
    with connected.begin() as session:
        assert count_events(session, name) == {
            "volunteer.created": 1,
            "volunteer.paused": 1,
            "volunteer.resumed": 1,
        }


def test_content_from_before_a_pause_is_other_content(client: httpx.Client, name: str) -> None:
    put(client, name)
    client.post(f"/v1/volunteers/{name}/pause")
    assert put(client, name).status_code == 428
    assert put(client, name, paused=True).headers["etag"] == '"2"'


def test_a_pause_takes_back_what_was_not_answered_and_keeps_what_was_promised(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    with connected.begin() as session:
        row = rows.volunteer(session, principal.client_no, name)
    promised = live(connected, principal, volunteer=row).reach(OfferStatus.ACCEPTED)
    unanswered = live(connected, principal, volunteer=row, start=promised.start + timedelta(days=1))
    assert client.post(f"/v1/volunteers/{name}/pause").status_code == 200
    assert promised.status == OfferStatus.ACCEPTED
    assert unanswered.status == OfferStatus.WITHDRAWN


def test_availability_is_replaced_by_itself(client: httpx.Client, name: str) -> None:
    before = put(client, name).json()
    path = f"/v1/volunteers/{name}/availability"
    body = {"extra": [pushed.MORNING]}
    answers = [client.put(path, json=body, headers=headers) for headers in ({}, {"if-match": '"1"'})]
    assert [answer.status_code for answer in answers] == [428, 200]
    after = answers[1].json()
    assert after["availability"]["extra"] == [{"start": "2098-03-03T01:00:00Z", "end": "2098-03-03T04:00:00Z"}]
    same = set(before) - {"availability", "version", "updated_at"}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}


def test_a_batch_tells_of_each_item_in_order(client: httpx.Client, name: str) -> None:
    put(client, f"{name}-same")
    put(client, f"{name}-other")
    results = push(
        client,
        pushed.volunteer(external_id=f"{name}-new"),
        pushed.volunteer(external_id=f"{name}-same"),
        pushed.volunteer(external_id=f"{name}-other", max_distance_km=1.0),
        pushed.volunteer(external_id=f"{name}-bad", urgency=3),
        pushed.volunteer(external_id=f"{name}-new"),
        {"external_id": 7},
    )
    told = [(result["external_id"], result["status"], result["effect"], result.get("version")) for result in results]
    assert told == [
        (f"{name}-new", 201, "created", 1),
        (f"{name}-same", 200, "unchanged", 1),
        (f"{name}-other", 200, "updated", 2),
        (f"{name}-bad", 422, "refused", None),
        (f"{name}-new", 422, "refused", None),
        (None, 422, "refused", None),
    ]
    assert [result["problem"]["code"] for result in results[3:]] == ["invalid-body", "duplicate-id", "invalid-body"]


def test_problems_of_items_are_in_the_callers_language(client: httpx.Client) -> None:
    [result] = push(client, {"external_id": "v1"}, **{"accept-language": "zh-CN"})
    assert result["problem"]["title"] == "无法读取请求体"


def test_a_batch_has_at_most_a_thousand_items(client: httpx.Client, name: str) -> None:
    item = {"region": "310101002"}
    items = [{**item, "external_id": f"{name}-{number}"} for number in range(1001)]
    assert client.post("/v1/volunteers/batch", json={"volunteers": items}).status_code == 422
    assert {result["status"] for result in push(client, *items[:1000])} == {201}


def test_batches_in_any_order_do_not_hinder_each_other(client: httpx.Client, name: str) -> None:
    names = [f"{name}-{number}" for number in range(40)]

    def push_all(number: int) -> set[int]:
        ordered = names if number % 2 else names[::-1]
        items = [pushed.volunteer(external_id=each, max_minutes=number) for each in ordered]
        return {result["status"] for result in push(client, *items)}

    with ThreadPoolExecutor(8) as pool:
        statuses = set[int]().union(*pool.map(push_all, range(40)))
    assert statuses <= {200, 201}


def test_a_list_shows_everybody_once_by_region_and_id(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir) as client:
        places = {f"v{number}": ("310104", "310101002", "310115")[number % 3] for number in range(23)}
        push(client, *(pushed.volunteer(external_id=name, region=region) for name, region in places.items()))
        expected = sorted(places, key=lambda name: (places[name], name))
        assert everybody(client, limit=5) == expected
        assert everybody(client, limit=1000) == expected


def test_a_list_shows_the_keys_regions_alone(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir, client_id="grants") as client:
        for region in ("3101", "310101", "310101002", "310104", "3201"):
            put(client, f"v{region}", region=region)
    for grants, expected in (
        (("310101",), ["v310101", "v310101002"]),
        (("310104", "3201"), ["v310104", "v3201"]),
        (("31",), ["v3101", "v310101", "v310101002", "v310104"]),
    ):
        with a_client(service, data_dir, client_id="grants", regions=grants) as narrow:
            assert everybody(narrow) == expected


def test_a_list_can_be_narrowed(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir) as client:
        client.put("/v1/skills/nursing", json={})
        put(client, "a", region="310101002", skills=[{"code": "nursing"}])
        put(client, "b", region="310101", paused=True)
        put(client, "c", region="310104")
        since = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        client.post("/v1/volunteers/c/pause")
        assert everybody(client, region="310101") == ["b", "a"]
        assert everybody(client, skill="nursing") == ["a"]
        assert everybody(client, paused=True) == ["b", "c"]
        assert everybody(client, paused=False, region="31") == ["a"]
        assert everybody(client, updated_since=since) == ["c"]


def test_a_list_near_a_point_is_a_circle_on_the_ground(service: RunningService, data_dir: Path) -> None:
    # 111.195 km are a degree of the great circle.
    with a_client(service, data_dir) as client:
        north = [0.0, 0.0089, 0.0091, 0.02]
        items = [
            pushed.volunteer(external_id=f"{axis}{place}", location={"latitude": 31 + up, "longitude": 121 + right})
            for place, degrees in enumerate(north)
            for axis, up, right in (("n", degrees, 0.0), ("e", 0.0, degrees / 0.857167))
        ]
        items.append(pushed.volunteer(external_id="nowhere", location=None))
        client.post("/v1/volunteers/batch", json={"volunteers": items}, params={"crs": "wgs84"}).raise_for_status()
        near = {"near_latitude": 31, "near_longitude": 121, "within_km": 1, "crs": "wgs84"}
        assert sorted(everybody(client, **near)) == ["e0", "e1", "n0", "n1"]


@pytest.mark.parametrize(
    "query", [{"near_latitude": 31}, {"within_km": 1}, {"region": "999"}, {"cursor": "x"}, {"limit": 0}]
)
def test_a_list_that_cannot_be_understood_is_refused(client: httpx.Client, query: dict[str, Any]) -> None:
    assert client.get("/v1/volunteers", params=query).status_code == 422
