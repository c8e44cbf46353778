"""Offers over HTTP: who may take which step when, what is shown of a place, and calls that come again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import text

import rows
from api.clients import a_client
from lives import Life, a_request, a_volunteer, count_events, live, run_out
from matcher.domain.access import Principal, Scope
from matcher.domain.offers import HOLDING, NEXT, STEPS, Action, OfferStatus, Side
from matcher.storage import database
from matcher.storage.database import Database
from running import RunningService

CLIENT: Final = "offers"
# A real place, off the middle of its cell.
PLACE: Final = {"latitude": 31.230416, "longitude": 121.473701}


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
def life(connected: Database, principal: Principal) -> Life:
    """Return an offer that can be accepted and checked in at this moment."""
    return live(connected, principal, request=a_request(connected, principal, **PLACE), start=a_start(10))


def a_start(minutes: int) -> datetime:
    """Return a time so many minutes from now."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=minutes)


def act(client: httpx.Client, life: Life, action: str, **body: Any) -> httpx.Response:
    return client.post(f"/v1/offers/{life.id}/{action}", json=body or None)


def version(life: Life) -> int:
    return life.row.version


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", OfferStatus)
def test_every_step_from_every_status_is_as_the_table_says(
    client: httpx.Client, connected: Database, principal: Principal, status: OfferStatus, action: Action
) -> None:
    life = live(connected, principal, start=a_start(-20 if action is Action.NO_SHOW else 10)).reach(status)
    before, to = version(life), STEPS[action].to
    answer = act(client, life, action)
    body = answer.json()
    if to == status:
        assert (answer.status_code, body["status"], version(life)) == (200, status, before)
    elif to in NEXT[status]:
        assert (answer.status_code, body["status"], version(life)) == (200, to, before + 1)
        assert answer.headers["etag"] == f'"{before + 1}"'
    else:
        assert answer.status_code == 409, body
        told = {name: body[name] for name in ("code", "from", "to", "allowed")}
        assert told == {"code": "illegal-transition", "from": status, "to": to, "allowed": list(NEXT[status])}
        assert version(life) == before


@pytest.mark.parametrize("action", Action)
def test_a_step_is_taken_on_behalf_of_its_own_side_alone(client: httpx.Client, life: Life, action: Action) -> None:
    for side in Side:
        answer = act(client, life, action, on_behalf_of=side)
        if side is not STEPS[action].side:
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == "/on_behalf_of"
        else:
            assert answer.status_code in (200, 409)


def test_a_step_on_behalf_of_somebody_is_written_down(client: httpx.Client, connected: Database, life: Life) -> None:
    assert act(client, life, "accept", on_behalf_of="volunteer").status_code == 200
    steps = client.get(f"/v1/offers/{life.id}/steps").json()["data"]
    assert [(step["from_status"], step["to_status"], step["on_behalf_of"]) for step in steps] == [
        ("offered", "accepted", "volunteer")
    ]
    with connected.begin() as session:
        found = session.execute(
            text("SELECT action, on_behalf_of FROM audit WHERE subject_id = :id"), {"id": str(life.id)}
        ).all()
    assert [tuple(row) for row in found] == [("offer.step-on-behalf", "volunteer")]


def test_the_place_is_a_cell_until_the_volunteer_is_coming_and_after_they_left(
    client: httpx.Client, life: Life
) -> None:
    url = f"/v1/offers/{life.id}"
    seen = {}
    for action in (None, "accept", "check-in", "check-out", "confirm"):
        if action is not None:
            assert act(client, life, action).status_code == 200
        body = client.get(url, params={"crs": "wgs84"}).json()
        seen[body["status"]] = body["place"]["is_exact"]
        exact = (body["place"]["latitude"], body["place"]["longitude"]) == (PLACE["latitude"], PLACE["longitude"])
        assert exact == body["place"]["is_exact"]
        assert str(PLACE["latitude"]) not in client.get("/v1/offers", params={"crs": "wgs84", "limit": 1000}).text
    assert seen == {
        status: status in HOLDING for status in ("offered", "accepted", "in-progress", "completed", "confirmed")
    }


