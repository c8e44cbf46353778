"""Solver processes: tasks go in, answers come out, and a process that dies is replaced."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from datetime import UTC, datetime

import pytest

from matcher.api.reading import Caps
from matcher.domain.errors import InvalidProblemError, OverloadedError, SolverCrashError, SolverMemoryError
from matcher.services.solving import Limits, Solvers, Ticket
from running import crisis

ANSWER = "matcher.api.answer:answer"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
CAPS = Caps(requests=10_000, volunteers=10_000, pairs=10_000, time_limit_s=300)
WAIT_S = 120


@pytest.fixture(scope="module")
def solvers() -> Iterator[Solvers]:
    limits = Limits(workers=1, queue=2, time_limit_s=300, grace_s=60, memory_mb=2048)
    started = Solvers(limits, kernels=False, log_level="error")
    started.start()
    yield started
    started.close(drain_s=0)


def submit(solvers: Solvers, body: bytes) -> Ticket:
    return solvers.submit(ANSWER, body, NOW, CAPS)


def submit_crisis(solvers: Solvers) -> Ticket:
    """Start a task that runs until it is ended, and wait until it runs."""
    ticket = submit(solvers, json_crisis())
    deadline = time.monotonic() + WAIT_S
    while ticket.progress is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return ticket


def json_crisis() -> bytes:
    return json.dumps(crisis(time_limit_s=300)).encode()


def test_a_task_is_answered(solvers: Solvers) -> None:
    assert submit(solvers, b"{}").answer.result(WAIT_S).startswith(b'{"assignments":[]')


def test_a_refusal_keeps_its_faults_on_the_way_out_of_the_process(solvers: Solvers) -> None:
    refused = submit(solvers, b'{"requests": [{"id": "r", "urgency": 0}]}').answer.exception(WAIT_S)
    assert isinstance(refused, InvalidProblemError)
    assert [fault.pointer for fault in refused.faults] == ["/requests/0/urgency"]


def test_an_error_that_nobody_foresaw_ends_the_task_and_not_the_worker(solvers: Solvers) -> None:
    crashed = solvers.submit("matcher.api.answer:no_such_function").answer.exception(WAIT_S)
    assert isinstance(crashed, SolverCrashError)
    assert submit(solvers, b"{}").answer.result(WAIT_S)


def test_a_process_that_dies_at_work_is_replaced(solvers: Solvers) -> None:
    ticket = submit_crisis(solvers)
    assert ticket.child is not None
    os.kill(ticket.child.pid, signal.SIGSEGV)
    assert isinstance(ticket.answer.exception(WAIT_S), SolverCrashError)
    assert submit(solvers, b"{}").answer.result(WAIT_S)


def test_a_process_that_the_system_kills_at_work_was_too_large(solvers: Solvers) -> None:
    ticket = submit_crisis(solvers)
    assert ticket.child is not None
    os.kill(ticket.child.pid, signal.SIGKILL)
    assert isinstance(ticket.answer.exception(WAIT_S), SolverMemoryError)


def test_a_process_that_dies_while_it_idles_costs_nobody_an_answer(solvers: Solvers) -> None:
    ticket = submit_crisis(solvers)
    assert ticket.child is not None
    child = ticket.child
    solvers.cancel(ticket)
    with pytest.raises(CancelledError):
        ticket.answer.result(WAIT_S)
    idle = submit(solvers, b"{}")
    assert idle.answer.result(WAIT_S)
    assert child.how_it_ended() == -signal.SIGKILL
    assert submit(solvers, b"{}").answer.result(WAIT_S)


def test_a_waiting_task_can_be_given_up_without_harm_to_the_running_one(solvers: Solvers) -> None:
    runs, waits = submit_crisis(solvers), submit(solvers, b"{}")
    solvers.cancel(waits)
    assert isinstance(waits.answer.exception(WAIT_S), CancelledError)
    assert not runs.answer.done()
    solvers.cancel(runs)
    assert isinstance(runs.answer.exception(WAIT_S), CancelledError)


def test_a_task_that_is_done_cannot_be_given_up(solvers: Solvers) -> None:
    ticket = submit(solvers, b"{}")
    answer = ticket.answer.result(WAIT_S)
    solvers.cancel(ticket)
    assert ticket.answer.result() == answer


def test_tasks_beyond_the_queue_are_refused(solvers: Solvers) -> None:
    tickets = [submit(solvers, json_crisis()) for _ in range(3)]
    with pytest.raises(OverloadedError):
        submit(solvers, b"{}")
    for ticket in reversed(tickets):
        solvers.cancel(ticket)
        assert ticket.answer.exception(WAIT_S)


def test_nothing_is_taken_on_after_the_end() -> None:
    ended = Solvers(Limits(1, 1, 1, 1, 1024), kernels=False, log_level="error")
    ended.start()
    waiting = submit(ended, json_crisis())
    ended.close(drain_s=0)
    assert isinstance(waiting.answer.exception(WAIT_S), OverloadedError)
    with pytest.raises(OverloadedError):
        submit(ended, b"{}")


def test_a_task_that_is_to_finish_answers_with_what_it_has(solvers: Solvers) -> None:
    ticket = submit_crisis(solvers)
    while ticket.progress is None or ticket.progress.stage != "schedule":
        time.sleep(0.05)
    solvers.finish(ticket)
    plan = json.loads(ticket.answer.result(WAIT_S))
    assert plan["summary"]["stopped_by"] == "request"
    assert plan["assignments"]


def test_a_task_that_is_to_finish_before_it_begins_finishes_soon(solvers: Solvers) -> None:
    first, second = submit_crisis(solvers), submit(solvers, json_crisis())
    solvers.finish(second)
    solvers.finish(first)
    assert json.loads(second.answer.result(WAIT_S))["summary"]["stopped_by"] == "request"


def test_a_wish_that_comes_too_late_does_not_touch_the_next_task(solvers: Solvers) -> None:
    first = submit(solvers, b"{}")
    first.answer.result(WAIT_S)
    second = submit_crisis(solvers)
    assert second.child is not None
    second.child.finish(first.task)
    time.sleep(1)
    assert not second.answer.done()
    solvers.finish(second)
    assert second.answer.result(WAIT_S)
