"""Results in memory: bounded in number and in time."""

from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.errors import NotFoundError, OverloadedError
from matcher.services.results import Results
from matcher.services.solver_messages import Task
from matcher.services.solving import Ticket

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ticket(*, is_done: bool) -> Ticket:
    made = Ticket(Task("module:function", ()))
    if is_done:
        made.answer.set_result(b"{}")
    return made


def test_a_finished_result_expires() -> None:
    results = Results(most=2, lifetime=HOUR)
    kept = results.add(ticket(is_done=True), now=NOW)
    assert results.get(kept.id, now=NOW).expires_at == NOW + HOUR
    assert results.get(kept.id, now=NOW + HOUR / 2) is kept
    with pytest.raises(NotFoundError):
        results.get(kept.id, now=NOW + HOUR)


def test_the_time_to_fetch_a_result_starts_when_it_is_there() -> None:
    results = Results(most=2, lifetime=HOUR)
    kept = results.add(slow := ticket(is_done=False), now=NOW)
    assert results.get(kept.id, now=NOW + 3 * HOUR).expires_at is None
    slow.answer.set_result(b"{}")
    assert results.get(kept.id, now=NOW + 3 * HOUR).expires_at == NOW + 4 * HOUR


def test_a_result_that_is_still_computed_does_not_expire() -> None:
    results = Results(most=2, lifetime=HOUR)
    kept = results.add(ticket(is_done=False), now=NOW)
    assert results.get(kept.id, now=NOW + 2 * HOUR) is kept


def test_the_oldest_finished_result_makes_room() -> None:
    results = Results(most=2, lifetime=HOUR)
    open_, done = results.add(ticket(is_done=False), now=NOW), results.add(ticket(is_done=True), now=NOW)
    results.make_room(now=NOW)
    assert results.get(open_.id, now=NOW) is open_
    with pytest.raises(NotFoundError):
        results.get(done.id, now=NOW)


def test_the_oldest_answers_go_when_all_together_are_too_long() -> None:
    results = Results(most=10, lifetime=HOUR, most_bytes=4)
    first, second, third = (results.add(ticket(is_done=True), now=NOW) for _ in range(3))
    results.make_room(now=NOW)
    with pytest.raises(NotFoundError):
        results.get(first.id, now=NOW)
    assert results.get(second.id, now=NOW) is second
    assert results.get(third.id, now=NOW) is third


def test_there_is_no_room_while_nothing_is_finished() -> None:
    results = Results(most=1, lifetime=HOUR)
    results.add(ticket(is_done=False), now=NOW)
    with pytest.raises(OverloadedError):
        results.make_room(now=NOW)


def test_a_removed_result_is_gone() -> None:
    results = Results(most=1, lifetime=HOUR)
    kept = results.add(ticket(is_done=True), now=NOW)
    assert results.remove(kept.id, now=NOW) is kept
    with pytest.raises(NotFoundError):
        results.remove(kept.id, now=NOW)