def test_each_look_at_an_exact_place_is_written_down(client: httpx.Client, connected: Database, life: Life) -> None:
    act(client, life, "accept")
    client.get(f"/v1/offers/{life.id}")
    with connected.begin() as session:
        count = session.execute(
            text("SELECT count(*) FROM audit WHERE action = 'place.revealed' AND data ->> 'offer' = :id"),
            {"id": str(life.id)},
        ).scalar_one()
    assert count == 2


def test_a_distance_is_measured_to_the_middle_of_the_cell_before_a_yes(client: httpx.Client, life: Life) -> None:
    before = client.get(f"/v1/offers/{life.id}").json()
    after = act(client, life, "accept").json()
    assert before["distance_km"] != after["distance_km"]
    assert before["place"]["radius_m"] > 400
    assert after["place"]["radius_m"] is None


def test_an_offer_is_seen_as_expired_at_once(client: httpx.Client, connected: Database, life: Life) -> None:
    run_out(connected, life.id)
    answer = client.get(f"/v1/offers/{life.id}")
    assert answer.json()["status"] == "expired"
    listed = {
        status: [
            offer["id"] for offer in client.get("/v1/offers", params={"status": status, "limit": 1000}).json()["data"]
        ]
        for status in ("offered", "expired")
    }
    assert str(life.id) in listed["expired"]
    assert str(life.id) not in listed["offered"]
    # And it is the version that it has once that is written down.
    assert act(client, life, "accept").json()["version"] == answer.json()["version"] + 1


def test_an_offer_that_is_known_is_not_sent_again(client: httpx.Client, life: Life) -> None:
    url = f"/v1/offers/{life.id}"
    tag = client.get(url).headers["etag"]
    assert client.get(url, headers={"if-none-match": tag}).status_code == 304
    act(client, life, "decline", reason="far")
    assert client.get(url, headers={"if-none-match": tag}).json()["reason"] == "far"


def test_filters_choose_offers(client: httpx.Client, life: Life) -> None:
    body = client.get(f"/v1/offers/{life.id}").json()
    for query in ({"request_id": body["request_id"]}, {"volunteer_id": body["volunteer_id"]}):
        assert [offer["id"] for offer in client.get("/v1/offers", params=query).json()["data"]] == [str(life.id)]
    for query in (
        {"request_id": "nobody"},
        {"volunteer_id": "nobody"},
        {"region": "3202"},
        {"run_id": "00000000-0000-4000-8000-000000000000"},
    ):
        assert client.get("/v1/offers", params=query).json()["data"] == []


