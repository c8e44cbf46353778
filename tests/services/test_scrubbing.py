"""Taking somebody out of a problem and a plan: them alone, and wherever they are named."""

import gzip
import json
from typing import Any

from matcher.domain.erasures import ErasureKind
from matcher.services import scrubbing
from matcher.services.solver_messages import Backend, Job

JOB = Job(
    Backend.SCIPY, report=lambda _stage, _fraction: None, allow=lambda _seconds: None, should_finish=lambda: False
)

PROBLEM: dict[str, Any] = {
    "requests": [{"id": "1", "preferred_volunteers": ["1", "2"]}, {"id": "2", "excluded_volunteers": ["1"]}],
    "volunteers": [{"id": "1"}, {"id": "2"}],
    "pinned": [{"request_id": "1", "volunteer_id": "1"}, {"request_id": "1", "volunteer_id": "2"}],
    "pairs": [{"request_id": "2", "volunteer_id": "1"}],
}
PLAN: dict[str, Any] = {
    "assignments": [{"request_id": "1", "volunteer_id": "1"}, {"request_id": "1", "volunteer_id": "2"}],
    "unassigned": [
        {"request_id": "1", "nearest_fix": None},
        {"request_id": "2", "nearest_fix": {"code": "widen-distance", "volunteer_id": "1"}},
    ],
    "summary": {"requests": 2},
    "prices": {"requests": {"1": 5, "2": 6}, "volunteers": {"1": 7, "2": 8}},
    "shortage": [],
}


def _scrub(function: Any, body: Any, kind: ErasureKind, *ids: str) -> Any:
    answer = function(JOB, gzip.compress(json.dumps(body).encode()), kind, ids)
    return None if answer == scrubbing.UNCHANGED else json.loads(gzip.decompress(answer))


def test_a_volunteer_leaves_a_problem_and_every_wish() -> None:
    assert _scrub(scrubbing.problem, PROBLEM, ErasureKind.VOLUNTEER, "1") == {
        "requests": [{"id": "1", "preferred_volunteers": ["2"]}, {"id": "2", "excluded_volunteers": []}],
        "volunteers": [{"id": "2"}],
        "pinned": [{"request_id": "1", "volunteer_id": "2"}],
        "pairs": [],
    }


def test_a_request_leaves_a_problem_and_no_volunteer_of_the_same_id() -> None:
    assert _scrub(scrubbing.problem, PROBLEM, ErasureKind.REQUEST, "1") == {
        "requests": [{"id": "2", "excluded_volunteers": ["1"]}],
        "volunteers": [{"id": "1"}, {"id": "2"}],
        "pinned": [],
        "pairs": [{"request_id": "2", "volunteer_id": "1"}],
    }


def test_a_volunteer_leaves_a_plan_and_its_fixes() -> None:
    assert _scrub(scrubbing.plan, PLAN, ErasureKind.VOLUNTEER, "1") == PLAN | {
        "assignments": [{"request_id": "1", "volunteer_id": "2"}],
        "unassigned": [{"request_id": "1", "nearest_fix": None}, {"request_id": "2", "nearest_fix": None}],
        "prices": {"requests": {"1": 5, "2": 6}, "volunteers": {"2": 8}},
    }


def test_requests_leave_a_plan_with_their_prices() -> None:
    assert _scrub(scrubbing.plan, PLAN, ErasureKind.REQUEST, "1", "2") == PLAN | {
        "assignments": [],
        "unassigned": [],
        "prices": {"requests": {}, "volunteers": {"1": 7, "2": 8}},
    }


def test_a_text_that_does_not_name_them_is_left_alone() -> None:
    assert _scrub(scrubbing.problem, PROBLEM, ErasureKind.VOLUNTEER, "阿姨") is None
    assert (
        _scrub(scrubbing.problem, {**PROBLEM, "volunteers": [{"id": "阿姨"}]}, ErasureKind.VOLUNTEER, "阿姨")
        is not None
    )
