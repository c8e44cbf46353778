"""What is on the schedule can be done."""

import pytest

from matcher.storage import queue
from matcher.storage.database import Database
from matcher.workers.periodic import PERIODIC
from working import jobs, wait_until, working


@pytest.mark.parametrize("name", PERIODIC)
def test_a_task_on_the_schedule_is_done_at_the_first_try(database: Database, name: str) -> None:
    with database.begin() as session:
        queue.defer(session, name, queueing_lock=name)
    with working(database):
        wait_until(lambda: jobs(database, name) == [])