def test_a_list_comes_page_by_page(client: httpx.Client, connected: Database, principal: Principal) -> None:
    request = a_request(connected, principal, headcount=5)
    made = [str(live(connected, principal, request=request).id) for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"request_id": request.external_id, "limit": 2}
    while True:
        page = client.get("/v1/offers", params=query).json()
        seen += [offer["id"] for offer in page["data"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made


@pytest.mark.parametrize("action", ["withdraw", "no-show", "confirm"])
def test_a_key_that_answers_for_volunteers_takes_no_step_of_the_station(
    service: RunningService, data_dir: Path, life: Life, action: str
) -> None:
    with a_client(service, data_dir, client_id=CLIENT, scopes=(Scope.OFFERS_ANSWER, Scope.OFFERS_READ)) as answering:
        assert act(answering, life, action).status_code == 403
        assert act(answering, life, "accept").status_code == 200


@pytest.mark.parametrize("path", ["", "/steps", *(f"/{action}" for action in Action)])
def test_an_offer_of_others_does_not_exist(service: RunningService, data_dir: Path, life: Life, path: str) -> None:
    method = "GET" if path in ("", "/steps") else "POST"
    with a_client(service, data_dir) as stranger:
        assert stranger.request(method, f"/v1/offers/{life.id}{path}").status_code == 404
    with a_client(service, data_dir, client_id=CLIENT, regions=("3202",)) as elsewhere:
        assert elsewhere.request(method, f"/v1/offers/{life.id}{path}").status_code == 404


# --- asking ------------------------------------------------------------------------------------


def ask(
    client: httpx.Client, request_id: str, *volunteer_ids: str, start: datetime, headers: Any = None, **more: Any
) -> httpx.Response:
    body = {
        "request_id": request_id,
        "volunteer_ids": list(volunteer_ids),
        "start": start.isoformat().replace("+00:00", "Z"),
        **more,
    }
    return client.post("/v1/offers", json=body, headers=headers)


@pytest.fixture
def later() -> datetime:
    """Return a start on another day than today's, whatever the time is and wherever."""
    return datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) + timedelta(days=2)


@pytest.fixture
def opened(connected: Database, principal: Principal, later: datetime) -> str:
    request = a_request(
        connected,
        principal,
        status="open",
        requester="grandma",
        opens_at=later - timedelta(hours=1),
        closes_at=later + timedelta(hours=8),
    )
    return request.external_id


def test_volunteers_are_asked_by_name(
    client: httpx.Client, connected: Database, principal: Principal, opened: str, later: datetime
) -> None:
    names = [a_volunteer(connected, principal).external_id for _ in range(2)]
    answer = ask(client, opened, *names, start=later)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert [offer["volunteer_id"] for offer in body["data"]] == names
    assert {offer["status"] for offer in body["data"]} == {"offered"}
    assert (body["wave"], body["refused"]) == (1, [])
    assert client.get(f"/v1/requests/{opened}").json()["status"] == "planned"
    with connected.begin() as session:
        assert count_events(session, body["data"][0]["id"]) == {"offer.offered": 1}
        assert count_events(session, opened) == {"request.planned": 1}


@pytest.mark.parametrize(("answer_within_min", "minutes"), [(30, 30), (None, 360), (10_080, None)])
def test_an_offer_stands_as_long_as_was_asked_for_and_never_beyond_the_start(
    client: httpx.Client,
    connected: Database,
    principal: Principal,
    opened: str,
    later: datetime,
    answer_within_min: int | None,
    minutes: int | None,
) -> None:
    name = a_volunteer(connected, principal).external_id
    offer = ask(client, opened, name, start=later, answer_within_min=answer_within_min).json()["data"][0]
    offered, expires, starts = (datetime.fromisoformat(offer[key]) for key in ("offered_at", "expires_at", "starts_at"))
    expected = starts if minutes is None else min(starts, offered + timedelta(minutes=minutes))
    # The service and its database read the clock one after the other.
    assert abs(expires - expected) < timedelta(seconds=30)


def test_each_question_is_a_wave_of_its_own(
    client: httpx.Client, connected: Database, principal: Principal, opened: str, later: datetime
) -> None:
    waves = [
        ask(client, opened, a_volunteer(connected, principal).external_id, start=later).json()["wave"] for _ in range(3)
    ]
    assert waves == [1, 2, 3]


def test_whoever_cannot_be_asked_is_named_with_the_reason(
    client: httpx.Client, connected: Database, principal: Principal, opened: str, later: datetime
) -> None:
    good, asked, refuser, blocked = (a_volunteer(connected, principal).external_id for _ in range(4))
    paused = a_volunteer(connected, principal, paused=True).external_id
    far = a_volunteer(connected, principal, latitude=32.0, max_distance_m=1000).external_id
    ask(client, opened, asked, start=later).raise_for_status()
    offer = ask(client, opened, refuser, start=later).json()["data"][0]
    client.post(f"/v1/offers/{offer['id']}/decline").raise_for_status()
    client.put(f"/v1/blocks/{blocked}/grandma").raise_for_status()
    body = ask(client, opened, good, asked, refuser, blocked, paused, far, "nobody", start=later).json()
    assert [offer["volunteer_id"] for offer in body["data"]] == [good]
    assert {each["volunteer_id"]: each["reason"] for each in body["refused"]} == {
        asked: "already-asked",
        refuser: "refused-before",
        blocked: "blocked",
        paused: "paused",
        far: "too-far",
        "nobody": "unknown-volunteer",
    }


def test_nothing_is_done_if_nobody_can_be_asked(
    client: httpx.Client, connected: Database, principal: Principal, opened: str, later: datetime
) -> None:
    paused = a_volunteer(connected, principal, paused=True).external_id
    answer = ask(client, opened, "nobody", paused, start=later)
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody-eligible")
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("/volunteer_ids/0", "unknown-volunteer"),
        ("/volunteer_ids/1", "paused"),
    ]
    assert client.get(f"/v1/requests/{opened}").json()["status"] == "open"


