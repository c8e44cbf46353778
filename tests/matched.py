"""Runs of matching on rows, done step by step as a worker does, in the test's own process."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

import rows
from matcher.domain.access import Principal
from matcher.domain.plans import Options
from matcher.domain.runs import RunMode
from matcher.services import publishing, run_checking, run_plans, run_solving, runs, snapshot
from matcher.services.run_plans import Checked, Solved
from matcher.services.runs import Order, Work
from matcher.services.snapshot import Snapshot
from matcher.services.solver_messages import Backend, Job
from matcher.storage import snapshot as stored
from matcher.storage.database import Database
from matcher.storage.publishing import Published
from matcher.storage.runs import RunRow
from matcher.storage.snapshot import Scene

__all__ = [
    "OPTIONS",
    "clock",
    "create",
    "find",
    "make",
    "offers_of",
    "order",
    "publish_later",
    "scene",
    "solve",
    "take_up",
]

_OFFERS = text("""
    SELECT requests.external_id, volunteers.external_id, offers.status FROM offers
    JOIN requests ON requests.no = offers.request_no JOIN volunteers ON volunteers.no = offers.volunteer_no
    JOIN runs ON runs.no = offers.run_no WHERE runs.id = :run_id ORDER BY 1, 2
""")

OPTIONS: dict[str, Any] = {
    "weights": {"travel": 4000, "delay": 2500, "overqualification": 2000, "load": 1500, "preference": 1000},
    "time_limit_s": 10.0,
    "iterations": 200,
    "seed": 1,
    "explain": True,
}
JOB = Job(Backend.SCIPY, report=lambda *_: None, allow=lambda _: None, should_finish=lambda: False)


def clock(*, hours: float = 0) -> datetime:
    """Return a whole hour, so many hours from the next one on: offers are judged by the real clock."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1 + hours)


def scene(principal: Principal, region: str = rows.REGION, **parts: Any) -> Scene:
    """Return what a run of the next week looks at."""
    now = datetime.now(UTC)
    given: dict[str, Any] = {"horizon_start": now, "horizon_end": now + timedelta(days=7)}
    return Scene(principal.client_no, region, **(given | parts))


def make(database: Database, wanted: Scene, *, now: datetime | None = None) -> Snapshot:
    """Return the snapshot of a scene."""
    at = now or datetime.now(UTC)
    with database.begin(is_frozen=True) as session:
        taken = stored.take(session, wanted, now=at)
    return snapshot.build(taken, wanted, Options(), now=at)


def order(region: str = rows.REGION, mode: RunMode = RunMode.PREVIEW, options: Mapping[str, Any] = OPTIONS) -> Order:
    """Return the order of a run over the next week."""
    return Order(region, mode, datetime.now(UTC), datetime.now(UTC) + timedelta(days=7), options)


def create(database: Database, principal: Principal, **parts: Any) -> RunRow:
    """Ask for a run."""
    with database.begin(principal) as session:
        return runs.create(session, principal, order(**parts))


def take_up(database: Database, row: RunRow) -> tuple[Work, Solved]:
    """Claim a run and solve it, without ending it."""
    with database.begin() as session:
        work = runs.claim(session, row.no)
    assert work is not None
    now = datetime.now(UTC)
    with database.begin(is_frozen=True) as session:
        taken = stored.take(session, work.scene, now=now)
    return work, run_plans.unpack(run_solving.solve(JOB, taken, work.scene, work.options, now), Solved)


def solve(database: Database, principal: Principal, **parts: Any) -> UUID:
    """Ask for a run, solve and end it, and return its id."""
    row = create(database, principal, **parts)
    work, solved = take_up(database, row)
    with database.begin() as session:
        assert runs.finish(session, work, solved) is not None
    return row.id


def publish_later(database: Database, principal: Principal, run_id: UUID) -> Published:
    """Publish the plan of a run that is over."""
    with database.begin(principal) as session:
        row = publishing.publish(session, principal, run_id)
    now = datetime.now(UTC)
    with database.begin(is_frozen=True) as session:
        found = publishing.find(session, row.no)
        assert found is not None
        plan, wanted = found
        taken = stored.take(session, wanted, now=now)
    checked = run_plans.unpack(run_checking.check(JOB, plan, taken, wanted, now), Checked)
    with database.begin() as session:
        published = publishing.finish(session, row.no, checked, key_no=principal.key_no)
    assert published is not None
    return published


def find(database: Database, principal: Principal, run_id: UUID) -> RunRow:
    """Return a run as its caller sees it."""
    with database.begin(principal) as session:
        return runs.get(session, principal, run_id)


def offers_of(database: Database, run_id: UUID) -> list[tuple[str, str, str]]:
    """Return request, volunteer and status of every offer of a run."""
    with database.begin() as session:
        found = session.execute(_OFFERS, {"run_id": run_id})
        return [(row[0], row[1], row[2]) for row in found]
