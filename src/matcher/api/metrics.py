"""Figures for whoever watches the service, as Prometheus reads them: of calls, of solvers, of jobs."""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from matcher.api import problems
from matcher.api.access import Open
from matcher.api.dependencies import StateDep
from matcher.api.state import State
from matcher.domain.errors import MatcherError
from matcher.storage import queue

__all__ = ["observe", "router"]

router = APIRouter(tags=["health"])

_CALLS: Final = CollectorRegistry()
_SECONDS: Final = Histogram(
    "matcher_request_seconds",
    "Time from the first byte of a call to the last of its answer.",
    ("method", "route"),
    registry=_CALLS,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_ANSWERS: Final = Counter(
    "matcher_requests", "Calls by route and status of their answer.", ("method", "route", "status"), registry=_CALLS
)
for _collector in (ProcessCollector, PlatformCollector, GCCollector):
    _collector(registry=_CALLS)


def observe(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a call. Without a route it met none, and its method may be anything."""
    names = (method, route) if route is not None else ("", "")
    _SECONDS.labels(*names).observe(seconds)
    _ANSWERS.labels(*names, str(status)).inc()


class _Now(Collector):
    """What is true at the moment of asking."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        solvers = self._state.solvers
        yield _gauge("matcher_solver_warm", "Whether the kernels are loaded.", solvers.is_warm)
        yield _gauge("matcher_solver_tasks", "Problems that are being solved or wait for it.", solvers.task_count)
        try:
            with self._state.database.begin() as session:
                census = queue.count(session)
        except MatcherError:
            yield _gauge("matcher_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("matcher_database_up", "Whether the database answers.", 1)
        jobs = GaugeMetricFamily("matcher_jobs", "Jobs of the queue, by status.", labels=["status"])
        for status in ("waiting", "scheduled", "running", "failed"):
            jobs.add_metric([status], getattr(census, status))
        yield jobs
        ages = GaugeMetricFamily("matcher_oldest_job_seconds", "Age of the oldest job, by status.", labels=["status"])
        ages.add_metric(["waiting"], census.oldest_waiting_s)
        ages.add_metric(["running"], census.oldest_running_s)
        yield ages


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="How is it doing?",
    dependencies=[Open],
    response_class=Response,
    responses={
        **problems.responses(),
        200: {
            "description": "Figures in the text format of Prometheus.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
def get_metrics(state: StateDep) -> Response:
    """Answers with counts and times of calls, the load of the solvers and the queue of jobs; nothing about anybody."""
    now = CollectorRegistry()
    now.register(_Now(state))
    return Response(generate_latest(_CALLS) + generate_latest(now), media_type=CONTENT_TYPE_LATEST)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