@pytest.mark.parametrize(
    ("hours", "more", "pointer"),
    [
        (-2, {}, "/start"),
        (8, {}, "/start"),
        (0, {"role": 1}, "/role"),
        (0, {"answer_within_min": 0}, "/answer_within_min"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_with_its_place(
    client: httpx.Client,
    connected: Database,
    principal: Principal,
    opened: str,
    later: datetime,
    hours: int,
    more: dict[str, int],
    pointer: str,
) -> None:
    name = a_volunteer(connected, principal).external_id
    answer = ask(client, opened, name, start=later + timedelta(hours=hours), **more)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_nobody_is_asked_for_a_request_that_is_closed_filled_or_not_verified(
    client: httpx.Client, connected: Database, principal: Principal, later: datetime
) -> None:
    name = a_volunteer(connected, principal).external_id
    around = {"opens_at": later - timedelta(hours=1), "closes_at": later + timedelta(hours=8)}
    for parts, code in (
        ({"status": "cancelled", "closed_reason": "cancelled"}, "request-closed"),
        ({"status": "open", "verified": False}, "request-unverified"),
        ({"status": "filled", "taken": [1]}, "filled"),
    ):
        request = a_request(connected, principal, **around, **parts)
        answer = ask(client, request.external_id, name, start=later)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        # Nothing else of the module may stumble over what no service made.
        with connected.begin() as session:
            session.execute(text("DELETE FROM requests WHERE no = :no"), {"no": request.no})


def test_nobody_is_asked_for_what_does_not_exist(client: httpx.Client, later: datetime) -> None:
    assert ask(client, "nothing", "v1", start=later).status_code == 404


def test_a_question_that_comes_again_is_asked_once(
    client: httpx.Client, connected: Database, principal: Principal, opened: str, later: datetime
) -> None:
    name = a_volunteer(connected, principal).external_id
    headers = {"idempotency-key": f"ask-{opened}"}
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: ask(client, opened, name, start=later, headers=headers), range(5)))
    answers.append(ask(client, opened, name, start=later, headers=headers))
    made = [answer.json()["data"][0]["id"] for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(set(made)) == 1
    assert answers[-1].headers["idempotency-replayed"] == "true"
    assert len(client.get("/v1/offers", params={"request_id": opened}).json()["data"]) == 1


@pytest.mark.parametrize("replays", range(6))
def test_a_step_that_comes_again_has_one_effect(
    client: httpx.Client, connected: Database, principal: Principal, replays: int
) -> None:
    ways = (
        ("decline",),
        ("withdraw",),
        ("accept", "release"),
        ("accept", "no-show"),
        ("accept", "check-in", "check-out", "confirm"),
    )
    for way in ways:
        # Still to be accepted, and missed already.
        life = live(connected, principal, start=a_start(10))
        for action in way:
            if action == "no-show":
                move_start(connected, life, a_start(-20))
            with ThreadPoolExecutor(6) as pool:
                answers = list(pool.map(partial(act, client, life), [action] * (1 + replays)))
            assert {answer.status_code for answer in answers} == {200}, answers[0].text
        with connected.begin() as session:
            told = count_events(session, str(life.id))
        assert set(told.values()) == {1}
        assert len(told) == len(way)
        assert version(life) == 1 + len(way)


def move_start(connected: Database, life: Life, start: datetime) -> None:
    with connected.begin() as session:
        session.execute(
            text("UPDATE offers SET starts_at = :start, ends_at = :end WHERE id = :id"),
            {"start": start, "end": start + timedelta(hours=1), "id": life.id},
        )
