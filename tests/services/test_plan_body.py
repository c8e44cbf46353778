"""Writing plans: what a caller sees, and that nothing is lost on the way there and back."""

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from matcher.api import examples
from matcher.domain.plans import (
    Assignment,
    NearestFix,
    Plan,
    Prices,
    ReasonCount,
    Shortage,
    Summary,
    Unassigned,
)
from matcher.domain.reasons import Fix, Reason
from matcher.services.plan_body import PlanBody, SummaryBody, from_plan, to_plan

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE, TEN = datetime(2026, 11, 24, 1, tzinfo=UTC), datetime(2026, 11, 24, 2, tzinfo=UTC)

PLAN = Plan(
    assignments=(
        Assignment("r1", "v1", NINE, TEN, 560, 3, 812, {"travel": 447, "load": 365}, role=1, pinned=True),
        Assignment("r2", "v1", None, None, None, None, 17, {"given": 17}),
    ),
    unassigned=(
        Unassigned(
            "r3",
            2,
            (
                ReasonCount(Reason.SKILL_MISSING, 41, role=0, skill="nursing"),
                ReasonCount(Reason.OUTBID, 6, winner_urgency_min=2, winner_urgency_max=9),
            ),
            NearestFix(Fix.ADD_AVAILABILITY, volunteer_id="v9", start=NINE, end=TEN),
        ),
        Unassigned("r4", 1),
    ),
    summary=Summary(
        requests=4,
        volunteers=2,
        served_requests=2,
        served_urgency=5,
        urgency_bound=8,
        filled_places=2,
        total_cost=829,
        cost_bound=None,
        gap=0.375,
        cost_gap=None,
        proof="bounded",
        candidates=17,
        iterations=1000,
        stopped_by="iterations",
        backend="kernel",
        points_per_urgency=20002,
        calendar_official=True,
        timings_s={"flow": 0.1},
        seed=1,
    ),
    prices=Prices({"r1": 80010}, {"v1": 0}),
    shortage=(Shortage("310101", "nursing", date(2026, 11, 24), 4, 4), Shortage(None, None, None, 1, 0)),
)


def test_a_plan_survives_the_way_there_and_back() -> None:
    body = PlanBody.model_validate_json(from_plan(PLAN, time_zone=SHANGHAI).to_json())
    assert to_plan(body) == PLAN


def test_instants_are_in_the_zone_of_the_problem_and_distances_in_kilometres() -> None:
    (first, second) = json.loads(from_plan(PLAN, time_zone=SHANGHAI).to_json())["assignments"]
    assert (first["start"], first["end"]) == ("2026-11-24T09:00:00+08:00", "2026-11-24T10:00:00+08:00")
    assert first["distance_km"] == 0.56
    assert (second["start"], second["distance_km"], second["travel_min"]) == (None, None, None)


def test_of_reasons_and_fixes_only_what_says_something_is_told() -> None:
    (first, second) = json.loads(from_plan(PLAN, time_zone=SHANGHAI).to_json())["unassigned"]
    assert first["reasons"] == [
        {"code": "skill-missing", "volunteers": 41, "role": 0, "skill": "nursing"},
        {"code": "outbid", "volunteers": 6, "winner_urgency_min": 2, "winner_urgency_max": 9},
    ]
    assert first["nearest_fix"] == {
        "code": "add-availability",
        "volunteer_id": "v9",
        "start": "2026-11-24T09:00:00+08:00",
        "end": "2026-11-24T10:00:00+08:00",
    }
    assert second == {"request_id": "r4", "missing_headcount": 1, "reasons": [], "nearest_fix": None}


def test_the_summary_travels_whole() -> None:
    assert set(SummaryBody.model_fields) == {field.name for field in fields(Summary)}


def test_the_example_of_the_description_is_a_plan() -> None:
    for example in examples.PLANS.values():
        assert to_plan(PlanBody.model_validate(example["value"])).assignments
