"""The same rows make the same plan, byte for byte, whichever process solves them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import matched
import rows
from make import at_m
from matcher.domain.access import Principal
from matcher.domain.plans import Options
from matcher.services import run_plans, run_solving, runs
from matcher.services.run_plans import Solved
from matcher.services.solving import Limits, Solvers
from matcher.storage import snapshot as stored
from matcher.storage.database import Database
from matcher.storage.snapshot import Rows, Scene

WAIT_S = 120
NOW = datetime.now(UTC)
OPTIONS = Options(iterations=200, time_limit_s=300)


@pytest.fixture(scope="module")
def solvers() -> Iterator[Solvers]:
    limits = Limits(workers=2, queue=2, time_limit_s=300, grace_s=60, memory_mb=1024)
    started = Solvers(limits, kernels=False, log_level="error")
    started.start()
    yield started
    started.close(drain_s=0)


def town(database: Database, principal: Principal, *, is_reversed: bool = False) -> None:
    """Add the same town, in one order or the other."""
    order = range(19, -1, -1) if is_reversed else range(20)
    opens_at = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(hours=30)
    with database.begin() as session:
        for n in order:
            place = at_m(37 * n)
            parts = {"latitude": place.latitude, "longitude": place.longitude}
            rows.request(
                session,
                principal.client_no,
                f"r{n}",
                opens_at=opens_at,
                closes_at=opens_at + timedelta(hours=2 + n % 3),
                headcount=1 + n % 2,
                urgency=1 + n % 5,
                **parts,
            )
            rows.volunteer(session, principal.client_no, f"v{n}", max_assignments=1 + n % 2, **parts)


def take(database: Database, scene: Scene) -> Rows:
    with database.begin(is_frozen=True) as session:
        return stored.take(session, scene, now=NOW)


def test_two_processes_make_the_same_plan_byte_for_byte(database: Database, solvers: Solvers) -> None:
    principal = rows.bearer(database)
    town(database, principal)
    scene = matched.scene(principal, horizon_start=NOW, horizon_end=NOW + timedelta(days=7))
    taken = take(database, scene)
    tickets = [solvers.submit(runs.SOLVE, taken, scene, OPTIONS, NOW) for _ in range(2)]
    solved = [run_plans.unpack(ticket.answer.result(WAIT_S), Solved) for ticket in tickets]
    assert len({(one.problem_hash, one.problem, one.plan) for one in solved}) == 1
    assert solved[0].summary["filled_places"] > 10


def test_the_order_in_which_rows_came_does_not_matter(database: Database) -> None:
    solved = []
    for is_reversed in (False, True):
        principal = rows.bearer(database)
        town(database, principal, is_reversed=is_reversed)
        scene = matched.scene(principal, horizon_start=NOW, horizon_end=NOW + timedelta(days=7))
        answer = run_solving.solve(matched.JOB, take(database, scene), scene, OPTIONS, NOW)
        solved.append(run_plans.unpack(answer, Solved))
    assert (solved[0].problem_hash, solved[0].plan) == (solved[1].problem_hash, solved[1].plan)


def test_a_change_of_the_rows_changes_the_hash(database: Database) -> None:
    principal = rows.bearer(database)
    scene = matched.scene(principal, horizon_start=NOW, horizon_end=NOW + timedelta(days=7))
    hashes = []
    for _ in range(2):
        with database.begin() as session:
            rows.volunteer(session, principal.client_no)
        answer = run_solving.solve(matched.JOB, take(database, scene), scene, OPTIONS, NOW)
        hashes.append(run_plans.unpack(answer, Solved).problem_hash)
    assert hashes[0] != hashes[1]
