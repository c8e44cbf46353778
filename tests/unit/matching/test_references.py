"""Published instances, solved through the whole pipeline and held against their published values."""

import csv
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

import make
from matcher.domain.geo import Point
from matcher.domain.plans import Options, Pair, Plan, Problem
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Busy, Skill, TravelMode, Volunteer
from matcher.domain.windows import Interval
from matcher.matching import pipeline
from matcher.matching.verify import violations
from oracles import brute_force

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
ELSEWHERE = Path(os.environ.get("REFERENCE_DATA", ROOT / "var" / "references"))


def solve(problem: Problem) -> Plan:
    """Solve by a clock that stands still, and let nothing but a valid plan pass."""
    plan = pipeline.solve(problem, clock=lambda: 0.0)
    assert violations(problem, plan) == []
    return plan


def assignment_problem(costs: Iterable[Iterable[float]]) -> Problem:
    """Return the problem of one volunteer for each row, each column once; an infinite cost is no pair."""
    rows = [list(row) for row in costs]
    requests = [make.request(f"r{i}", windows=None, point=None) for i in range(len(rows))]
    volunteers = [make.volunteer(f"v{j}", max_assignments=1) for j in range(len(rows[0]))]
    pairs = tuple(
        Pair(f"r{i}", f"v{j}", cost=int(cost))
        for i, row in enumerate(rows)
        for j, cost in enumerate(row)
        if np.isfinite(cost)
    )
    return make.problem(requests, volunteers, pairs=pairs)


# --- assignment ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["assign100", "assign300", "assign500"])
def test_the_assignments_of_the_or_library_reach_their_published_optima(name: str) -> None:
    folder = ELSEWHERE / "orlib_assign"
    if not folder.exists():
        pytest.skip("the OR-Library's files may not be shipped: set REFERENCE_DATA to the folder that has them")
    with (folder / "optima.csv").open() as table:
        optimum = next(int(line["optimum"]) for line in csv.DictReader(table) if line["file"] == name)
    size, *numbers = map(int, (folder / f"{name}.txt").read_text().split())
    summary = solve(assignment_problem(np.reshape(numbers, (size, size)))).summary
    assert (summary.proof, summary.served_requests, summary.total_cost) == ("optimal", size, optimum)


@pytest.mark.parametrize("case", json.loads((DATA / "assignment" / "scipy_small_cases.json").read_text()))
def test_small_assignments_of_scipy_reach_their_known_costs(case: Mapping[str, Any]) -> None:
    costs = [[float(cost) for cost in row] for row in case["cost"]]
    if case["maximize"]:
        costs = [[-cost if np.isfinite(cost) else cost for cost in row] for row in costs]
    plan = solve(assignment_problem(costs))
    assert plan.summary.proof == "optimal"
    assert plan.summary.total_cost == abs(sum(case["expected_selected_costs_by_row"]))


def test_residents_and_hospitals_reach_the_largest_matching() -> None:
    wishes = json.loads((DATA / "assignment" / "hospital_resident_issue159.json").read_text())["residents"]
    graph = np.zeros((len(wishes), len(wishes)), np.int8)
    for resident, hospitals in wishes.items():
        graph[int(resident), hospitals] = 1
    largest = int((maximum_bipartite_matching(csr_array(graph), perm_type="column") >= 0).sum())
    summary = solve(assignment_problem(np.where(graph, 7.0, np.inf))).summary
    assert (summary.proof, summary.served_requests) == ("optimal", largest)


# --- generalized assignment ---------------------------------------------------------------------


def gap_problem(name: str) -> Problem:
    """Return a generalized assignment: jobs with sizes and costs of their own at each agent of a capacity."""
    agents, jobs, *numbers = map(int, (DATA / "gap" / name).read_text().split())
    cost = np.reshape(numbers[: agents * jobs], (agents, jobs))
    size = np.reshape(numbers[agents * jobs : 2 * agents * jobs], (agents, jobs))
    capacity = numbers[2 * agents * jobs :]
    return make.problem(
        [make.request(f"job{j}", windows=None, point=None) for j in range(jobs)],
        [make.volunteer(f"agent{i}", point=None, max_minutes=capacity[i]) for i in range(agents)],
        pairs=tuple(
            Pair(f"job{j}", f"agent{i}", duration_min=int(size[i, j]), cost=int(cost[i, j]))
            for i in range(agents)
            for j in range(jobs)
        ),
    )


def gap_optima() -> dict[str, int]:
    """Return the published optimum of each instance."""
    with (DATA / "gap" / "best_known.csv").open() as table:
        return {line["Path"]: int(line["Optimum"]) for line in csv.DictReader(table)}


@pytest.mark.parametrize("name", gap_optima())
def test_generalized_assignments_reach_their_published_optima(name: str) -> None:
    problem = gap_problem(name)
    summary = solve(replace(problem, options=replace(problem.options, time_limit_s=60.0))).summary
    assert (summary.proof, summary.served_requests) == ("optimal", summary.requests)
    assert summary.total_cost == summary.cost_bound == gap_optima()[name]


