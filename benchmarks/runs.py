"""``make bench-runs``: a run over a stored city, stage by stage: rows, problem, plan, offers.

The size may be named: ``python -m benchmarks.runs M``.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.stored_city import REGIONS, fill
from matcher.domain.access import Principal, Scope
from matcher.domain.plans import Options, Weights
from matcher.domain.runs import RunMode
from matcher.services import problem_text, publishing, run_checking, run_plans, run_solving, runs, snapshot
from matcher.services.run_plans import Checked, Solved
from matcher.services.runs import Order
from matcher.services.solver_messages import Backend, Job
from matcher.simulation import city
from matcher.storage import database as databases
from matcher.storage import snapshot as stored
from matcher.storage.database import Database
from matcher.storage.runs import RunRow

MIB = 2**20
OPTIONS = {"time_limit_s": 10.0, "iterations": 0, "seed": 1, "explain": True}
WEIGHTS = {"travel": 4000, "delay": 2500, "overqualification": 2000, "load": 1500, "preference": 1000}
JOB = Job(Backend.KERNEL, report=lambda *_: None, allow=lambda _: None, should_finish=lambda: False)


def main(size: str) -> None:
    # As in a solver process: reading makes millions of objects and no cycles.
    gc.disable()
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory() as folder, databases.connect(None, Path(folder)) as database:
        principal = _fill(database, size)
        table = Table("stage", "s", "CPU s here", "what", title=f"a run over a stored city of size {size}")
        _publish(database, principal, table, _run(database, principal, table))
        console.print(table)
        console.print(f"peak memory {getrusage(RUSAGE_SELF).ru_maxrss * 1024 // MIB} MiB")


def _fill(database: Database, size: str) -> Principal:
    with database.begin() as session:
        client = session.execute(
            text("INSERT INTO clients (id, crs) VALUES ('bench', 'wgs84') RETURNING no")
        ).scalar_one()
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        fill(connection, client, city.generate(size, 1), now=now)
    return Principal(client, 1, frozenset(Scope))


@contextmanager
def _timed(table: Table, stage: str) -> Iterator[list[str]]:
    """Time a stage; what is put into the list is told with it."""
    told: list[str] = []
    begun, spent = time.perf_counter(), time.process_time()
    yield told
    spent = time.process_time() - spent
    table.add_row(stage, f"{time.perf_counter() - begun:.2f}", f"{spent:.2f}", " ".join(told))


def _run(database: Database, principal: Principal, table: Table) -> RunRow:
    """Do what a worker and its solver do for a run, and return it."""
    now = datetime.now(UTC)
    order = Order(REGIONS[0][:6], RunMode.PREVIEW, now, now + timedelta(days=8), {**OPTIONS, "weights": WEIGHTS})
    with database.begin(principal) as session:
        row = runs.create(session, principal, order)
    with database.begin() as session:
        work = runs.claim(session, row.no)
    assert work is not None
    with _timed(table, "rows") as told, database.begin(is_frozen=True) as session:
        rows = stored.take(session, work.scene, now=now)
        size = sum(len(part.content) for part in (rows.requests, rows.volunteers)) // MIB
        told.append(f"{rows.requests.count} requests, {rows.volunteers.count} volunteers, {size} MiB packed")
    with _timed(table, "problem"):
        made = snapshot.build(rows, work.scene, Options(weights=Weights()), now=now)
    with _timed(table, "text") as told:
        told.append(f"{sum(map(len, problem_text.write(made.problem))) // MIB} MiB")
    del made
    with _timed(table, "solver process") as told:
        answer = run_solving.solve(JOB, rows, work.scene, work.options, now)
        solved = run_plans.unpack(answer, Solved)
        parts = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in solved.summary["timings_s"].items())
        told.append(f"problem and text again; {parts}; {len(answer) // MIB} MiB back")
    with _timed(table, "end") as told, database.begin() as session:
        runs.finish(session, work, solved)
        told.append(f"problem {len(solved.problem) // MIB} MiB, plan {len(solved.plan) // MIB} MiB kept")
    return row


def _publish(database: Database, principal: Principal, table: Table, row: RunRow) -> None:
    """Publish the plan of a run."""
    now = datetime.now(UTC)
    with database.begin(principal) as session:
        publishing.publish(session, principal, row.id)
    with _timed(table, "rows again") as told, database.begin(is_frozen=True) as session:
        found = publishing.find(session, row.no)
        assert found is not None
        rows = stored.take(session, found[1], now=now)
        told.append(f"{rows.requests.count} requests, {rows.volunteers.count} volunteers")
    with _timed(table, "check") as told:
        checked = run_plans.unpack(run_checking.check(JOB, found[0], rows, found[1], now), Checked)
        told.append(f"{len(checked.placements)} hold")
    with _timed(table, "publish") as told, database.begin() as session:
        published = publishing.finish(session, row.no, checked, key_no=None)
        assert published is not None
        told.append(f"{published.offers} offers, {len(published.left_out)} left out")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "M")
