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
        _measure(database, principal, table)
        console.print(table)
        console.print(f"peak memory {getrusage(RUSAGE_SELF).ru_maxrss // 1024} MiB")


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


def _measure(database: Database, principal: Principal, table: Table) -> None:
    @contextmanager
    def timed(stage: str, what: list[str]) -> Iterator[None]:
        begun, spent = time.perf_counter(), time.process_time()
        yield
        spent = time.process_time() - spent
        table.add_row(stage, f"{time.perf_counter() - begun:.2f}", f"{spent:.2f}", " ".join(what))

    now = datetime.now(UTC)
    order = Order(REGIONS[0][:6], RunMode.PREVIEW, now, now + timedelta(days=8), {**OPTIONS, "weights": WEIGHTS})
    with database.begin(principal) as session:
        no, run_id = (row := runs.create(session, principal, order)).no, row.id
    with database.begin() as session:
        work = runs.claim(session, no)
    assert work is not None
    said: list[str] = []
    with timed("rows", said), database.begin(is_frozen=True) as session:
        rows = stored.take(session, work.scene, now=now)
        size = sum(len(part.content) for part in (rows.requests, rows.volunteers)) // 2**20
        said.append(f"{rows.requests.count} requests, {rows.volunteers.count} volunteers, {size} MiB packed")
    said = []
    with timed("problem", said):
        made = snapshot.build(rows, work.scene, Options(weights=Weights()), now=now)
    said = []
    with timed("text", said):
        said.append(f"{sum(map(len, problem_text.write(made.problem))) // 2**20} MiB")
    del made
    said = []
    with timed("solver process", said):
        answer = run_solving.solve(JOB, rows, work.scene, work.options, now)
        solved = run_plans.unpack(answer, Solved)
        parts = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in solved.summary["timings_s"].items())
        said.append(f"problem and text again; {parts}; {len(answer) // 2**20} MiB back")
    said = []
    with timed("end", said), database.begin() as session:
        runs.finish(session, work, solved)
        said.append(f"problem {len(solved.problem) // 2**20} MiB, plan {len(solved.plan) // 2**20} MiB kept")
    with database.begin(principal) as session:
        publishing.publish(session, principal, run_id)
    said = []
    with timed("rows again", said), database.begin(is_frozen=True) as session:
        found = publishing.find(session, no)
        assert found is not None
        rows = stored.take(session, found[1], now=now)
        said.append(f"{rows.requests.count} requests, {rows.volunteers.count} volunteers")
    said = []
    with timed("check", said):
        checked = run_plans.unpack(run_checking.check(JOB, found[0], rows, found[1], now), Checked)
        said.append(f"{len(checked.placements)} hold")
    said = []
    with timed("publish", said), database.begin() as session:
        published = publishing.finish(session, no, checked, key_no=None)
        assert published is not None
        said.append(f"{published.offers} offers, {len(published.left_out)} left out")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "M")
