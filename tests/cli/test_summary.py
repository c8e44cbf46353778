"""A plan as tables that a person reads."""

from dataclasses import replace
from datetime import date

from rich.console import Console, RenderableType

import make
from matcher.cli import summary
from matcher.domain.plans import Plan, ReasonCount, Shortage, Unassigned
from matcher.domain.reasons import Reason
from matcher.simulation.policies import Choice

REQUESTS = [make.request(f"r{number}", urgency=number) for number in range(1, 5)]
PROBLEM = make.problem(REQUESTS, [make.volunteer(f"v{number}") for number in range(4)])


def test_the_figures_stand_beside_their_bounds() -> None:
    plan = make.plan(
        PROBLEM,
        make.assignment("r1", "v0", distance_m=500),
        make.assignment("r2", "v1", distance_m=1_500),
        make.assignment("r4", "v2", distance_m=9_000),
        urgency_bound=10,
        gap=0.3,
        proof="bounded",
        cost_bound=None,
        cost_gap=None,
    )
    text = _text(summary.figures(plan))
    assert _row(text, "requests served") == ["3", "of 4"]
    assert _row(text, "urgency served") == ["7", "no plan reaches more than 10: gap 30.00%"]
    assert _row(text, "places filled") == ["3", "by 3 volunteers"]
    assert _row(text, "median distance") == ["1.5 km", ""]
    assert _row(text, "95 % are within") == ["9.0 km", ""]
    assert _row(text, "cost") == ["0", ""]


def test_a_plan_without_places_has_no_distances() -> None:
    plan = make.plan(PROBLEM, make.assignment("r1", "v0", distance_m=None))
    assert "distance" not in _text(summary.figures(plan))


def test_matching_by_hand_stands_beside_the_plan() -> None:
    plan = make.plan(PROBLEM, *(make.assignment(f"r{n}", f"v{n - 1}", distance_m=1000 * n) for n in (2, 3, 4)))
    by_hand = [Choice(0, 0, 0, 60, 100), Choice(1, 0, 1, 60, 200), Choice(1, 0, 2, 60, -1)]
    text = _text(summary.beside(PROBLEM, plan, by_hand))
    assert _row(text, "requests served") == ["3", "2", "+50.0%"]
    assert _row(text, "urgency served") == ["9", "3", "+200.0%"]
    assert _row(text, "places filled") == ["3", "3", "+0.0%"]
    assert _row(text, "median distance") == ["3.0 km", "0.2 km", ""]


def test_nothing_by_hand_is_no_division_by_zero() -> None:
    assert _row(_text(summary.beside(PROBLEM, make.plan(PROBLEM), [])), "urgency served") == ["0", "0", ""]


def test_a_request_is_counted_at_the_last_hurdle_that_anybody_came_to() -> None:
    plan = _open(
        Unassigned("r1", 1, (ReasonCount(Reason.SKILL_MISSING, 9), ReasonCount(Reason.OUTBID, 1))),
        Unassigned("r2", 2, (ReasonCount(Reason.OUTBID, 3),)),
        Unassigned("r3", 1, (ReasonCount(Reason.SKILL_MISSING, 4),)),
        Unassigned("r4", 5),
    )
    text = _text(summary.open_requests(plan))
    assert _row(text, "eligible, but serves other requests in this plan")[1:] == ["2", "3"]
    assert _row(text, "a required skill is missing (art. 16)")[1:] == ["1", "1"]
    assert _row(text, "not explained")[1:] == ["1", "5"]


def test_a_team_is_counted_in_the_role_that_came_least_far() -> None:
    reasons = (ReasonCount(Reason.OUTBID, 2, role=0), ReasonCount(Reason.TOO_FAR, 2, role=1))
    text = _text(summary.open_requests(_open(Unassigned("r1", 2, reasons))))
    assert _row(text, "farther than the volunteer travels")[1:] == ["1", "2"]


def test_the_worst_shortages_come_first_and_regions_have_names() -> None:
    shortage = tuple(
        Shortage(region, "nursing", day, urgency, 4)
        for region, day, urgency in (("4101", date(2021, 7, 25), 5), ("4107", None, 9), (None, None, 1))
    )
    plan = replace(make.plan(PROBLEM), shortage=shortage)
    text = _text(summary.shortages(plan, {"4101": "Zhengzhou"}, most=2))
    assert _row(text, "4107") == ["nursing", "–", "9", "4"]
    assert _row(text, "Zhengzhou") == ["nursing", "2021-07-25", "5", "4"]
    assert text.index("4107") < text.index("Zhengzhou")
    assert "│ –" not in text.splitlines()[-2]


def _open(*unassigned: Unassigned) -> Plan:
    return replace(make.plan(PROBLEM), unassigned=unassigned)


def _text(table: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"│ {name} "))
    return [cell.strip() for cell in line.strip("│").split("│")][1:]
