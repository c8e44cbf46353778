"""The commands, each as a process of its own: what they write, what they say, how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from typer.testing import CliRunner

import matcher
from matcher.cli.main import app

Run = Callable[..., CompletedProcess[str]]

PROBLEM: dict[str, Any] = {
    "now": "2026-11-24T08:00:00+08:00",
    "requests": [
        {
            "id": "r1",
            "location": {"latitude": 31.2304, "longitude": 121.4737},
            "windows": [{"start": "2026-11-24T09:00:00+08:00", "end": "2026-11-24T12:00:00+08:00"}],
            "skills": [{"code": "nursing"}],
            "urgency": 4,
        },
        {"id": "r2", "skills": [{"code": "plumbing"}]},
    ],
    "volunteers": [
        {"id": "v1", "location": {"latitude": 31.2336, "longitude": 121.4692}, "skills": [{"code": "nursing"}]}
    ],
}
REQUESTS = """\
id,latitude,longitude,windows,skills,urgency
r1,31.2304,121.4737,2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00,nursing,4
r2,,,,plumbing,
"""
VOLUNTEERS = '{"id": "v1", "location": {"latitude": 31.2336, "longitude": 121.4692}, "skills": [{"code": "nursing"}]}\n'


def test_match_writes_a_plan_and_a_summary_and_verify_proves_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM))
    matched = run("match", "problem.json", "-o", "plan.json")
    assert (matched.returncode, matched.stdout) == (0, "")
    assert "requests served" in matched.stderr
    assert "a required skill is missing" in matched.stderr
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [(item["request_id"], item["volunteer_id"]) for item in plan["assignments"]] == [("r1", "v1")]
    verified = run("verify", "problem.json", "plan.json")
    assert (verified.returncode, verified.stdout) == (0, "1 assignments, 1 left open: every rule is kept.\n")


def test_match_reads_standard_input_and_writes_standard_output(run: Run) -> None:
    matched = run("match", "-", stdin=json.dumps(PROBLEM))
    assert matched.returncode == 0
    assert json.loads(matched.stdout)["summary"]["served_requests"] == 1


def test_tables_give_the_same_plan_as_the_body(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text(REQUESTS)
    (tmp_path / "volunteers.ndjson").write_text(VOLUNTEERS)
    files = ("--requests", "requests.csv", "--volunteers", "volunteers.ndjson", "--now", PROBLEM["now"])
    from_tables, from_body = run("match", *files), run("match", "-", stdin=json.dumps(PROBLEM))
    assert _without_times(from_tables.stdout) == _without_times(from_body.stdout)


def test_the_same_seed_and_iterations_give_the_same_plan(run: Run) -> None:
    assert run("generate", "--size", "Sx", "--seed", "4", "-o", "city.json").returncode == 0
    options = ("--seed", "3", "--iterations", "50", "--time-limit", "60", "--no-check")
    one, two = run("match", "city.json", *options), run("match", "city.json", *options)
    assert one.returncode == two.returncode == 0
    assert _without_times(one.stdout) == _without_times(two.stdout)
    assert _without_times(one.stdout)["summary"]["seed"] == 3


def test_an_empty_problem_is_an_empty_plan(run: Run) -> None:
    matched = run("match", "-", stdin="{}")
    assert matched.returncode == 0
    assert json.loads(matched.stdout)["assignments"] == []


def test_a_plan_that_breaks_a_rule_is_told_so_by_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM))
    plan = json.loads(run("match", "problem.json").stdout)
    plan["assignments"][0]["request_id"] = "r2"
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    verified = run("verify", "problem.json", "plan.json")
    assert verified.returncode == 3
    assert "skill-missing: r2, v1: a required skill is missing" in verified.stderr


@pytest.mark.parametrize(
    ("arguments", "content", "said"),
    [
        (("match", "bad.json"), "{", "bad.json: Not JSON at line 1, column 2"),
        (("match", "bad.json"), '{"requests": [{"id": 7}]}', "bad.json: /requests/0/id: Expected a text"),
        (("match", "-"), "", "standard input: Not JSON at line 1, column 1"),
        (("match", "nowhere.json"), "", "nowhere.json: No such file or directory"),
        (("match", "."), "", ".: Is a directory"),
        (("match",), "", "give a problem file, or both --requests and --volunteers"),
        (("match", "bad.json", "--requests", "bad.json"), "{}", "give a problem file or tables, not both"),
        (("match", "-", "--seed", "-1"), "{}", "Invalid value for '--seed'"),
        (("match", "bad.json", "-o", "nowhere/plan.json"), "{", "/nowhere: No such file or directory"),
        (("generate", "-o", "."), "", ".: Is a directory"),
        (("verify", "bad.json", "bad.json"), "{}", "bad.json: /assignments: This field is required."),
        (("generate", "--size", "XXL"), "", "expected one of S, M, L, XL, St"),
        (("openapi", "check", "nowhere.yaml"), "", "nowhere.yaml: No such file or directory"),
        (("serve", "--port", "99999"), "", "Invalid value for '--port'"),
        (("dance",), "", "No such command 'dance'"),
    ],
)
def test_bad_input_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], content: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text(content)
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert said in " ".join(ended.stderr.replace("│", " ").split())


def test_bad_input_shows_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"requests": [{"id": 7}, {"id": 8}]}')
    ended = run("match", "bad.json")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "matcher: 2 faults in the input",
        "bad.json: /requests/0/id: Expected a text in quotation marks.",
        "bad.json: /requests/1/id: Expected a text in quotation marks.",
    ]


def test_openapi_check_tells_when_the_file_is_not_what_the_service_would_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    matcher_command = CliRunner()
    assert matcher_command.invoke(app, ("openapi", "write", "api.yaml")).exit_code == 0
    assert matcher_command.invoke(app, ("openapi", "check", "api.yaml")).exit_code == 0
    with (tmp_path / "api.yaml").open("a") as file:
        file.write("# more\n")
    checked = matcher_command.invoke(app, ("openapi", "check", "api.yaml"))
    assert checked.exit_code == 3
    assert checked.stderr == "matcher: api.yaml is out of date. Run: matcher openapi write api.yaml\n"


def test_version_prints_the_version(run: Run) -> None:
    assert run("version").stdout == f"{matcher.__version__}\n"


def _without_times(text: str) -> Any:
    plan = json.loads(text)
    del plan["summary"]["timings_s"]
    return plan
