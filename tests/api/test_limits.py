"""What a problem may take: time, memory, room in the queue; and what is left when one takes too much."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx

from matcher.api import examples
from matcher.simulation import city
from matcher.simulation.city_body import to_body
from running import RunningService, crisis, running

PROBLEM = examples.PROBLEMS["two-requests"]["value"]


def assert_unharmed(service: RunningService) -> None:
    assert service.client.get("/health/live").status_code == 200
    assert service.match(PROBLEM).status_code == 200


def test_a_solver_past_its_time_is_ended_and_the_service_unharmed(data_dir: Path) -> None:
    # Reading this problem alone takes longer than all the time that it gets.
    with running(data_dir, solver_grace_s=0.05, solver_workers=1) as service:
        answer = service.match({**to_body(city.generate("Mt", 1)), "options": {"time_limit_s": 0.05}})
        assert (answer.status_code, answer.json()["code"]) == (504, "solver-timeout")
        location = service.start_match({**to_body(city.generate("Mt", 1)), "options": {"time_limit_s": 0.05}})
        assert service.wait_for(location, "failed")["problem"]["status"] == 504
        assert service.client.get("/health/live").status_code == 200


def test_a_problem_past_the_memory_cap_is_refused_and_the_service_unharmed(data_dir: Path) -> None:
    with running(data_dir, solver_memory_mb=512, solver_workers=1) as service:
        answer = service.match(to_body(city.generate("M", 1)))
        assert (answer.status_code, answer.json()["code"]) == (507, "solver-memory")
        assert "512" in answer.json()["detail"]
        assert_unharmed(service)


def test_more_than_the_caps_is_refused_with_the_cap_named(data_dir: Path) -> None:
    with running(
        data_dir, max_requests=2, max_volunteers=3, max_pairs=1, max_body_bytes=2000, solver_workers=1
    ) as service:
        pair = {"request_id": "r0", "volunteer_id": "v0"}
        for name, most, body in (
            ("requests", 2, {"requests": [{"id": f"r{number}"} for number in range(3)]}),
            ("volunteers", 3, {"volunteers": [{"id": f"v{number}"} for number in range(4)]}),
            ("pairs", 1, {"requests": [{"id": "r0"}], "volunteers": [{"id": "v0"}], "pairs": [pair, pair]}),
            ("bytes", 2000, {"requests": [{"id": "r" * 2000}]}),
        ):
            answer = service.match(body)
            assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
            assert name in answer.json()["detail"]
            assert str(most) in answer.json()["detail"]
        assert_unharmed(service)


def test_no_problem_gets_more_seconds_than_the_service_allows(data_dir: Path) -> None:
    with running(data_dir, solver_time_limit_s=0.5, solver_workers=1) as service:
        plan = service.match(crisis(time_limit_s=300)).raise_for_status().json()
        assert plan["summary"]["stopped_by"] == "time"


def test_more_than_the_queue_holds_is_asked_to_come_back(data_dir: Path) -> None:
    with running(data_dir, solver_queue=1, solver_workers=1) as service:
        locations = [service.start_match(crisis(time_limit_s=300)) for _ in range(2)]
        refused = service.match(PROBLEM)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) > 0
        for location in locations:
            service.client.delete(location)
        assert_unharmed(service)


def test_a_caller_who_leaves_frees_the_solver(data_dir: Path) -> None:
    with running(data_dir, solver_queue=0, solver_workers=1) as service:
        try:
            service.client.post("/v1/match", json=crisis(time_limit_s=300), timeout=1)
        except httpx.ReadTimeout:
            pass
        else:
            raise AssertionError("the answer should have taken much longer")
        deadline = time.monotonic() + 60
        while (answer := service.match(PROBLEM)).status_code == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answer.status_code == 200


def test_results_are_kept_up_to_a_number_and_the_oldest_goes_first(data_dir: Path) -> None:
    with running(data_dir, max_results=2, solver_workers=1) as service:
        locations = []
        for _ in range(3):
            locations.append(service.start_match(PROBLEM))
            service.wait_for(locations[-1], "done")
        assert [service.client.get(location).status_code for location in locations] == [404, 200, 200]


def test_results_expire(data_dir: Path) -> None:
    with running(data_dir, result_ttl_s=1.5, solver_workers=1) as service:
        location = service.start_match(PROBLEM)
        service.wait_for(location, "done")
        deadline = time.monotonic() + 30
        while service.client.get(location).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert service.client.get(location).status_code == 404


def test_scipy_answers_while_the_kernels_are_compiled(data_dir: Path, tmp_path: Path) -> None:
    with running(data_dir, kernels=True, NUMBA_CACHE_DIR=tmp_path / "cold") as service:
        early = service.client.get("/health/ready")
        assert (early.status_code, early.json()["code"]) == (503, "not-ready")
        assert "kernels-loading" in {fault["code"] for fault in early.json()["errors"]}
        answer = service.match(PROBLEM).raise_for_status().json()
        assert answer["summary"]["backend"] == "scipy"
        assert service.client.get("/health/ready").status_code == 503


def test_a_stopping_service_tells_callers_to_come_back_and_leaves_nothing_behind(data_dir: Path) -> None:
    with running(data_dir, drain_s=2, solver_workers=1) as service:
        location = service.start_match(crisis(time_limit_s=300))
        service.wait_for(location, "running")
        children = _children(service.process.pid)
        assert children
        answers: list[int] = []
        caller = threading.Thread(target=lambda: answers.append(service.match(PROBLEM).status_code))
        caller.start()
        time.sleep(0.5)
        assert service.stop() == -signal.SIGTERM
        caller.join()
        assert answers == [503]
        assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_solvers_end_with_a_service_that_was_killed(data_dir: Path) -> None:
    with running(data_dir, solver_workers=1) as service:
        location = service.start_match(crisis(time_limit_s=300))
        service.wait_for(location, "running")
        children = _children(service.process.pid)
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait()
        deadline = time.monotonic() + 20
        while any(_is_solver(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(_is_solver(child) for child in children)


def _children(parent: int) -> list[int]:
    """Return the solver processes of a service."""
    listed = Path(f"/proc/{parent}/task").glob("*/children")
    return [child for file in listed for child in map(int, file.read_text().split()) if _is_solver(child)]


def _is_solver(process: int) -> bool:
    try:
        return b"solver_process" in Path(f"/proc/{process}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