@pytest.mark.parametrize("name", ["gap1-0", "gap6-0", "gap12-0"])
def test_without_time_for_a_proof_bound_and_plan_enclose_the_published_optimum(name: str) -> None:
    problem = gap_problem(name)
    summary = solve(replace(problem, options=replace(problem.options, time_limit_s=0.0))).summary
    assert summary.urgency_bound == summary.requests
    assert summary.cost_bound is not None
    assert summary.cost_bound <= gap_optima()[name]
    if summary.served_requests == summary.requests:
        assert summary.total_cost >= gap_optima()[name]


# --- home care and routes -----------------------------------------------------------------------


def test_the_home_care_example_is_served_with_its_synchronised_visit() -> None:
    toy = json.loads((DATA / "hhcrsp" / "toy.json").read_text())
    requests = [request for patient in toy["patients"] for request in home_visits(patient)]
    carers = [
        make.volunteer(carer["id"], point=None, skills=carer["abilities"], max_distance_m=None)
        for carer in toy["caregivers"]
    ]
    plan = solve(make.problem(requests, carers))
    assert plan.unassigned == ()
    both = [assignment for assignment in plan.assignments if assignment.request_id == "p4"]
    assert len({assignment.volunteer_id for assignment in both}) == 2
    assert len({assignment.start for assignment in both}) == 1


def home_visits(patient: Mapping[str, Any]) -> list[HelpRequest]:
    """Return a patient's services: at one start where they are simultaneous, else on their own.

    A service starts inside the patient's window; the delay between two services cannot be asked for.
    """
    start, end = patient["time_window"]
    services = patient["required_caregivers"]
    together = patient.get("synchronization", {}).get("type") == "simultaneous"
    groups = [services] if together else [[service] for service in services]
    names = [patient["id"]] if len(groups) == 1 else [f"{patient['id']}-{service['service']}" for service in services]
    return [
        make.request(
            name,
            point=None,
            roles=tuple(make.role(service["service"]) for service in group),
            by_role=True,
            min_headcount=len(group),
            duration_min=group[0]["duration"],
            windows=(
                Interval(
                    make.NOW + timedelta(minutes=start),
                    make.NOW + timedelta(minutes=end + group[0]["duration"]),
                ),
            ),
        )
        for name, group in zip(names, groups, strict=True)
    ]


@pytest.mark.parametrize("name", ["example_1", "example_3"])
def test_examples_of_a_route_planner_are_served_as_far_as_anybody_can(name: str) -> None:
    problem = vroom_problem(json.loads((DATA / "vroom" / f"{name}.json").read_text()))
    plan, best = solve(problem), brute_force.solve(problem)
    assert plan.summary.served_urgency == best.value.urgency
    assert plan.summary.total_cost >= best.cost


def vroom_problem(example: Mapping[str, Any]) -> Problem:
    """Return jobs, and the two ends of shipments, as requests, and vehicles as volunteers by car."""
    vehicles = example["vehicles"]
    now = instant(min(vehicle["time_window"][0] for vehicle in vehicles))
    end = instant(max(vehicle["time_window"][1] for vehicle in vehicles))
    ends = [
        {**shipment[side], "skills": shipment["skills"]}
        for shipment in example.get("shipments", ())
        for side in ("pickup", "delivery")
    ]
    return Problem(
        now=now,
        time_zone=make.ZONE,
        requests=tuple(vroom_request(job, Interval(now, end)) for job in [*example["jobs"], *ends]),
        volunteers=tuple(vroom_volunteer(vehicle) for vehicle in vehicles),
        options=Options(iterations=2000),
    )


def vroom_request(job: Mapping[str, Any], whole: Interval) -> HelpRequest:
    """Return a job; its windows are for its start, ours hold the whole service."""
    service = job["service"] // 60
    windows = [
        Interval(instant(start), instant(end) + timedelta(minutes=service))
        for start, end in job.get("time_windows", ())
    ]
    return HelpRequest(
        id=f"job{job['id']}",
        roles=(Role(tuple(Need(f"skill{skill}") for skill in job.get("skills", ()))),),
        min_headcount=1,
        point=place(job["location"]),
        windows=tuple(windows) or (whole,),
        duration_min=service,
    )


def vroom_volunteer(vehicle: Mapping[str, Any]) -> Volunteer:
    """Return a vehicle; the first moment of its break is kept free."""
    volunteer = make.volunteer(
        f"vehicle{vehicle['id']}",
        point=place(vehicle["start"]),
        travel_mode=TravelMode.CAR,
        availability=make.free(Interval(*map(instant, vehicle["time_window"]))),
        busy=tuple(
            Busy(instant(pause["time_windows"][0][0]), instant(pause["time_windows"][0][0] + pause["service"]))
            for pause in vehicle.get("breaks", ())
        ),
    )
    return replace(volunteer, skills=tuple(Skill(f"skill{skill}") for skill in vehicle.get("skills", ())))


def instant(seconds: int) -> datetime:
    """Return the instant of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def place(location: tuple[float, float]) -> Point:
    """Return the place of a longitude and a latitude."""
    return Point(location[1], location[0])
