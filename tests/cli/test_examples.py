"""The examples do what their pages say."""

import time
from datetime import UTC, datetime
from pathlib import Path

from matcher.cli.sources import ProblemFile, ProblemTables
from matcher.domain.reasons import Reason
from matcher.matching import pipeline, verify

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_the_neighbourhood_is_matched_as_its_page_says() -> None:
    folder = EXAMPLES / "neighbourhood"
    head = {"now": NOW.isoformat(), "time_zone": "Asia/Shanghai", "crs": "gcj02"}
    tables = ProblemTables(folder / "requests.csv", folder / "volunteers.csv", None, head=head)
    problem = tables.read(now=NOW)
    plan = pipeline.solve(problem, clock=time.perf_counter)
    served: dict[str, set[str]] = {}
    for assignment in plan.assignments:
        served.setdefault(assignment.request_id, set()).add(assignment.volunteer_id)
    assert served["bath"] == {"hui"}
    assert served["piano"] == {"bo", "jun", "lan"}
    assert served["clinic"] == {"bo"}
    reasons = {item.request_id: {reason.code for reason in item.reasons} for item in plan.unassigned}
    assert Reason.CERTIFICATE_EXPIRED in reasons["bath"]
    assert reasons["pipes"] == {Reason.SKILL_MISSING, Reason.NOT_AVAILABLE}
    assert verify.violations(problem, plan) == []


def test_the_flood_of_2021_is_read_without_a_fault() -> None:
    problem = ProblemFile(EXAMPLES / "zhengzhou-2021" / "problem.json").read(now=NOW)
    assert (len(problem.requests), len(problem.volunteers)) == (1042, 1192)
    assert problem.now.isoformat() == "2021-07-25T14:34:00+08:00"
