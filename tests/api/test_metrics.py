"""Whoever watches the service reads figures, and nothing about anybody."""

from prometheus_client.parser import text_string_to_metric_families

from running import RunningService


def figures(service: RunningService) -> dict[str, dict[tuple[str, ...], float]]:
    answer = service.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        sample.name: {
            tuple(other.labels.values()): other.value for other in family.samples if other.name == sample.name
        }
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_every_call_is_counted_by_its_route_and_status(service: RunningService) -> None:
    counted = ("GET", "/v1/match/results/{result_id}", "404")
    before = figures(service)["matcher_requests_total"].get(counted, 0)
    for _ in range(3):
        service.client.get("/v1/match/results/nobody-knows-this")
    after = figures(service)["matcher_requests_total"]
    assert after[counted] == before + 3
    assert not any("nobody-knows" in label for labels in after for label in labels)


def test_a_path_or_method_that_a_stranger_makes_up_makes_no_new_series(service: RunningService) -> None:
    service.client.get("/made/up")
    before = figures(service)["matcher_requests_total"]
    service.client.request("BREW", "/made/up/too")
    after = figures(service)["matcher_requests_total"]
    assert {labels[:2] for labels in after} <= {labels[:2] for labels in before} | {("GET", "/metrics")}


def test_the_load_of_solvers_queue_and_database_is_told(service: RunningService) -> None:
    found = figures(service)
    assert found["matcher_database_up"][()] == 1
    assert found["matcher_solver_warm"][()] == 1
    assert set(found["matcher_jobs"]) == {("waiting",), ("scheduled",), ("running",), ("failed",)}
    assert found["matcher_oldest_job_seconds"][("running",)] >= 0
