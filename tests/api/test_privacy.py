"""What is shown of people, to whom and when; and that nothing of them stands where nobody should look for it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import text

from api.clients import a_client
from canaries import (
    DIGITS,
    DOOR,
    HOME,
    NEST,
    NOTE,
    OTHER_REQUEST,
    REGION,
    REQUEST,
    REQUESTER,
    VOLUNTEER,
    cell_of,
    in_logs,
    live,
    shows,
    start_of,
)
from matcher.domain.access import EVERYWHERE, Scope
from matcher.domain.geo import Crs, Point
from matcher.domain.offers import OfferStatus
from matcher.storage import database as databases
from running import RunningService

CLIENT: Final = "canaries"
WORDS: Final = (VOLUNTEER, REQUEST, REQUESTER, NOTE, *DIGITS)
LASTING: Final = (OfferStatus.ACCEPTED, OfferStatus.IN_PROGRESS)


@dataclass(frozen=True)
class Look:
    """A way to look at the canary request, and what it shows while the service lasts, and else."""

    scope: Scope
    path: str
    lasting: str
    else_: str
    client_id: str = CLIENT
    regions: tuple[str, ...] = EVERYWHERE
    more: tuple[Scope, ...] = ()


# A plan has distances, and is for whoever may see their ends.
PLANNING: Final = (Scope.REQUESTS_READ, Scope.VOLUNTEERS_READ)

# The matrix: whoever looks, at whatever status of the offer.
LOOKS: Final = {
    "the volunteer's side": Look(Scope.OFFERS_READ, "/v1/offers/{offer}", "exact", "cell"),
    "the volunteer's side, of another region": Look(
        Scope.OFFERS_READ, "/v1/offers/{offer}", "absent", "absent", regions=("320102",)
    ),
    "another client's volunteer's side": Look(
        Scope.OFFERS_READ, "/v1/offers/{offer}", "absent", "absent", client_id="strangers"
    ),
    "a list of offers": Look(Scope.OFFERS_READ, "/v1/offers?limit=1000", "cell", "cell"),
    "the steps of the offer": Look(Scope.OFFERS_READ, "/v1/offers/{offer}/steps", "absent", "absent"),
    "the requester's side": Look(Scope.REQUESTS_READ, f"/v1/requests/{REQUEST}", "exact", "exact"),
    "the requester's side, of another region": Look(
        Scope.REQUESTS_READ, f"/v1/requests/{REQUEST}", "absent", "absent", regions=("320102",)
    ),
    "a list of requests": Look(Scope.REQUESTS_READ, "/v1/requests?limit=1000", "exact", "exact"),
    "candidates": Look(Scope.CANDIDATES_READ, f"/v1/requests/{REQUEST}/candidates", "absent", "absent"),
    "events": Look(Scope.EVENTS_READ, "/v1/events?limit=1000", "absent", "absent"),
    "the run": Look(Scope.RUNS_READ, "/v1/runs/{run}", "absent", "absent"),
    "the plan": Look(Scope.RUNS_READ, "/v1/runs/{run}/plan", "absent", "absent", more=PLANNING),
    "records": Look(Scope.RECORDS_READ, "/v1/records?limit=1000", "absent", "absent"),
    "the export of records": Look(Scope.RECORDS_READ, f"/v1/volunteers/{VOLUNTEER}/records/export", "absent", "absent"),
    "the audit trail": Look(Scope.AUDIT_READ, "/v1/audit?limit=1000", "absent", "absent"),
    "imports": Look(Scope.REQUESTS_READ, "/v1/imports?limit=1000", "absent", "absent"),
    "volunteers": Look(Scope.VOLUNTEERS_READ, "/v1/volunteers?limit=1000", "absent", "absent"),
}


@pytest.fixture(scope="module")
def ids(watched: RunningService, watched_dir: Path) -> dict[str, str]:
    with a_client(watched, watched_dir, client_id=CLIENT) as client:
        return live(client)


@pytest.fixture(scope="module")
def lookers(watched: RunningService, watched_dir: Path) -> Iterator[dict[str, httpx.Client]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                a_client(
                    watched,
                    watched_dir,
                    client_id=look.client_id,
                    scopes=(look.scope, *look.more),
                    regions=look.regions,
                )
            )
            for name, look in LOOKS.items()
        }


@pytest.mark.parametrize("status", OfferStatus)
def test_the_place_of_a_request_is_shown_as_the_matrix_says(
    watched_dir: Path, ids: dict[str, str], lookers: dict[str, httpx.Client], status: OfferStatus
) -> None:
    with databases.connect(None, watched_dir) as database, database.begin() as session:
        session.execute(
            text("UPDATE offers SET status = :status WHERE id = :id"), {"status": status, "id": ids["offer"]}
        )
    cell = cell_of(DOOR)
    seen = {name: shows(lookers[name].get(look.path.format(**ids)).json(), DOOR, cell) for name, look in LOOKS.items()}
    wanted = {name: look.lasting if status in LASTING else look.else_ for name, look in LOOKS.items()}
    assert seen == wanted


@pytest.mark.parametrize(
    "name", ["a list of offers", "candidates", "events", "the plan", "records", "the audit trail", "the run"]
)
def test_where_a_volunteer_lives_is_shown_to_nobody_else(
    ids: dict[str, str], lookers: dict[str, httpx.Client], name: str
) -> None:
    answer = lookers[name].get(LOOKS[name].path.format(**ids))
    assert answer.status_code == 200
    assert shows(answer.json(), HOME, "no cell") == "absent"


@pytest.mark.parametrize("missing", PLANNING)
def test_whoever_may_not_see_both_ends_of_a_distance_gets_no_plan(
    watched: RunningService, watched_dir: Path, ids: dict[str, str], missing: Scope
) -> None:
    scopes = tuple({Scope.RUNS_READ, *PLANNING} - {missing})
    pair = {"request_id": REQUEST, "volunteer_id": VOLUNTEER}
    with a_client(watched, watched_dir, client_id=CLIENT, scopes=scopes) as client:
        run = f"/v1/runs/{ids['run']}"
        for answer in (client.get(f"{run}/plan"), client.post(f"{run}/explain", json=pair)):
            assert answer.status_code == 403
            assert missing in answer.json()["detail"]


def test_an_opportunity_shows_a_cell_alone(watched: RunningService, watched_dir: Path) -> None:
    window = {"start": start_of(60).isoformat(), "end": start_of(300).isoformat()}
    body = {"region": REGION, "location": NEST, "windows": [window]}
    with a_client(watched, watched_dir, client_id="seekers") as client:
        client.put("/v1/volunteers/v1", json={"region": REGION, "location": HOME}).raise_for_status()
        client.put("/v1/requests/r1", json=body).raise_for_status()
    with a_client(watched, watched_dir, client_id="seekers", scopes=(Scope.OPPORTUNITIES_READ,)) as client:
        found = client.get("/v1/volunteers/v1/opportunities").raise_for_status().json()
    assert shows(found, NEST, cell_of(NEST)) == "cell"
    assert shows(found, HOME, "no cell") == "absent"


def test_a_key_that_harvests_places_is_stopped_and_reported_and_loses_no_yes(
    watched: RunningService, watched_dir: Path
) -> None:
    window = {"start": start_of(60).isoformat(), "end": start_of(300).isoformat()}
    with a_client(watched, watched_dir, client_id="harvesters") as client:
        accepted = []
        for number in (1, 2):
            volunteer, request = f"v{number}", f"r{number}"
            client.put(f"/v1/volunteers/{volunteer}", json={"region": REGION, "location": HOME}).raise_for_status()
            body = {"region": REGION, "location": DOOR, "windows": [window]}
            client.put(f"/v1/requests/{request}", json=body).raise_for_status()
            question = {"request_id": request, "volunteer_ids": [volunteer], "start": window["start"]}
            [offer] = client.post("/v1/offers", json=question).raise_for_status().json()["data"]
            accepted.append(client.post(f"/v1/offers/{offer['id']}/accept").raise_for_status().json())
        assert [offer["status"] for offer in accepted] == ["accepted", "accepted"]
        assert [shows(offer, DOOR, cell_of(DOOR)) for offer in accepted] == ["exact", "cell"]
        looks = [client.get(f"/v1/offers/{offer['id']}") for offer in accepted]
        assert [look.status_code for look in looks] == [200, 429]
        assert shows(looks[1].json(), DOOR, cell_of(DOOR)) == "absent"
        lines = client.get("/v1/audit", params={"action": "place.reveal-refused"}).json()["data"]
        assert [line["subject_id"] for line in lines] == ["r2", "r2"]
        told = client.get("/v1/events", params={"types": "key.reveal-budget-exceeded"}).json()["data"]
        assert len(told) == 1


@pytest.mark.usefixtures("ids")
def test_neither_logs_nor_figures_nor_the_description_name_anybody(watched: RunningService, watched_dir: Path) -> None:
    _provoke(watched, watched_dir)
    assert in_logs(watched_dir, *WORDS) == set()
    for path in ("/metrics", "/openapi.json"):
        page = watched.client.get(path).text
        assert [word for word in WORDS if word in page] == []


@pytest.mark.usefixtures("ids")
def test_a_problem_repeats_nothing_of_what_was_sent(watched: RunningService, watched_dir: Path) -> None:
    answers = _provoke(watched, watched_dir)
    assert [answer.status_code for answer in answers if answer.is_success] == []
    assert [(answer.url.path, word) for answer in answers for word in WORDS if word in answer.text] == []


@pytest.mark.parametrize("crs", Crs)
def test_a_planted_place_is_found_in_every_coordinate_system(crs: Crs) -> None:
    latitude, longitude = Point(DOOR["latitude"], DOOR["longitude"]).in_crs(crs)
    leaks: list[Any] = [
        {"data": [{"place": {"latitude": latitude, "longitude": longitude, "crs": crs}}]},
        {"note": {"at": [round(longitude, 4), round(latitude, 4)]}},
    ]
    assert [shows(leak, DOOR, cell_of(DOOR)) for leak in leaks] == ["exact", "exact"]


def test_a_planted_line_is_found_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "server.log").write_text("nothing")
    (tmp_path / "service.log").write_text(json.dumps({"message": f"volunteer at {DIGITS[0]}1"}))
    assert in_logs(tmp_path, *WORDS) == {("service.log", DIGITS[0])}


def _provoke(watched: RunningService, watched_dir: Path) -> list[httpx.Response]:
    """Send what is refused, with the canaries in it, everywhere where something can be sent."""
    bodies: list[Any] = [
        {"region": REGION, "location": {**HOME, "altitude": NOTE}, "name": REQUESTER},
        {"region": NOTE, "location": {"latitude": "31.2374613", "longitude": 1e9}, "note": [NOTE]},
        {"requests": [{"id": REQUEST, "note": NOTE}], "volunteers": VOLUNTEER},
    ]
    paths = ("/v1/volunteers/x1", "/v1/requests/x1")
    posts = ("/v1/match", "/v1/runs", "/v1/offers", "/v1/erasures", "/v1/volunteers/batch", "/v1/requests/batch")
    with a_client(watched, watched_dir, client_id=CLIENT) as client:
        answers = [client.put(path, json=body) for path in paths for body in bodies]
        answers += [client.post(path, json=body) for path in posts for body in bodies]
        answers += [client.put(path, content=f'{{"note": "{NOTE}", "latitude": 31.2374613') for path in paths]
        answers += [
            client.post("/v1/offers", json={"request_id": OTHER_REQUEST, "volunteer_ids": ["x"], "note": NOTE}),
            client.get("/v1/requests", params={"near_latitude": "31.2374613x", "region": NOTE}),
            client.get("/v1/offers", params={"cursor": VOLUNTEER}),
            client.post("/v1/imports", params={"kind": VOLUNTEER}, content=NOTE.encode()),
        ]
    return answers
