"""Answers to come back for: 202, polling, giving up."""

from matcher.api import examples
from running import RunningService, crisis

PROBLEM = examples.PROBLEMS["two-requests"]["value"]


def test_an_answer_can_be_fetched_later(service: RunningService) -> None:
    taken = service.match(PROBLEM, prefer="wait=5, respond-async;x=1")
    assert taken.status_code == 202
    assert taken.headers["preference-applied"] == "respond-async"
    assert taken.headers["retry-after"] == "1"
    result = service.client.get(taken.headers["location"], params={"wait_s": 20}).raise_for_status()
    assert (result.json()["status"], result.json()["problem"]) == ("done", None)
    assert "retry-after" not in result.headers
    direct = service.match(PROBLEM).json()
    assert result.json()["plan"]["assignments"] == direct["assignments"]


def test_a_result_can_be_fetched_more_than_once(service: RunningService) -> None:
    location = service.start_match(PROBLEM)
    assert service.wait_for(location, "done") == service.wait_for(location, "done")


def test_a_fault_is_told_before_anything_is_taken_on(service: RunningService) -> None:
    assert service.match({"requests": [{}]}, prefer="respond-async").status_code == 422


def test_a_fault_that_is_found_later_is_the_result_in_the_language_of_whoever_asks(service: RunningService) -> None:
    location = service.start_match({"requests": [{"id": "x" * 100 + str(number % 4000)} for number in range(4001)]})
    failed = service.wait_for(location, "failed")
    assert failed["plan"] is None
    assert (failed["problem"]["status"], failed["problem"]["code"]) == (422, "invalid-problem")
    chinese = service.client.get(location, headers={"accept-language": "zh"}).json()
    assert chinese["problem"]["title"] == "无法读取该问题"


def test_progress_is_told_while_the_solver_works(service: RunningService) -> None:
    location = service.start_match(crisis(time_limit_s=20))
    try:
        while not (progress := service.wait_for(location, "queued", "running")["progress"]):
            pass
        assert 0 <= progress["fraction"] <= 1
        assert progress["stage"]
    finally:
        assert service.client.delete(location).status_code == 204


def test_a_result_that_was_given_up_is_gone_and_its_solver_free(service: RunningService) -> None:
    locations = [service.start_match(crisis(time_limit_s=300)) for _ in range(3)]
    service.wait_for(locations[0], "running")
    for location in locations:
        assert service.client.delete(location).status_code == 204
        assert service.client.get(location).status_code == 404
        assert service.client.delete(location).status_code == 404
    assert service.match(PROBLEM).status_code == 200


def test_liveness_answers_while_every_solver_works_and_more_wait(service: RunningService) -> None:
    locations = [service.start_match(crisis(time_limit_s=300)) for _ in range(4)]
    try:
        for location in locations[:2]:
            service.wait_for(location, "running")
        for _ in range(20):
            assert service.client.get("/health/live", timeout=5).status_code == 200
        assert [service.wait_for(location, "queued", "running")["status"] for location in locations] == [
            "running",
            "running",
            "queued",
            "queued",
        ]
    finally:
        for location in locations:
            service.client.delete(location)
