"""The flood of 2021 as a problem: the committed file, and the rules that made it."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from matcher.simulation import zhengzhou

EXAMPLE = Path(__file__).parents[3] / "examples" / "zhengzhou-2021"
CALL = {
    "id": "zz-r0001",
    "posted_at": "2021-07-25T10:00:00+08:00",
    "longitude": "113.6",
    "latitude": "34.7",
    "crs": "bd09",
    "skills": "water-food",
    "headcount": "1",
    "duration_min": "60",
    "urgency": "6",
}
OFFER = {key: CALL[key] for key in ("posted_at", "longitude", "latitude", "crs", "skills")} | {"id": "zz-o0001"}


@pytest.fixture(scope="module")
def body() -> dict[str, Any]:
    with (EXAMPLE / "requests.csv").open(newline="") as requests, (EXAMPLE / "offers.csv").open(newline="") as offers:
        return zhengzhou.to_body(csv.DictReader(requests), csv.DictReader(offers))


def test_the_committed_problem_is_what_the_rules_build(body: dict[str, Any]) -> None:
    written = io.StringIO()
    zhengzhou.write_body(body, written)
    committed = (EXAMPLE / "problem.json").read_text(encoding="utf-8")
    assert written.getvalue() == committed, "run examples/zhengzhou-2021/build.py"


def test_every_call_and_every_offer_is_in_the_problem(body: dict[str, Any]) -> None:
    with (EXAMPLE / "offers.csv").open(newline="") as file:
        offers = {row["id"] for row in csv.DictReader(file)}
    groups = {item["id"].rpartition("-")[0] for item in body["volunteers"] if item["id"].startswith("zz-")}
    assert len(body["requests"]) == 1042
    assert groups == offers


def test_whoever_is_made_up_is_named_so(body: dict[str, Any]) -> None:
    prefixes = [item["id"].split("-")[0] for item in body["volunteers"]]
    assert prefixes.count("gen") == 700
    assert set(prefixes) == {"gen", "zz"}


def test_demand_exceeds_supply(body: dict[str, Any]) -> None:
    people = sum(
        item.get("headcount", 0) + sum(role["count"] for role in item.get("roles", ())) for item in body["requests"]
    )
    rescuers = [item for item in body["volunteers"] if {"code": "boat-rescue"} in item["skills"]]
    rescues = [item for item in body["requests"] if "needs_insurance" in item]
    assert people == 2032
    assert len(rescuers) < len(rescues)


@pytest.mark.parametrize(
    ("skills", "headcount", "expected"),
    [
        ("medical|shelter", 1, {"skills": [{"code": "medical"}, {"code": "shelter"}], "headcount": 1}),
        ("manpower", 3, {"skills": [{"code": "manpower"}], "headcount": 3}),
        (
            "boat-rescue|medical",
            3,
            {
                "roles": [
                    {"skills": [{"code": "boat-rescue"}], "count": 2},
                    {"skills": [{"code": "medical"}], "count": 1},
                ]
            },
        ),
        (
            "manpower|shelter|medical",
            2,
            {
                "roles": [
                    {"skills": [{"code": "manpower"}, {"code": "medical"}], "count": 1},
                    {"skills": [{"code": "shelter"}], "count": 1},
                ]
            },
        ),
    ],
)
def test_a_team_shares_its_skills(skills: str, headcount: int, expected: dict[str, Any]) -> None:
    call = _built(skills=skills, headcount=str(headcount))
    assert {key: call[key] for key in ("skills", "headcount", "roles") if key in call} == expected


def test_a_boat_crew_goes_complete_and_other_teams_may_come_smaller() -> None:
    crew, team = _built(skills="boat-rescue", headcount="3"), _built(skills="manpower", headcount="3")
    assert "min_headcount" not in crew
    assert crew["adults_only"]
    assert crew["needs_insurance"]
    assert team["min_headcount"] == 1


@pytest.mark.parametrize(
    ("urgency", "end"),
    [
        ("10", "2021-07-25T22:34:00+08:00"),
        ("9", "2021-07-25T22:34:00+08:00"),
        ("8", "2021-07-26T14:34:00+08:00"),
        ("6", "2021-07-26T14:34:00+08:00"),
        ("5", "2021-07-27T14:34:00+08:00"),
    ],
)
def test_the_more_urgent_a_call_the_shorter_it_waits(urgency: str, end: str) -> None:
    assert _built(urgency=urgency)["windows"] == [{"start": "2021-07-25T14:34:00+08:00", "end": end}]


@pytest.mark.parametrize(
    ("latitude", "longitude", "region"),
    [("34.75", "113.66", "4101"), ("35.31", "113.93", "4107"), ("35.09", "112.58", "419001"), ("31.0", "117.0", None)],
)
def test_a_region_is_the_prefecture_with_the_nearest_seat(latitude: str, longitude: str, region: str | None) -> None:
    assert _built(latitude=latitude, longitude=longitude)["region"] == region


def _built(**changes: str) -> dict[str, Any]:
    request: dict[str, Any] = zhengzhou.to_body([CALL | changes], [OFFER])["requests"][0]
    return request
