"""Reading problems: every field has its bounds, every fault its place and two sentences."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from matcher.api import examples, match
from matcher.domain.errors import Fault, InvalidProblemError
from matcher.domain.geo import Crs, Point
from matcher.domain.plans import Pin, Problem, Weights
from matcher.domain.requests import Gender, Need, Role
from matcher.domain.windows import DayKind

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NINE, TEN = "2026-11-24T09:00:00+08:00", "2026-11-24T10:00:00+08:00"


def read(body: Any) -> Problem:
    return match.to_problem(match.read(json.dumps(body).encode()), now=NOW)


def faults(body: Any) -> list[Fault]:
    with pytest.raises(InvalidProblemError) as caught:
        read(body)
    return list(caught.value.faults)


def request(**parts: Any) -> dict[str, Any]:
    return {"requests": [{"id": "r", **parts}]}


def volunteer(**parts: Any) -> dict[str, Any]:
    return {"volunteers": [{"id": "v", **parts}]}


def pair(**parts: Any) -> dict[str, Any]:
    ids = {"request_id": "r", "volunteer_id": "v"}
    return {"requests": [{"id": "r"}], "volunteers": [{"id": "v"}], "pairs": [{**ids, **parts}]}


def pin(**parts: Any) -> dict[str, Any]:
    ids = {"request_id": "r", "volunteer_id": "v"}
    return {"requests": [{"id": "r"}], "volunteers": [{"id": "v"}], "pinned": [{**ids, **parts}]}


def weekly(**parts: Any) -> dict[str, Any]:
    return volunteer(availability={"weekly": [{"days": ["mon"], "start": "09:00", "end": "18:00", **parts}]})


PLACE = {"latitude": 31.2304, "longitude": 121.4737}
R, V, W = "/requests/0", "/volunteers/0", "/volunteers/0/availability/weekly/0"

BAD: list[tuple[Any, str, str]] = [
    # The whole.
    ([], "", "wrong-type"),
    ("x", "", "wrong-type"),
    ({"requests": {}}, "/requests", "wrong-type"),
    ({"requests": None}, "/requests", "wrong-type"),
    ({"requests": [1]}, R, "wrong-type"),
    ({"volunteers": [None]}, V, "wrong-type"),
    ({"people": []}, "/people", "unknown-field"),
    ({"a/b~c": 1}, "/a~1b~0c", "unknown-field"),
    ({"now": 1_700_000_000}, "/now", "wrong-type"),
    ({"now": "2026-11-24"}, "/now", "bad-instant"),
    ({"now": "2026-11-24T08:00:00"}, "/now", "bad-instant"),
    ({"now": "2026-11-24 08:00:00+08:00"}, "/now", "bad-instant"),
    ({"now": "2026-11-24T08:00+08:00"}, "/now", "bad-instant"),
    ({"now": "1999-11-24T08:00:00+08:00"}, "/now", "bad-instant"),
    ({"now": "2026-02-30T08:00:00+08:00"}, "/now", "no-such-day"),
    ({"now": "2026-11-24T24:00:00+08:00"}, "/now", "bad-instant"),
    ({"time_zone": "Asia/Beijing"}, "/time_zone", "unknown-time-zone"),
    ({"time_zone": "America"}, "/time_zone", "unknown-time-zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone", "unknown-time-zone"),
    ({"time_zone": "+08:00"}, "/time_zone", "unknown-time-zone"),
    ({"crs": "gcj-02"}, "/crs", "unknown-value"),
    ({"crs": None}, "/crs", "unknown-value"),
    # Requests.
    ({"requests": [{}]}, f"{R}/id", "missing-field"),
    (request(id=1), f"{R}/id", "wrong-type"),
    (request(id=""), f"{R}/id", "too-short"),
    (request(id="x" * 129), f"{R}/id", "too-long"),
    (request(id="a\u0000b"), f"{R}/id", "bad-text"),
    (request(name="Wang"), f"{R}/name", "unknown-field"),
    (request(location=[31, 121]), f"{R}/location", "wrong-type"),
    (request(location={}), f"{R}/location/latitude", "missing-field"),
    (request(location={**PLACE, "latitude": 90.1}), f"{R}/location/latitude", "out-of-range"),
    (request(location={**PLACE, "longitude": -180.5}), f"{R}/location/longitude", "out-of-range"),
    (request(location={**PLACE, "latitude": "31.2"}), f"{R}/location/latitude", "wrong-type"),
    (request(location={**PLACE, "latitude": True}), f"{R}/location/latitude", "wrong-type"),
    (request(location={**PLACE, "crs": "GCJ02"}), f"{R}/location/crs", "unknown-value"),
    (request(location={**PLACE, "street": "x"}), f"{R}/location/street", "unknown-field"),
    (request(region=310101), f"{R}/region", "wrong-type"),
    (request(windows=[]), f"{R}/windows", "too-few"),
    (request(windows=[{"start": NINE, "end": TEN}] * 33), f"{R}/windows", "too-many"),
    (request(windows=[{"start": NINE}]), f"{R}/windows/0/end", "missing-field"),
    (request(windows=[{"start": TEN, "end": NINE}]), f"{R}/windows/0/end", "empty-interval"),
    (request(windows=[{"start": NINE, "end": NINE}]), f"{R}/windows/0/end", "empty-interval"),
    (request(windows=[{"start": NINE, "end": "2026-11-24T01:00:00Z"}]), f"{R}/windows/0/end", "empty-interval"),
    (request(duration_min=0), f"{R}/duration_min", "out-of-range"),
    (request(duration_min=10_081), f"{R}/duration_min", "out-of-range"),
    (request(duration_min=60.0), f"{R}/duration_min", "wrong-type"),
    (request(duration_min="60"), f"{R}/duration_min", "wrong-type"),
    (request(duration_min=None), f"{R}/duration_min", "wrong-type"),
    (request(skills=["nursing"]), f"{R}/skills/0", "wrong-type"),
    (request(skills=[{"code": "nursing", "level": 0}]), f"{R}/skills/0/level", "out-of-range"),
    (request(skills=[{"code": "nursing", "level": 10}]), f"{R}/skills/0/level", "out-of-range"),
    (request(skills=[{"code": "nursing", "valid_until": "2027-01-01"}]), f"{R}/skills/0/valid_until", "unknown-field"),
    (request(headcount=0), f"{R}/headcount", "out-of-range"),
    (request(headcount=51), f"{R}/headcount", "out-of-range"),
    (request(headcount=True), f"{R}/headcount", "wrong-type"),
    (request(min_headcount=0), f"{R}/min_headcount", "out-of-range"),
    (request(min_headcount=21), f"{R}/min_headcount", "out-of-range"),
    (request(min_headcount=2), f"{R}/min_headcount", "minimum-above-headcount"),
    (request(headcount=3, min_headcount=4), f"{R}/min_headcount", "minimum-above-headcount"),
    (request(roles=[{}, {"count": 5}], min_headcount=3), f"{R}/min_headcount", "minimum-above-headcount"),
    (request(roles=[]), f"{R}/roles", "too-few"),
    (request(roles=[{"count": 0}]), f"{R}/roles/0/count", "out-of-range"),
    (request(roles=[{"count": 26}, {"count": 25}]), f"{R}/roles", "out-of-range"),
    (request(roles=[{}], headcount=1), f"{R}/roles", "roles-and-headcount"),
    (request(roles=[{}], skills=[]), f"{R}/roles", "roles-and-headcount"),
    (request(urgency=0), f"{R}/urgency", "out-of-range"),
    (request(urgency=1001), f"{R}/urgency", "out-of-range"),
    (request(gender="f"), f"{R}/gender", "unknown-value"),
    (request(adults_only=1), f"{R}/adults_only", "wrong-type"),
    (request(adults_only="true"), f"{R}/adults_only", "wrong-type"),
    (request(trainings=["first-aid", ""]), f"{R}/trainings/1", "too-short"),
    (request(preferred_volunteers="v7"), f"{R}/preferred_volunteers", "wrong-type"),
    # Volunteers.
    (volunteer(max_distance_km=-1), f"{V}/max_distance_km", "out-of-range"),
    (volunteer(max_distance_km="3"), f"{V}/max_distance_km", "wrong-type"),
    (volunteer(max_travel_min=1.5), f"{V}/max_travel_min", "wrong-type"),
    (volunteer(travel_mode="bike"), f"{V}/travel_mode", "unknown-value"),
    (volunteer(skills=[{"code": "x", "valid_until": "2027-6-30"}]), f"{V}/skills/0/valid_until", "bad-day"),
    (volunteer(skills=[{"code": "x", "valid_until": "2027-02-29"}]), f"{V}/skills/0/valid_until", "no-such-day"),
    (volunteer(skills=[{"code": "x", "valid_until": NINE}]), f"{V}/skills/0/valid_until", "bad-day"),
    (volunteer(insured_until=20270630), f"{V}/insured_until", "wrong-type"),
    (volunteer(birth_year=1899), f"{V}/birth_year", "out-of-range"),
    (volunteer(birth_year="1988"), f"{V}/birth_year", "wrong-type"),
    (volunteer(max_assignments=-1), f"{V}/max_assignments", "out-of-range"),
    (volunteer(max_minutes=1_000_001), f"{V}/max_minutes", "out-of-range"),
    (volunteer(recent_minutes=None), f"{V}/recent_minutes", "wrong-type"),
    (volunteer(availability=[]), f"{V}/availability", "wrong-type"),
    (volunteer(availability={"except_": []}), f"{V}/availability/except_", "unknown-field"),
    (volunteer(availability={"time_zone": "Mars/Base"}), f"{V}/availability/time_zone", "unknown-time-zone"),
    (
        volunteer(availability={"except": [{"start": TEN, "end": NINE}]}),
        f"{V}/availability/except/0/end",
        "empty-interval",
    ),
    (weekly(days=[]), f"{W}/days", "too-few"),
    (weekly(days=["monday"]), f"{W}/days/0", "unknown-value"),
    (weekly(days=[0]), f"{W}/days/0", "unknown-value"),
    (weekly(start="9:00"), f"{W}/start", "bad-time"),
    (weekly(start="24:00"), f"{W}/start", "bad-time"),
    (weekly(end="24:01"), f"{W}/end", "bad-time"),
    (weekly(end="18:00:00"), f"{W}/end", "bad-time"),
    (weekly(calendar="weekends"), f"{W}/calendar", "unknown-value"),
    (volunteer(busy=[{"start": TEN, "end": NINE}]), f"{V}/busy/0/end", "empty-interval"),
    (volunteer(busy=[{"start": NINE, "end": TEN, "location": {}}]), f"{V}/busy/0/location/latitude", "missing-field"),
    # Pairs and pins.
    (pair(request_id="x"), "/pairs/0/request_id", "unknown-id"),
    (pair(volunteer_id="x"), "/pairs/0/volunteer_id", "unknown-id"),
    (pair(cost=1_000_001), "/pairs/0/cost", "out-of-range"),
    (pair(cost=1.5), "/pairs/0/cost", "wrong-type"),
    (pair(duration_min=0), "/pairs/0/duration_min", "out-of-range"),
    (pair(travel_min=-1), "/pairs/0/travel_min", "out-of-range"),
    ({**pair(), "pairs": pair()["pairs"] * 2}, "/pairs/1", "duplicate-pair"),
    (pin(request_id="x"), "/pinned/0/request_id", "unknown-id"),
    (pin(volunteer_id="x"), "/pinned/0/volunteer_id", "unknown-id"),
    (pin(start="09:00"), "/pinned/0/start", "bad-instant"),
    ({**pin(), "pinned": pin()["pinned"] * 2}, "/pinned/1", "duplicate-pair"),
    # Options.
    ({"options": None}, "/options", "wrong-type"),
    ({"options": {"time_limit_s": 0.04}}, "/options/time_limit_s", "out-of-range"),
    ({"options": {"time_limit_s": 300.5}}, "/options/time_limit_s", "out-of-range"),
    ({"options": {"iterations": -1}}, "/options/iterations", "out-of-range"),
    ({"options": {"seed": -1}}, "/options/seed", "out-of-range"),
    ({"options": {"explain": 0}}, "/options/explain", "wrong-type"),
    ({"options": {"weights": {"travel": 100_001}}}, "/options/weights/travel", "out-of-range"),
    ({"options": {"weights": {"delay": -1}}}, "/options/weights/delay", "out-of-range"),
    ({"options": {"weights": {"speed": 1}}}, "/options/weights/speed", "unknown-field"),
]


BAD_IDS = [f"{number}{where}-{code}" for number, (_, where, code) in enumerate(BAD)]


@pytest.mark.parametrize(("body", "where", "code"), BAD, ids=BAD_IDS)
def test_a_bad_field_is_refused_with_its_place_and_its_kind(body: Any, where: str, code: str) -> None:
    assert (where, code) in {(fault.pointer, fault.code) for fault in faults(body)}


@pytest.mark.parametrize(("body", "where", "code"), BAD, ids=BAD_IDS)
def test_every_fault_is_told_in_both_languages(body: Any, where: str, code: str) -> None:
    fault = next(fault for fault in faults(body) if (fault.pointer, fault.code) == (where, code))
    english, chinese = fault.detail.in_language("en"), fault.detail.in_language("zh-CN")
    assert english.isascii()
    assert english.endswith(".")
    assert chinese.endswith("。")
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_two_things_with_one_id_are_refused_by_name() -> None:
    (fault,) = faults({"volunteers": [{"id": "v1"}, {"id": "v2"}, {"id": "v1"}]})
    assert (fault.pointer, fault.code) == ("/volunteers/2/id", "duplicate-id")
    assert '"v1"' in fault.detail.in_language("en")
    assert "/volunteers/0/id" in fault.detail.in_language("en")
    assert "v1" in fault.detail.in_language("zh-CN")


def test_a_request_and_a_volunteer_may_have_the_same_id() -> None:
    assert read({"requests": [{"id": "1"}], "volunteers": [{"id": "1"}]}).requests[0].id == "1"


def test_all_faults_are_told_at_once() -> None:
    body = {"requests": [{"id": "r", "urgency": 0, "headcount": 0}], "volunteers": [{}]}
    assert [fault.pointer for fault in faults(body)] == [
        "/requests/0/headcount",
        "/requests/0/urgency",
        "/volunteers/0/id",
    ]


def test_no_more_than_a_hundred_faults_are_told() -> None:
    assert len(faults({"requests": [{}] * 1000})) == 100
    assert len(faults({"requests": [{"id": "r"}] * 1000})) == 100


def test_a_fault_never_repeats_a_place() -> None:
    for where in ({"latitude": 9931.2304}, {"latitude": "31.2304", "longitude": 99121.4737}):
        for fault in faults(request(location={**PLACE, **where})):
            assert "31.2304" not in fault.detail.in_language("en") + fault.detail.in_language("zh-CN")
            assert "121.4737" not in fault.detail.in_language("en") + fault.detail.in_language("zh-CN")


def test_an_empty_body_is_an_empty_problem_now() -> None:
    assert read({}) == Problem(now=NOW, time_zone=ZoneInfo("Asia/Shanghai"))


def test_the_body_may_say_when_the_plan_is_made() -> None:
    assert read({"now": NINE}).now == datetime(2026, 11, 24, 1, tzinfo=UTC)


def test_unknown_preferred_and_excluded_volunteers_are_allowed() -> None:
    problem = read(request(preferred_volunteers=["away"], excluded_volunteers=["gone"]))
    assert problem.requests[0].preferred_volunteers == ("away",)
    assert problem.requests[0].excluded_volunteers == ("gone",)


@pytest.mark.parametrize(
    ("headcount", "minimum"),
    [({}, 1), ({"headcount": 5}, 5), ({"headcount": 50}, 20), ({"headcount": 5, "min_headcount": 2}, 2)],
)
def test_the_minimum_is_everybody_and_twenty_at_most(headcount: dict[str, int], minimum: int) -> None:
    assert read(request(**headcount)).requests[0].min_headcount == minimum


def test_roles_count_as_wholes_and_inherit_the_gender_asked_for() -> None:
    roles = [{"skills": [{"code": "nursing", "level": 2}]}, {"count": 2, "gender": "male"}]
    (help_request,) = read(request(roles=roles, gender="female")).requests
    assert help_request.roles == (Role((Need("nursing", 2),), 1, Gender.FEMALE), Role((), 2, Gender.MALE))
    assert help_request.by_role
    assert (help_request.min_headcount, help_request.headcount) == (2, 3)


def test_places_are_read_in_the_system_of_the_body_or_their_own() -> None:
    def place(**parts: str) -> Point | None:
        crs = {"crs": parts["body"]} if "body" in parts else {}
        own = {"crs": parts["own"]} if "own" in parts else {}
        return read({**request(location={**PLACE, **own}), **crs}).requests[0].point

    latitude, longitude = PLACE.values()
    assert place() == Point.from_crs(latitude, longitude, Crs.GCJ02)
    assert place(body="wgs84") == Point(latitude, longitude)
    assert place(body="wgs84", own="bd09") == Point.from_crs(latitude, longitude, Crs.BD09)


def test_the_end_of_a_day_may_be_called_24_00() -> None:
    (somebody,) = read(weekly(end="24:00", calendar="workdays", days=["sun", "mon"])).volunteers
    assert somebody.availability is not None
    (rule,) = somebody.availability.weekly
    assert (rule.days, rule.start, rule.end, rule.day_kind) == (frozenset({0, 6}), time(9), time(0), DayKind.WORKDAYS)


def test_numbers_and_times_of_a_pair_and_a_pin_are_kept() -> None:
    problem = read({**pair(distance_km=1.2345, cost=7), "pinned": pin(start=NINE)["pinned"]})
    assert problem.pairs is not None
    assert (problem.pairs[0].distance_m, problem.pairs[0].cost, problem.pairs[0].travel_min) == (1234, 7, None)
    assert problem.pinned == (Pin("r", "v", datetime(2026, 11, 24, 1, tzinfo=UTC)),)


def test_fractions_of_a_second_and_utc_are_read() -> None:
    (only,) = read(request(windows=[{"start": "2026-11-24T01:00:00.5Z", "end": TEN}])).requests
    assert only.windows is not None
    assert only.windows[0].end - only.windows[0].start == timedelta(minutes=59, seconds=59.5)


def test_weights_left_out_keep_their_defaults() -> None:
    assert read({"options": {"weights": {"travel": 0}}}).options.weights == Weights(travel=0)


@pytest.mark.parametrize("example", examples.PROBLEMS.values(), ids=examples.PROBLEMS)
def test_every_example_of_the_description_is_read(example: dict[str, Any]) -> None:
    assert read(example["value"]).requests
