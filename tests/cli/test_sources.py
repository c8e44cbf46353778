"""Where problems and plans come from: files, standard input, tables; and what is said of bad ones."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from matcher.cli import sources
from matcher.cli.faults import BadInputError
from matcher.cli.sources import ProblemFile, ProblemTables
from matcher.domain.plans import Problem
from matcher.matching import pipeline

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEAD: dict[str, Any] = {"now": None, "time_zone": "Asia/Shanghai", "crs": "wgs84"}
BODY: dict[str, Any] = {
    "crs": "wgs84",
    "requests": [
        {
            "id": "r1",
            "location": {"latitude": 31.2304, "longitude": 121.4737},
            "windows": [{"start": "2026-11-24T09:00:00+08:00", "end": "2026-11-24T12:00:00+08:00"}],
            "skills": [{"code": "nursing", "level": 2}],
            "headcount": 2,
            "min_headcount": 1,
            "gender": "female",
            "adults_only": True,
            "preferred_volunteers": ["v1"],
        },
        {"id": "r2", "urgency": 4},
    ],
    "volunteers": [
        {
            "id": "v1",
            "location": {"latitude": 31.2336, "longitude": 121.4692},
            "max_distance_km": 3.5,
            "travel_mode": "ebike",
            "skills": [{"code": "nursing", "level": 3, "valid_until": "2027-06-30"}],
            "availability": {
                "weekly": [{"days": ["mon", "tue"], "start": "09:00", "end": "18:00", "calendar": "workdays"}],
                "extra": [{"start": "2026-11-28T09:00:00+08:00", "end": "2026-11-28T12:00:00+08:00"}],
            },
            "busy": [{"start": "2026-11-24T09:00:00+08:00", "end": "2026-11-24T09:30:00+08:00"}],
            "max_assignments": 3,
        },
        {"id": "v2", "paused": True},
    ],
    "pairs": [{"request_id": "r2", "volunteer_id": "v1", "cost": 7}],
}
MORNING = "2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00"
REQUESTS = f"""\
id,latitude,longitude,windows,skills,headcount,min_headcount,gender,adults_only,preferred_volunteers,urgency
r1,31.2304,121.4737,{MORNING},nursing:2,2,1,female,yes,v1,
r2,,,,,,,,,,4
"""
SATURDAY, HALF_HOUR = MORNING.replace("24T", "28T"), "2026-11-24T09:00:00+08:00/2026-11-24T09:30:00+08:00"
VOLUNTEERS = f"""\
id,latitude,longitude,max_distance_km,travel_mode,skills,weekly,extra,busy,max_assignments,paused
v1,31.2336,121.4692,3.5,ebike,nursing:3@2027-06-30,"mon,tue 09:00-18:00 workdays",{SATURDAY},{HALF_HOUR},3,
v2,,,,,,,,,,yes
"""
PAIRS = "request_id,volunteer_id,cost\nr2,v1,7\n"


@pytest.fixture
def from_body(tmp_path: Path) -> Problem:
    return ProblemFile(_write(tmp_path / "problem.json", json.dumps(BODY))).read(now=NOW)


def test_tables_hold_the_same_problem_as_the_body(tmp_path: Path, from_body: Problem) -> None:
    requests, volunteers, pairs = (
        _write(tmp_path / f"{name}.csv", content)
        for name, content in (("requests", REQUESTS), ("volunteers", VOLUNTEERS), ("pairs", PAIRS))
    )
    assert ProblemTables(requests, volunteers, pairs, head=HEAD).read(now=NOW) == from_body


def test_ndjson_holds_the_same_problem_as_the_body(tmp_path: Path, from_body: Problem) -> None:
    requests, volunteers, pairs = (
        _write(tmp_path / f"{name}.ndjson", "\n".join(map(json.dumps, BODY[name])))
        for name in ("requests", "volunteers", "pairs")
    )
    assert ProblemTables(requests, volunteers, pairs, head=HEAD).read(now=NOW) == from_body


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("", ["problem.json: Not JSON at line 1, column 1: Expecting value."]),
        ('{"requests": [\n{"id": "r1",}\n]}', ["problem.json: Not JSON at line 2, column 13:"]),
        ('{"request": []}', ["problem.json: /request: There is no field of this name here."]),
        (
            '{"requests": [{"id": "r1", "urgency": "3"}, {"headcount": 0}]}',
            [
                "problem.json: /requests/0/urgency: Expected a whole number,",
                "problem.json: /requests/1/id: This field is required.",
                "problem.json: /requests/1/headcount: Expected 1 or more.",
            ],
        ),
        ('{"requests": [{"id": "r1"}, {"id": "r1"}]}', ['problem.json: /requests/1/id: The id "r1" is used twice,']),
    ],
)
def test_every_fault_of_a_problem_file_has_its_pointer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, faults: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "problem.json", content)
    with pytest.raises(BadInputError) as caught:
        ProblemFile(Path("problem.json")).read(now=NOW)
    found = [str(fault) for fault in caught.value.faults]
    assert [text[: len(start)] for text, start in zip(found, faults, strict=True)] == faults


@pytest.mark.parametrize(
    ("requests", "volunteers", "head", "faults"),
    [
        ("id\nr1\nr2\nr1\n", "id\nv1\n", {}, ['r.csv: line 4, column id: The id "r1" is used twice, first at line 2.']),
        ("id,urgency\nr1,0\n", "id\nv1\n", {}, ["r.csv: line 2, column urgency: Expected 1 or more."]),
        (
            "id,windows\nr1,2026-11-24/2026-11-25\n",
            "id,weekly\nv1,mon 25:00-26:00\n",
            {},
            ["r.csv: line 2, column windows: Expected date, time", "r.csv: line 2, column windows: Expected date, time"]
            + ["v.csv: line 2, column weekly: Expected a time of day"] * 2,
        ),
        ("id,latitude\nr1,31\n", "id\nv1\n", {}, ["r.csv: line 2, column longitude: This field is required."]),
        (
            "id,urgency\nr1,x\n",
            "id,paused\nv1,x\n",
            {},
            ["r.csv: line 2, column urgency:", "v.csv: line 2, column paused"],
        ),
        ("id\nr1\n", "id\nv1\n", {"now": "tomorrow"}, ["--now: Expected date, time and offset"]),
        ("id\nr1\n", "id\nv1\n", {"time_zone": "Asia/Nowhere"}, ["--time-zone: Expected the IANA name"]),
    ],
)
def test_every_fault_of_the_tables_has_its_file_line_and_column(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    requests: str,
    volunteers: str,
    head: dict[str, Any],
    faults: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "r.csv", requests)
    _write(tmp_path / "v.csv", volunteers)
    with pytest.raises(BadInputError) as caught:
        ProblemTables(Path("r.csv"), Path("v.csv"), None, head=HEAD | head).read(now=NOW)
    found = [str(fault) for fault in caught.value.faults]
    assert [text[: len(start)] for text, start in zip(found, faults, strict=True)] == faults


def test_a_fault_that_the_solver_finds_is_told_as_one_of_the_files(tmp_path: Path) -> None:
    far = "2026-11-24T09:00:00+08:00/2026-11-24T10:00:00+08:00|2029-01-01T09:00:00+08:00/2029-01-01T10:00:00+08:00"
    requests = _write(tmp_path / "r.csv", f"id,windows\nr1,\nr2,{far}\n")
    volunteers = _write(tmp_path / "v.csv", "id\nv1\n")
    source = ProblemTables(requests, volunteers, None, head=HEAD)
    problem = source.read(now=NOW)
    with pytest.raises(BadInputError, match=r"r\.csv: line 3, column windows: A window may end"), source.located():
        pipeline.solve(problem, clock=time.perf_counter)


def test_a_plan_file_that_is_no_plan_says_where(tmp_path: Path) -> None:
    path = _write(tmp_path / "plan.json", '{"assignments": [{"request_id": 1}]}')
    with pytest.raises(BadInputError, match=r"plan\.json: /assignments/0/request_id"):
        sources.read_plan(path)


def _write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path
