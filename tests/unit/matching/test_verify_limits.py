"""What just about keeps the rules is not called a violation; one step further is."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import make
from matcher.domain.plans import Assignment, Pair, Pin, Problem
from matcher.domain.reasons import Reason
from matcher.domain.requests import Gender
from matcher.domain.volunteers import Busy, Skill, TravelMode
from matcher.domain.windows import Interval
from matcher.matching.verify import Defect, violations

TODAY, TOMORROW = date(2026, 11, 24), date(2026, 11, 25)


def codes(problem: Problem, *assignments: Assignment) -> list[Reason | Defect]:
    """Return the codes of all violations of the plan of these assignments."""
    return [violation.code for violation in violations(problem, make.plan(problem, *assignments))]


@pytest.mark.parametrize(
    ("request_parts", "volunteer_parts"),
    [
        pytest.param({"skills": ["nursing:2"]}, {"skills": ["nursing:2"]}, id="the very level"),
        pytest.param({"skills": ["a", "b"]}, {"skills": ["b", "a"]}, id="all skills in any order"),
        pytest.param({}, {"birth_year": 2007}, id="the year after the 18th birthday"),
        pytest.param({}, {"birth_year": 2008, "guardian_consent": True}, id="a minor with consent"),
        pytest.param({"adults_only": True}, {}, id="an unknown age"),
        pytest.param({"needs_insurance": True}, {"insured_until": TODAY}, id="insured until today"),
        pytest.param({"trainings": ("x",)}, {"trainings": ("y", "x")}, id="one training more"),
        pytest.param({}, {"availability": make.free(make.interval("09:00", "10:00"))}, id="free for just the service"),
        pytest.param(
            {},
            {"availability": make.free(make.interval("09:30", "10:00"), make.interval("09:00", "09:30"))},
            id="free in two touching stretches",
        ),
        pytest.param({"windows": (make.interval("09:00", "10:00"),)}, {}, id="a window as long as the service"),
        pytest.param({}, {"max_assignments": 1, "max_assignments_per_day": 1}, id="one assignment"),
        pytest.param({}, {"max_minutes": 60, "max_minutes_per_day": 60}, id="sixty minutes"),
        pytest.param({}, {"busy": (Busy(make.clock("10:00"), make.clock("11:00")),)}, id="busy from the end on"),
        pytest.param({}, {"busy": (Busy(make.clock("08:00"), make.clock("09:00")),)}, id="busy until the start"),
        pytest.param({"excluded_volunteers": ("v2",)}, {}, id="another is excluded"),
    ],
)
def test_what_just_keeps_a_rule_is_valid(request_parts: dict[str, Any], volunteer_parts: dict[str, Any]) -> None:
    problem = make.problem([make.request(**request_parts)], [make.volunteer(**volunteer_parts)])
    assert codes(problem, make.assignment()) == []


def test_a_gender_that_is_stated_fits() -> None:
    request = make.request(roles=(make.role(gender=Gender.FEMALE),))
    problem = make.problem([request], [make.volunteer(gender=Gender.FEMALE)])
    assert codes(problem, make.assignment()) == []


def test_the_radius_itself_is_near_enough() -> None:
    near = make.volunteer(point=make.at_m(1000), max_distance_m=1000, max_travel_min=15, travel_mode=TravelMode.WALK)
    problem = make.problem([make.request()], [near])
    assignment = make.assignment(distance_m=1000, travel_min=15, cost=800, cost_terms={"travel": 800})
    assert codes(problem, assignment) == []


@pytest.mark.parametrize(
    ("end", "valid_until", "expected"),
    [
        ("24:00", TODAY, []),
        ("24:01", TODAY, [Reason.CERTIFICATE_EXPIRED]),
        ("24:01", TOMORROW, []),
    ],
)
def test_a_certificate_counts_through_the_day_on_which_the_service_ends(
    end: str, valid_until: date, expected: list[Reason]
) -> None:
    start = make.clock(end) - timedelta(hours=1)
    request = make.request(skills=["nursing"], windows=(Interval(start, make.clock(end)),))
    nurse = replace(make.volunteer(), skills=(Skill("nursing", 1, valid_until),))
    assert codes(make.problem([request], [nurse]), replace(make.assignment(end=end), start=start)) == expected


def test_of_two_certificates_for_one_skill_the_valid_one_counts() -> None:
    nurse = replace(make.volunteer(), skills=(Skill("nursing", 3, date(2026, 1, 1)), Skill("nursing", 2)))
    problem = make.problem([make.request(skills=["nursing:2"])], [nurse])
    assert codes(problem, make.assignment()) == []


@pytest.mark.parametrize(("second", "expected"), [("10:12", []), ("10:11", [Reason.BUSY])])
def test_two_services_leave_time_for_the_way_between_them(second: str, expected: list[Reason]) -> None:
    far = make.request("r2", point=make.at_m(3000))
    problem = make.problem([make.request("r1"), far], [make.volunteer()])
    start = make.clock(second)
    delay_min = (start - make.clock("09:00")) // timedelta(minutes=1)
    delay = 2500 * delay_min // 1440
    travelled = make.assignment("r2", distance_m=3000, travel_min=12, cost=2400 + delay)
    late = replace(travelled, start=start, end=start + timedelta(hours=1), cost_terms={"travel": 2400, "delay": delay})
    assert codes(problem, make.assignment("r1"), late) == expected


def test_limits_of_a_day_count_local_days() -> None:
    request = make.request("r1", windows=(make.interval("23:00", "24:00"),))
    after_midnight = make.request("r2", windows=(make.interval("00:00", "01:00", days=1),))
    problem = make.problem([request, after_midnight], [make.volunteer(max_assignments_per_day=1)])
    both = make.assignment("r1", start="23:00", end="24:00"), make.assignment("r2", start="24:00", end="25:00")
    assert codes(problem, *both) == []


def test_the_hour_that_the_clocks_repeat_is_an_hour() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start, end = datetime(2026, 10, 25, 2, 30, tzinfo=zone), datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=1)
    window = Interval(start, end)
    problem = make.problem(
        [make.request("r1", windows=(window,))],
        [make.volunteer(availability=make.free(window), busy=(Busy(end, end + timedelta(hours=1)),))],
        now=start,
        time_zone=zone,
    )
    assert codes(problem, replace(make.assignment(), start=start, end=end)) == []


def test_a_given_pair_brings_its_own_numbers() -> None:
    pair = Pair("r1", "v1", distance_m=700, travel_min=2, duration_min=20, cost=5)
    problem = make.problem([make.request()], [make.volunteer(max_distance_m=700, max_minutes=20)], pairs=(pair,))
    assignment = make.assignment(end="09:20", distance_m=700, travel_min=2, cost=5, cost_terms={"given": 5})
    assert codes(problem, assignment) == []


def test_a_pinned_assignment_is_a_fact_whatever_the_rules_say() -> None:
    request = make.request(skills=["nursing"], adults_only=True, excluded_volunteers=("v1",))
    volunteer = make.volunteer(paused=True, birth_year=2012, availability=make.free(), max_assignments=0, max_minutes=0)
    begun = make.clock("07:30")
    problem = make.problem([request], [volunteer], pairs=(), pinned=(Pin("r1", "v1", begun),))
    pinned = replace(make.assignment(pinned=True), start=begun, end=make.clock("08:30"))
    assert codes(problem, pinned) == []


def test_an_empty_plan_of_an_empty_problem_is_valid() -> None:
    assert codes(make.problem()) == []
