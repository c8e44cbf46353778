"""Help requests over HTTP: pushed under their callers' ids, changed while offers are out, closed with a reason."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import pushed
import rows
from api.clients import a_client
from lives import Life, count_events, live
from matcher.api.request_body import HelpRequest
from matcher.domain.access import Principal
from matcher.domain.offers import Action, OfferStatus
from matcher.storage import database
from matcher.storage.database import Database
from matcher.storage.tables.people import RequestRow
from running import RunningService

CLIENT = "requests"
ADDED = ("external_id", "status", "closed_reason", "places", "taken", "version", "created_at", "updated_at")
START = datetime.fromisoformat(pushed.MORNING["start"])


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
        for code in ("nursing", "lifting"):
            client.put(f"/v1/skills/{code}", json={})
        yield client


@pytest.fixture
def name() -> str:
    return f"r-{uuid.uuid4().hex[:10]}"


def put(client: httpx.Client, name: str, if_match: str | None = None, /, **parts: Any) -> httpx.Response:
    headers = {} if if_match is None else {"if-match": if_match}
    return client.put(f"/v1/requests/{name}", json=pushed.request(**parts), headers=headers)


def get(client: httpx.Client, name: str) -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"/v1/requests/{name}").raise_for_status().json()
    return body


def ids(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get("/v1/requests", params=query)
    assert answer.status_code == 200, answer.text
    return [request["external_id"] for request in answer.json()["data"]]


def offered(connected: Database, principal: Principal, name: str, *, start: datetime = START, **parts: Any) -> Life:
    """Return a new offer of a request that was pushed."""
    with connected.begin() as session:
        row = session.query(RequestRow).filter_by(client_no=principal.client_no, external_id=name).one()
        row.status = "planned"
    return live(connected, principal, request=row, start=start, **parts)


def test_a_new_request_is_open(client: httpx.Client, name: str) -> None:
    made = put(client, name, headcount=2)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    request = HelpRequest.model_validate_json(made.content)
    assert (request.status, request.places, request.taken, request.min_headcount) == ("open", [2], [0], 2)


def test_the_same_content_again_changes_nothing(client: httpx.Client, connected: Database, name: str) -> None:
    first = put(client, name)
    again = put(client, name)
    assert (again.status_code, again.json()) == (200, first.json())
    with connected.begin() as session:
        assert count_events(session, name) == {"request.created": 1}


@pytest.mark.parametrize(
    "needs",
    [
        {"skills": [{"code": "nursing", "level": 2}], "headcount": 3, "min_headcount": 2, "gender": "female"},
        {"roles": [{"skills": [{"code": "lifting"}], "count": 2, "gender": "male"}, {"count": 1}], "min_headcount": 1},
        {"windows": None, "location": None},
    ],
)
def test_what_was_answered_can_be_pushed_again(client: httpx.Client, name: str, needs: dict[str, Any]) -> None:
    full = put(
        client,
        name,
        community="c1",
        requester="p1",
        duration_min=90,
        urgency=6,
        adults_only=True,
        needs_insurance=True,
        risk="some",
        trainings=["first-aid"],
        preferred_volunteers=["v1"],
        excluded_volunteers=["v2"],
        requested_at="2098-03-01T08:00:00+08:00",
        verified=False,
        note="三楼\n没有电梯",
        **needs,
    ).json()
    body = {key: value for key, value in full.items() if key not in ADDED}
    again = client.put(f"/v1/requests/{name}", json=body)
    assert (again.status_code, again.json()) == (200, full)


def test_each_role_has_its_places(client: httpx.Client, name: str) -> None:
    request = put(client, name, roles=[{"skills": [{"code": "nursing"}]}, {"count": 2}]).json()
    assert (request["places"], request["taken"]) == ([1, 2], [0, 0])
    assert (request["skills"], request["headcount"]) == (None, None)


def test_an_unknown_skill_of_a_role_is_told_with_its_place(client: httpx.Client, name: str) -> None:
    answer = put(client, name, roles=[{"count": 2}, {"skills": [{"code": "nursing"}, {"code": "flying"}]}])
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-skill")
    assert answer.json()["errors"][0]["pointer"] == "/roles/1/skills/1/code"


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"note": "x" * 501}, "/note"),
        ({"note": "\x00"}, "/note"),
        ({"headcount": 1, "min_headcount": 2}, "/min_headcount"),
        ({"risk": "deadly"}, "/risk"),
        ({"region": "310101999"}, "/region"),
        ({"address": "外滩 1 号"}, "/address"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    client: httpx.Client, name: str, parts: dict[str, Any], pointer: str
) -> None:
    answer = put(client, name, **parts)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_an_id_in_use_elsewhere_is_not_there_and_stays_as_it_is(
    service: RunningService, data_dir: Path, client: httpx.Client, name: str
) -> None:
    before = put(client, name).json()
    with a_client(service, data_dir, client_id=CLIENT, regions=("310104",)) as narrow:
        for answer in (
            put(narrow, name, "*", region="310104"),
            narrow.get(f"/v1/requests/{name}"),
            narrow.post(f"/v1/requests/{name}/verify"),
            narrow.post(f"/v1/requests/{name}/cancel", json={"reason": "duplicate"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert get(client, name) == before


def test_an_open_request_can_change_all_over(client: httpx.Client, name: str) -> None:
    put(client, name)
    assert put(client, name, headcount=4).status_code == 428
    changed = put(client, name, '"1"', roles=[{}, {}, {}], windows=[pushed.AFTERNOON], location=None)
    assert (changed.status_code, changed.json()["places"], changed.json()["taken"]) == (200, [1, 1, 1], [0, 0, 0])


def test_places_that_are_taken_cannot_be_cut(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name, roles=[{"count": 1}, {"count": 3}])
    offered(connected, principal, name, role=1).take(Action.ACCEPT)
    before = get(client, name)
    answer = put(client, name, "*", roles=[{"count": 5}])
    assert (answer.status_code, answer.json()["code"]) == (409, "places-taken")
    assert get(client, name) == before


def test_places_that_are_not_taken_can_be_cut(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name, headcount=3)
    offered(connected, principal, name).take(Action.ACCEPT)
    changed = put(client, name, "*", headcount=1).json()
    assert (changed["places"], changed["taken"], changed["status"]) == ([1], [1], "filled")


def test_a_filled_request_that_asks_for_more_is_open_again(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name)
    offered(connected, principal, name).take(Action.ACCEPT)
    assert get(client, name)["status"] == "filled"
    changed = put(client, name, "*", roles=[{"count": 2}, {"count": 1}]).json()
    assert (changed["places"], changed["taken"], changed["status"]) == ([2, 1], [1, 0], "open")


@pytest.mark.parametrize("parts", [{"windows": [pushed.AFTERNOON]}, {"duration_min": 90}])
def test_a_promised_time_stays(
    client: httpx.Client, connected: Database, principal: Principal, name: str, parts: dict[str, Any]
) -> None:
    put(client, name)
    offered(connected, principal, name).take(Action.ACCEPT)
    answer = put(client, name, "*", **parts)
    assert (answer.status_code, answer.json()["code"]) == (409, "time-promised")


def test_windows_may_move_around_a_promised_time(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name)
    offered(connected, principal, name).take(Action.ACCEPT)
    window = {"start": pushed.MORNING["start"], "end": "2098-03-03T10:00:00+08:00"}
    assert put(client, name, "*", windows=[window]).status_code == 200


def test_an_offer_without_an_answer_is_withdrawn_where_the_change_leaves_it_out(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name, headcount=2)
    early = offered(connected, principal, name)
    late = offered(connected, principal, name, start=START + timedelta(hours=2))
    window = {"start": "2098-03-03T11:00:00+08:00", "end": pushed.MORNING["end"]}
    changed = put(client, name, "*", windows=[window], headcount=2)
    assert (changed.status_code, changed.json()["status"]) == (200, "planned")
    assert (early.status, early.row.reason) == (OfferStatus.WITHDRAWN, "request-changed")
    assert late.status == OfferStatus.OFFERED


def test_a_change_keeps_to_the_version_also_while_offers_are_out(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name)
    offered(connected, principal, name)
    assert [put(client, name, if_match, urgency=9).status_code for if_match in (None, '"7"')] == [428, 412]
    assert put(client, name, '"1"', urgency=9).json()["urgency"] == 9


def test_one_item_that_cannot_change_keeps_no_other_from_it(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name)
    offered(connected, principal, name).take(Action.ACCEPT)
    items = [
        pushed.request(external_id=f"{name}-1"),
        pushed.request(external_id=name, windows=[pushed.AFTERNOON]),
        pushed.request(external_id=f"{name}-2"),
    ]
    results = client.post("/v1/requests/batch", json={"requests": items}).json()["results"]
    assert [result["status"] for result in results] == [201, 409, 201]
    assert get(client, name)["windows"][0]["start"] == "2098-03-03T01:00:00Z"


def test_whereabouts_are_kept_by_no_cache(client: httpx.Client, name: str) -> None:
    for answer in (put(client, name), client.get(f"/v1/requests/{name}"), client.get("/v1/requests")):
        assert answer.headers["cache-control"] == "no-store"


def test_verifying_is_told_once(client: httpx.Client, connected: Database, name: str) -> None:
    assert put(client, name, verified=False).json()["verified"] is False
    for _ in range(2):
        assert client.post(f"/v1/requests/{name}/verify").json()["verified"] is True
    with connected.begin() as session:
        assert count_events(session, name) == {"request.created": 1, "request.verified": 1}


def test_cancelling_closes_the_request_and_withdraws_its_offers(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name, headcount=2)
    promised = offered(connected, principal, name)
    promised.take(Action.ACCEPT)
    unanswered = offered(connected, principal, name)
    for _ in range(2):
        closed = client.post(f"/v1/requests/{name}/cancel", json={"reason": "irrelevant"})
        assert (closed.status_code, closed.json()["status"]) == (200, "cancelled")
        assert (closed.json()["closed_reason"], closed.json()["taken"]) == ("irrelevant", [0])
    assert {promised.status, unanswered.status} == {OfferStatus.WITHDRAWN}
    with connected.begin() as session:
        assert count_events(session, name)["request.cancelled"] == 1


def test_whoever_is_there_when_a_request_is_cancelled_is_released(
    client: httpx.Client, connected: Database, principal: Principal, name: str
) -> None:
    put(client, name)
    present = offered(connected, principal, name).reach(OfferStatus.IN_PROGRESS)
    assert client.post(f"/v1/requests/{name}/cancel", json={"reason": "cancelled"}).status_code == 200
    assert present.status == OfferStatus.RELEASED


def test_a_closed_request_is_not_closed_for_another_reason(client: httpx.Client, name: str) -> None:
    put(client, name)
    client.post(f"/v1/requests/{name}/cancel", json={"reason": "irrelevant"})
    answer = client.post(f"/v1/requests/{name}/cancel", json={"reason": "duplicate"})
    assert (answer.status_code, answer.json()["from"], answer.json()["allowed"]) == (409, "cancelled", [])


def test_a_closed_request_stays_as_it_is(client: httpx.Client, name: str) -> None:
    put(client, name)
    closed = client.post(f"/v1/requests/{name}/cancel", json={"reason": "irrelevant"}).json()
    assert put(client, name).status_code == 200
    answer = put(client, name, "*", headcount=2)
    assert (answer.status_code, answer.json()["code"]) == (409, "request-closed")
    assert get(client, name) == closed


def test_a_reason_of_the_services_own_is_not_the_callers(client: httpx.Client, name: str) -> None:
    put(client, name)
    assert client.post(f"/v1/requests/{name}/cancel", json={"reason": "fulfilled"}).status_code == 422


def test_a_list_can_be_narrowed(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir) as client:
        client.put("/v1/skills/nursing", json={})
        put(client, "a", region="310101002", skills=[{"code": "nursing"}])
        put(client, "b", region="310101", location={"latitude": 31.3, "longitude": 121.4})
        put(client, "c", region="310104", location=None)
        client.post("/v1/requests/c/cancel", json={"reason": "duplicate"})
        assert ids(client) == ["b", "a", "c"]
        assert ids(client, region="310101") == ["b", "a"]
        assert ids(client, status="cancelled") == ["c"]
        assert ids(client, skill="nursing", status="open") == ["a"]
        near = {"near_latitude": 31.230416, "near_longitude": 121.473701, "within_km": 0.1}
        assert ids(client, **near) == ["a"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2098-03-03T12:00:00+08:00", "2098-03-03T14:00:00+08:00", ["never"]),
        ("2098-03-03T11:59:00+08:00", "2098-03-03T13:00:00+08:00", ["never", "twice"]),
        ("2098-03-03T16:00:00+08:00", None, ["later", "never", "twice"]),
        (None, "2098-03-03T09:00:00+08:00", ["never"]),
        (None, "2098-03-03T09:01:00+08:00", ["never", "twice"]),
    ],
)
def test_a_list_within_a_window_looks_at_each_window(
    service: RunningService, data_dir: Path, start: str | None, end: str | None, expected: list[str]
) -> None:
    with a_client(service, data_dir, client_id="windows") as client:
        put(client, "twice", windows=[pushed.MORNING, pushed.AFTERNOON])
        put(client, "later", windows=[{"start": "2098-03-04T09:00:00+08:00", "end": "2098-03-04T12:00:00+08:00"}])
        put(client, "never", windows=None)
        query = {"window_start": start, "window_end": end}
        assert ids(client, **{key: value for key, value in query.items() if value}) == expected
