"""Published instances through the door, as an outside system sends them: given costs, no geometry."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from running import RunningService

ROOT = Path(__file__).parents[2]
GAP = ROOT / "tests" / "data" / "gap"
ELSEWHERE = Path(os.environ.get("REFERENCE_DATA", ROOT / "var" / "references"))


def optimum(table: Path, key: str, name: str, value: str) -> int:
    """Return the published optimum of an instance from its table."""
    with table.open() as lines:
        return next(int(line[value]) for line in csv.DictReader(lines) if line[key] == name)


def assignment(costs: NDArray[np.int64]) -> dict[str, Any]:
    """Return the body in which every row takes one column, each column once."""
    rows, columns = costs.shape
    return {
        "requests": [{"id": f"r{i}"} for i in range(rows)],
        "volunteers": [{"id": f"v{j}", "max_assignments": 1} for j in range(columns)],
        "pairs": [
            {"request_id": f"r{i}", "volunteer_id": f"v{j}", "cost": int(costs[i, j])}
            for i in range(rows)
            for j in range(columns)
        ],
    }


def generalized(name: str) -> dict[str, Any]:
    """Return the body in which every job goes to one agent, whose minutes are limited."""
    agents, jobs, *numbers = map(int, (GAP / name).read_text().split())
    cost, size = np.reshape(numbers[: 2 * agents * jobs], (2, agents, jobs)).tolist()
    limits = numbers[2 * agents * jobs :]
    return {
        "requests": [{"id": f"job{j}"} for j in range(jobs)],
        "volunteers": [{"id": f"agent{i}", "max_minutes": limits[i]} for i in range(agents)],
        "pairs": [
            {"request_id": f"job{j}", "volunteer_id": f"agent{i}", "cost": cost[i][j], "duration_min": size[i][j]}
            for i in range(agents)
            for j in range(jobs)
        ],
    }


@pytest.mark.parametrize("name", ["gap1-0", "gap3-2", "gap6-1", "gap9-4", "gap12-3"])
def test_a_generalized_assignment_is_answered_with_its_published_optimum(service: RunningService, name: str) -> None:
    summary = service.match(generalized(name)).raise_for_status().json()["summary"]
    published = optimum(GAP / "best_known.csv", "Path", name, "Optimum")
    assert (summary["proof"], summary["total_cost"], summary["cost_bound"]) == ("optimal", published, published)


@pytest.mark.parametrize("name", ["assign100", "assign300", "assign500"])
def test_an_assignment_of_the_or_library_is_answered_with_its_published_optimum(
    service: RunningService, name: str
) -> None:
    folder = ELSEWHERE / "orlib_assign"
    if not folder.exists():
        pytest.skip("the OR-Library's files may not be shipped: set REFERENCE_DATA to the folder that has them")
    size, *costs = map(int, (folder / f"{name}.txt").read_text().split())
    summary = service.match(assignment(np.reshape(costs, (size, size)))).raise_for_status().json()["summary"]
    published = optimum(folder / "optima.csv", "file", name, "optimum")
    assert (summary["proof"], summary["served_requests"], summary["total_cost"]) == ("optimal", size, published)


def test_a_dense_assignment_without_shipped_data_is_answered_exactly(service: RunningService) -> None:
    costs = np.random.default_rng(3).integers(0, 1000, (60, 60))
    summary = service.match(assignment(costs)).raise_for_status().json()["summary"]
    best = int(costs[linear_sum_assignment(costs)].sum())
    assert (summary["proof"], summary["total_cost"], summary["cost_bound"]) == ("optimal", best, best)
