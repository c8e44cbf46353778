"""Every kind of fault, planted into a valid plan, is found; and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

import make
from matcher.domain.plans import Assignment, Pair, Plan, Problem, Unassigned
from matcher.domain.reasons import Reason
from matcher.domain.requests import Gender
from matcher.domain.volunteers import Busy, TravelMode
from matcher.matching.verify import Defect, violations

Scene = tuple[Problem, Plan]
Fault = Callable[[Problem, Plan], Scene]
Place = tuple[Reason | Defect, str | None, str | None]


def scene() -> Scene:
    """Return a problem with a bit of everything and a valid plan, its costs reckoned by hand.

    v1 nurses alone; v2 and v6 make a team at r2 and v2 and v3 one at r3, where the place for a nurse stays
    open; v3 and v4 are pinned, though v4 is paused; v5 joins v4 and must be elsewhere afterwards.
    """
    lift, nurse = make.role("lift", count=2), make.role("nursing:2")
    problem = make.problem(
        [
            make.request("r1", skills=["nursing:2"], urgency=5),
            make.request(
                "r2",
                headcount=2,
                urgency=3,
                point=make.at_m(600),
                windows=(make.interval("09:00", "09:40"), make.interval("10:00", "12:00")),
                duration_min=30,
                preferred_volunteers=("v2",),
            ),
            make.request(
                "r3",
                roles=(lift, nurse),
                by_role=True,
                min_headcount=1,
                point=None,
                windows=(make.interval("14:00", "16:00"),),
            ),
            make.request("r4", windows=None, duration_min=45),
            make.request("r5", headcount=2, min_headcount=1),
        ],
        [
            make.volunteer(
                "v1",
                skills=["nursing:3"],
                recent_minutes=120,
                max_assignments=1,
                max_minutes=60,
                max_assignments_per_day=1,
                max_minutes_per_day=60,
                availability=make.free(make.interval("08:00", "10:00")),
            ),
            make.volunteer("v2", skills=["lift"], point=make.at_m(600)),
            make.volunteer("v3", skills=["lift:2"]),
            make.volunteer("v4", paused=True),
            make.volunteer("v5", busy=(Busy(make.clock("10:12"), make.clock("11:00"), make.at_m(3000)),)),
            make.volunteer("v6", travel_mode=TravelMode.WALK, max_distance_m=600, max_travel_min=9),
        ],
        pinned=(make.pin("r4", "v3", None), make.pin("r5", "v4", "09:00")),
    )
    plan = make.plan(
        problem,
        make.assignment("r1", "v1", "09:00", "10:00", cost=300, cost_terms={"load": 300}),
        make.assignment("r2", "v2", "10:30", "11:00", cost=256, cost_terms={"delay": 156, "overqualification": 100}),
        make.assignment(
            "r2",
            "v6",
            "10:30",
            "11:00",
            distance_m=600,
            travel_min=9,
            cost=1636,
            cost_terms={"travel": 480, "delay": 156, "preference": 1000},
        ),
        make.assignment("r3", "v2", "14:00", "15:00", distance_m=None, travel_min=None),
        make.assignment("r3", "v3", "14:00", "15:00", distance_m=None, travel_min=None),
        replace(
            make.assignment("r4", "v3", cost=100, cost_terms={"overqualification": 100}, pinned=True),
            start=None,
            end=None,
        ),
        make.assignment("r5", "v4", "09:00", "10:00", pinned=True),
        make.assignment("r5", "v5", "09:00", "10:00"),
    )
    return problem, plan


def with_request(id_: str, **parts: Any) -> Fault:
    """Change a request."""

    def plant(problem: Problem, plan: Plan) -> Scene:
        items = tuple(replace(item, **parts) if item.id == id_ else item for item in problem.requests)
        return replace(problem, requests=items), plan

    return plant


def with_volunteer(id_: str, **parts: Any) -> Fault:
    """Change a volunteer."""

    def plant(problem: Problem, plan: Plan) -> Scene:
        items = tuple(replace(item, **parts) if item.id == id_ else item for item in problem.volunteers)
        return replace(problem, volunteers=items), plan

    return plant


def with_problem(**parts: Any) -> Fault:
    """Change the problem itself."""
    return lambda problem, plan: (replace(problem, **parts), plan)


def with_summary(**parts: Any) -> Fault:
    """Change the summary."""
    return lambda problem, plan: (problem, replace(plan, summary=replace(plan.summary, **parts)))


def with_assignment(index: int, **parts: Any) -> Fault:
    """Change an assignment and all that follows from it."""
    return with_assignments(lambda items: [replace(x, **parts) if i == index else x for i, x in enumerate(items)])


def with_assignments(change: Callable[[list[Assignment]], list[Assignment]]) -> Fault:
    """Change the assignments and all that follows from them."""
    return lambda problem, plan: (problem, make.plan(problem, *change(list(plan.assignments))))


def without(*indices: int) -> Fault:
    """Leave assignments out, and all that follows from them."""
    return with_assignments(lambda items: [item for index, item in enumerate(items) if index not in indices])


def with_unassigned(*items: Unassigned) -> Fault:
    """Change what is called unassigned."""
    return lambda problem, plan: (problem, replace(plan, unassigned=items))


def both(*faults: Fault) -> Fault:
    """Plant one thing after another."""

    def plant(problem: Problem, plan: Plan) -> Scene:
        for fault in faults:
            problem, plan = fault(problem, plan)
        return problem, plan

    return plant


ALL_PAIRS = tuple(Pair(f"r{r}", f"v{v}") for r, v in [(2, 2), (2, 6), (3, 2), (3, 3), (4, 3), (5, 5)])
DAY = date(2026, 11, 23)

FAULTS: dict[str, tuple[Fault, set[Place]]] = {
    "a paused volunteer": (with_volunteer("v5", paused=True), {(Reason.PAUSED, "r5", "v5")}),
    "a pair that was not given": (with_problem(pairs=ALL_PAIRS), {(Reason.NOT_PAIRED, "r1", "v1")}),
    "an excluded volunteer": (
        with_request("r1", excluded_volunteers=("v9", "v1")),
        {(Reason.EXCLUDED, "r1", "v1")},
    ),
    "a minor without consent": (with_volunteer("v5", birth_year=2008), {(Reason.MINOR, "r5", "v5")}),
    "a minor on a service for adults": (
        both(
            with_volunteer("v5", birth_year=2010, guardian_consent=True),
            with_request("r5", adults_only=True),
        ),
        {(Reason.MINOR, "r5", "v5")},
    ),
    "another gender": (
        both(
            with_request("r1", roles=(make.role("nursing:2", gender=Gender.FEMALE),)),
            with_volunteer("v1", gender=Gender.MALE),
        ),
        {(Reason.GENDER, "r1", "v1")},
    ),
    "a gender that is not stated": (
        with_request("r1", roles=(make.role("nursing:2", gender=Gender.FEMALE),)),
        {(Reason.GENDER, "r1", "v1")},
    ),
    "a missing skill": (with_volunteer("v1", skills=()), {(Reason.SKILL_MISSING, "r1", "v1")}),
    "a level too low": (
        with_volunteer("v1", skills=make.volunteer(skills=["nursing:1"]).skills),
        {(Reason.LEVEL_TOO_LOW, "r1", "v1")},
    ),
    "an expired certificate": (
        with_volunteer("v1", skills=(replace(make.volunteer(skills=["nursing:2"]).skills[0], valid_until=DAY),)),
        {(Reason.CERTIFICATE_EXPIRED, "r1", "v1")},
    ),
    "a missing training": (with_request("r1", trainings=("hygiene",)), {(Reason.UNTRAINED, "r1", "v1")}),
    "no insurance": (with_request("r1", needs_insurance=True), {(Reason.UNINSURED, "r1", "v1")}),
    "insurance until yesterday": (
        both(with_request("r1", needs_insurance=True), with_volunteer("v1", insured_until=DAY)),
        {(Reason.UNINSURED, "r1", "v1")},
    ),
    "one metre too far": (with_volunteer("v6", max_distance_m=599), {(Reason.TOO_FAR, "r2", "v6")}),
    "one minute too far": (with_volunteer("v6", max_travel_min=8), {(Reason.TOO_FAR, "r2", "v6")}),
    "availability that ends one minute early": (
        with_volunteer("v1", availability=make.free(make.interval("08:00", "09:59"))),
        {(Reason.NOT_AVAILABLE, "r1", "v1")},
    ),
    "availability with a break": (
        with_volunteer("v1", availability=make.free(make.interval("08:00", "09:20"), make.interval("09:30", "12:00"))),
        {(Reason.NOT_AVAILABLE, "r1", "v1")},
    ),
    "one assignment too many": (with_volunteer("v2", max_assignments=1), {(Reason.CAPACITY_REACHED, None, "v2")}),
    "a pinned assignment that leaves no room": (
        with_volunteer("v3", max_assignments=1),
        {(Reason.CAPACITY_REACHED, None, "v3")},
    ),
    "one minute too many": (with_volunteer("v3", max_minutes=104), {(Reason.CAPACITY_REACHED, None, "v3")}),
    "one assignment too many on a day": (
        with_volunteer("v2", max_assignments_per_day=1),
        {(Reason.CAPACITY_REACHED, None, "v2")},
    ),
    "one minute too many on a day": (
        with_volunteer("v2", max_minutes_per_day=89),
        {(Reason.CAPACITY_REACHED, None, "v2")},
    ),
    "two services at one time": (
        both(
            with_request("r5", windows=(make.interval("09:00", "16:00"),)),
            with_problem(pinned=(make.pin("r4", "v3", None), make.pin("r5", "v4", "14:30"))),
            with_assignments(
                lambda items: [
                    *items[:6],
                    make.assignment("r5", "v4", "14:30", "15:30", cost=572, cost_terms={"delay": 572}, pinned=True),
                    make.assignment(
                        "r5", "v3", "14:30", "15:30", cost=672, cost_terms={"delay": 572, "overqualification": 100}
                    ),
                ]
            ),
        ),
        {(Reason.BUSY, "r3", "v3")},
    ),
    "too little time to travel to a promise": (
        with_volunteer("v5", busy=(Busy(make.clock("10:11"), make.clock("11:00"), make.at_m(3000)),)),
        {(Reason.BUSY, "r5", "v5")},
    ),
    "too little time to travel from a promise": (
        with_volunteer("v5", busy=(Busy(make.clock("08:00"), make.clock("08:49"), make.at_m(3000)),)),
        {(Reason.BUSY, "r5", "v5")},
    ),
    "a promise at an unknown place": (
        with_volunteer("v5", busy=(Busy(make.clock("09:59"), make.clock("11:00")),)),
        {(Reason.BUSY, "r5", "v5")},
    ),
    "one of two": (without(1), {(Reason.TEAM_INCOMPLETE, "r2", None)}),
    "no whole role": (without(3), {(Reason.TEAM_INCOMPLETE, "r3", None)}),
    "a request that does not exist": (
        with_assignments(lambda items: [*items, make.assignment("r9", "v1")]),
        {(Defect.UNKNOWN_ID, "r9", None)},
    ),
    "a volunteer who does not exist": (
        with_assignments(lambda items: [*items, make.assignment("r1", "v9")]),
        {(Defect.UNKNOWN_ID, None, "v9")},
    ),
    "a role that does not exist": (
        with_assignments(lambda items: [*items, make.assignment("r1", "v5", role=1)]),
        {(Defect.UNKNOWN_ROLE, "r1", "v5")},
    ),
    "one pair twice": (
        both(
            with_request("r1", roles=(make.role("nursing:2", count=2),), min_headcount=1),
            with_volunteer(
                "v1", max_assignments=2, max_minutes=None, max_assignments_per_day=None, max_minutes_per_day=None
            ),
            with_assignments(lambda items: [items[0], *items]),
        ),
        {(Defect.REPEATED_PAIR, "r1", "v1"), (Reason.BUSY, "r1", "v1")},
    ),
    "a pin left out": (
        both(
            without(6),
            with_unassigned(Unassigned("r3", 1), Unassigned("r5", 1)),
        ),
        {(Defect.PIN_LOST, "r5", "v4")},
    ),
    "a pin no longer called one": (
        both(with_volunteer("v4", paused=False), with_assignment(6, pinned=False)),
        {(Defect.PIN_LOST, "r5", "v4")},
    ),
    "a pin at another time": (
        with_problem(pinned=(make.pin("r4", "v3", None), make.pin("r5", "v4", "09:30"))),
        {(Defect.PIN_MOVED, "r5", "v4")},
    ),
    "a pin nobody asked for": (with_assignment(0, pinned=True), {(Defect.PIN_INVENTED, "r1", "v1")}),
    "a start before now": (
        with_problem(now=make.clock("09:01")),
        {
            (Defect.BEFORE_NOW, "r1", "v1"),
            (Defect.BEFORE_NOW, "r5", "v5"),
            (Defect.WRONG_COST, "r2", "v2"),
            (Defect.WRONG_COST, "r2", "v6"),
        },
    ),
    "a service past its window": (
        with_request("r1", windows=(make.interval("09:00", "09:59"), make.interval("10:00", "11:30"))),
        {(Defect.OUTSIDE_WINDOW, "r1", "v1")},
    ),
    "a service across two windows": (
        with_request("r1", windows=(make.interval("09:00", "09:30"), make.interval("09:30", "10:45"))),
        {(Defect.OUTSIDE_WINDOW, "r1", "v1")},
    ),
    "a team that does not start together": (
        both(
            with_request("r2", windows=(make.interval("09:00", "12:00"),)),
            with_assignment(
                1,
                start=make.clock("10:31"),
                end=make.clock("11:01"),
                cost=257,
                cost_terms={"delay": 157, "overqualification": 100},
            ),
        ),
        {(Defect.STARTS_DIFFER, "r2", None)},
    ),
    "a service that ends too late": (with_assignment(4, end=make.clock("15:01")), {(Defect.WRONG_TIMES, "r3", "v3")}),
    "a service without a time": (
        with_assignment(0, start=None, end=None),
        {(Defect.WRONG_TIMES, "r1", "v1")},
    ),
    "a time where none is": (
        with_assignment(5, start=make.clock("09:00"), end=make.clock("09:45")),
        {(Defect.WRONG_TIMES, "r4", "v3")},
    ),
    "a duration of its own that is ignored": (
        with_problem(pairs=(*ALL_PAIRS, Pair("r1", "v1", duration_min=50))),
        {(Defect.WRONG_TIMES, "r1", "v1")},
    ),
    "a wrong distance": (with_assignment(2, distance_m=601), {(Defect.WRONG_TRAVEL, "r2", "v6")}),
    "a wrong travel time": (with_assignment(2, travel_min=10), {(Defect.WRONG_TRAVEL, "r2", "v6")}),
    "a given distance that is ignored": (
        with_problem(pairs=(*ALL_PAIRS, Pair("r1", "v1", distance_m=1, travel_min=0))),
        {(Defect.WRONG_TRAVEL, "r1", "v1")},
    ),
    "a given travel time that is ignored": (
        with_problem(pairs=(*ALL_PAIRS, Pair("r1", "v1", travel_min=1))),
        {(Defect.WRONG_TRAVEL, "r1", "v1")},
    ),
    "a given cost that is ignored": (
        with_problem(pairs=(*ALL_PAIRS, Pair("r1", "v1", cost=300))),
        {(Defect.WRONG_COST, "r1", "v1")},
    ),
    "a cost that is not the sum": (with_assignment(0, cost=301), {(Defect.WRONG_COST, "r1", "v1")}),
    "a wrong travel term": (
        with_assignment(2, cost_terms={"travel": 481, "delay": 155, "preference": 1000}),
        {(Defect.WRONG_COST, "r2", "v6")},
    ),
    "a wrong term of qualification": (
        with_assignment(1, cost_terms={"delay": 256}),
        {(Defect.WRONG_COST, "r2", "v2")},
    ),
    "a wrong term of load": (with_volunteer("v1", recent_minutes=60), {(Defect.WRONG_COST, "r1", "v1")}),
    "a wrong term of preference": (
        with_request("r2", preferred_volunteers=("v2", "v6")),
        {(Defect.WRONG_COST, "r2", "v6")},
    ),
    "a wrong term of delay": (
        with_request("r2", windows=(make.interval("10:00", "12:00"),)),
        {(Defect.WRONG_COST, "r2", "v2"), (Defect.WRONG_COST, "r2", "v6")},
    ),
    "too many in a role": (
        with_request("r2", roles=(make.role(count=1),), min_headcount=1),
        {(Defect.HEADCOUNT_EXCEEDED, "r2", None)},
    ),
    "an open place that is not listed": (with_unassigned(), {(Defect.WRONG_UNASSIGNED, "r3", None)}),
    "an open place listed twice": (
        with_unassigned(Unassigned("r3", 1), Unassigned("r3", 1)),
        {(Defect.WRONG_UNASSIGNED, "r3", None)},
    ),
    "a wrong number of open places": (
        with_unassigned(Unassigned("r3", 2)),
        {(Defect.WRONG_UNASSIGNED, "r3", None)},
    ),
    "a filled request called open": (
        with_unassigned(Unassigned("r3", 1), Unassigned("r1", 1)),
        {(Defect.WRONG_UNASSIGNED, "r1", None)},
    ),
    "an unknown request called open": (
        with_unassigned(Unassigned("r3", 1), Unassigned("r9", 1)),
        {(Defect.WRONG_UNASSIGNED, "r9", None)},
    ),
    **{
        f"a wrong {name}": (with_summary(**{name: figure}), {(Defect.WRONG_SUMMARY, None, None)})
        for name, figure in {
            "requests": 4,
            "volunteers": 5,
            "served_requests": 4,
            "filled_places": 7,
            "gap": 0.1,
        }.items()
    },
    "a wrong total cost": (
        with_summary(total_cost=1, cost_bound=1),
        {(Defect.WRONG_SUMMARY, None, None)},
    ),
    "a wrong served urgency": (
        with_summary(served_urgency=9, urgency_bound=9),
        {(Defect.WRONG_SUMMARY, None, None)},
    ),
    "a bound below what is served": (
        with_summary(urgency_bound=10, gap=-0.1, proof="bounded"),
        {(Defect.FALSE_PROOF, None, None)},
    ),
    "optimality claimed below the bound of urgency": (
        with_summary(urgency_bound=22, gap=0.5),
        {(Defect.FALSE_PROOF, None, None)},
    ),
    "optimality claimed above the bound of cost": (
        with_summary(cost_bound=2291),
        {(Defect.FALSE_PROOF, None, None)},
    ),
    "optimality claimed without a bound of cost": (
        with_summary(cost_bound=None),
        {(Defect.FALSE_PROOF, None, None)},
    ),
}


def found(problem: Problem, plan: Plan) -> set[Place]:
    """Return what is violated and where, without the words."""
    return {(item.code, item.request_id, item.volunteer_id) for item in violations(problem, plan)}


def test_the_scene_is_valid() -> None:
    assert violations(*scene()) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(name: str) -> None:
    fault, expected = FAULTS[name]
    assert found(*fault(*scene())) == expected


def test_every_code_has_a_planted_fault() -> None:
    planted = {code for _, places in FAULTS.values() for code, _, _ in places}
    never_in_a_plan = {Reason.NO_WINDOW, Reason.OUTBID}
    assert planted == {*Reason, *Defect} - never_in_a_plan


def test_the_detail_of_a_violation_names_what_was_found() -> None:
    (violation,) = violations(*with_assignment(0, cost=301)(*scene()))
    assert "300" in violation.detail
    assert "301" in violation.detail
