"""The demo from end to end: a real service, a real database, real HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest

Run = Callable[..., CompletedProcess[str]]

QUOTE = "'"
PROBLEM: dict[str, Any] = {
    "now": "2026-11-24T08:00:00+08:00",
    "requests": [{"id": "r1", "skills": [{"code": "nursing"}]}, {"id": "r2", "skills": [{"code": "plumbing"}]}],
    "volunteers": [{"id": "v1", "skills": [{"code": "nursing"}]}],
    "options": {"time_limit_s": 0.1},
}


@pytest.mark.timeout(300)
def test_the_demo_matches_over_http_shows_the_plan_and_ends(run: Run, tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM))
    shown = run("demo", "--once", "--port", "0", "--problem", "problem.json")
    assert (shown.returncode, shown.stderr) == (0, "")
    plan = json.loads((tmp_path / "var" / "demo-plan.json").read_text())
    assert [(item["request_id"], item["volunteer_id"]) for item in plan["assignments"]] == [("r1", "v1")]
    assert "Beside matching by hand" in shown.stdout
    assert "An independent check found all 1 assignments to keep every rule." in shown.stdout
    assert "1 of 2" in shown.stdout.partition("Runs over what is kept")[2]
    assert "Nobody is really asked" in shown.stdout
    assert _is_gone(_url(shown.stdout))


@pytest.mark.timeout(300)
def test_the_service_runs_on_until_it_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM))
    command = [sys.executable, "-m", "matcher.cli.main", "demo", "--port", "0", "--problem", "problem.json"]
    shown = tmp_path / "shown"
    with shown.open("wb") as file:
        demo = subprocess.Popen(command, cwd=tmp_path, stdout=file, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        while "Ctrl-C ends it." not in shown.read_text():
            assert demo.poll() is None, shown.read_text()
            time.sleep(0.1)
        url = _url(shown.read_text())
        assert httpx.get(f"{url}/health/live").status_code == 200
        assert httpx.get(f"{url}/docs").status_code == 200
        accept = next(line for line in shown.read_text().splitlines() if line.startswith("curl "))
        *_, key, offer = accept.split()
        assert httpx.post(offer, headers={"authorization": f"Bearer {key.strip(QUOTE)}"}).json()["status"] == "accepted"
    finally:
        demo.send_signal(signal.SIGTERM)
    assert demo.wait() == 0
    assert _is_gone(url)


def test_a_demo_without_its_problem_says_so(run: Run) -> None:
    shown = run("demo", "--problem", "nowhere.json")
    assert shown.returncode == 2
    assert "nowhere.json" in shown.stderr


def _url(text: str) -> str:
    return next(line.split()[-1] for line in text.splitlines() if line.startswith("The service runs at"))


def _is_gone(url: str) -> bool:
    try:
        httpx.get(f"{url}/health/live")
    except httpx.ConnectError:
        return True
    return False
