"""``make bench-lookups``: candidates and opportunities over a stored city, and how the database finds them.

Of 300,000 volunteers and 50,000 open requests unless another size is named: ``python -m benchmarks.lookups M``.
Besides the requests of the city there are some for skills that hardly anybody has together, and some for the
middle of the night, when nobody has time.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import event, text

from benchmarks.stored_city import REGIONS, fill
from matcher.domain.access import Principal, Scope
from matcher.services import candidates, opportunities
from matcher.simulation import city
from matcher.simulation.city import SKILLS
from matcher.storage import database as databases
from matcher.storage.database import Database, Session
from matcher.storage.tables.people import RequestRow

CALLS: Final = 200
EXTRA: Final = 50
RARE: Final = SKILLS[-3:]

Look = Callable[[Session, str], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of look-up: whom it is for, and whether each answer is complete."""

    name: str
    ids: list[str]
    look: Look


def main(size: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory() as folder, databases.connect(None, Path(folder)) as database:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        made = city.generate(size, 0)
        principal = _fill(database, made, now)
        table = Table("look-up", "p50 ms", "p99 ms", "most ms", "of it own CPU", "complete", title=_title(made))
        for case in _cases(principal, made, now):
            table.add_row(case.name, *_measure(database, principal, case))
        console.print(table)
        for name, statement in _plans(database, principal, now):
            console.print(name, style="bold")
            console.print(statement, soft_wrap=True, highlight=False)


def _title(made: city.City) -> str:
    return f"{len(made.radius_m):,} volunteers, {len(made.urgency):,} open requests, {CALLS} calls each, one at a time"


def _fill(database: Database, made: city.City, now: datetime) -> Principal:
    with database.begin() as session:
        client: int = session.execute(
            text("INSERT INTO clients (id, crs) VALUES ('bench', 'wgs84') RETURNING no")
        ).scalar_one()
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        fill(connection, client, made, now=now)
    night = now.replace(hour=18, minute=0) + timedelta(days=1)  # two in the morning in China
    with database.begin() as session:
        for number in range(EXTRA):
            place = {
                "latitude": float(made.request_latitude[number]),
                "longitude": float(made.request_longitude[number]),
            }
            week = (now, now + timedelta(days=6))
            session.add(_request(client, f"rare-{number}", [(skill, 3) for skill in RARE], week, place))
            session.add(_request(client, f"night-{number}", [], (night, night + timedelta(hours=3)), place))
            session.add(_request(client, f"anybody-{number}", [], week, place))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE requests")
    return Principal(client, 1, frozenset(Scope))


def _request(
    client: int,
    name: str,
    needs: list[tuple[str, int]],
    window: tuple[datetime, datetime],
    place: dict[str, float],
) -> RequestRow:
    opens_at, closes_at = window
    return RequestRow(
        client_no=client,
        external_id=name,
        region=REGIONS[0],
        windows=[{"start": opens_at.isoformat(), "end": closes_at.isoformat()}],
        opens_at=opens_at,
        closes_at=closes_at,
        duration_min=60,
        roles=[{"skills": [{"code": code, "level": level} for code, level in needs], "count": 1, "gender": None}],
        places=[1],
        taken=[0],
        min_headcount=1,
        skill_codes=[code for code, _ in needs],
        urgency=5,
        trainings=[],
        preferred_volunteers=[],
        excluded_volunteers=[],
        **place,
    )


def _cases(principal: Principal, made: city.City, now: datetime) -> Iterator[Case]:
    draw = random.Random(0)  # noqa: S311 - a sample, not a secret
    people = [f"v{number}" for number in draw.sample(range(len(made.radius_m)), CALLS)]

    def find(session: Session, name: str) -> bool:
        return candidates.find(session, principal, name, limit=5, now=now).is_complete

    def find_named(session: Session, name: str) -> bool:
        other = draw.choice(people)
        return candidates.find(session, principal, name, limit=5, volunteer_id=other, now=now).is_complete

    def listing(session: Session, name: str) -> bool:
        return opportunities.list_for(session, principal, name, limit=20, now=now).is_complete

    asked = [f"r{number}" for number in draw.sample(range(len(made.urgency)), CALLS)]
    yield Case("candidates of a request of the city", asked, find)
    yield Case("the same, and why not somebody", asked, find_named)
    for kind, name in (
        ("anybody", "no skill asked for"),
        ("rare", "three scarce skills"),
        ("night", "nobody has time"),
    ):
        yield Case(f"candidates, {name}", [f"{kind}-{number % EXTRA}" for number in range(CALLS)], find)
    yield Case("opportunities of a volunteer", people, listing)


def _measure(database: Database, principal: Principal, case: Case) -> tuple[str, ...]:
    seconds, own, complete = [], [], 0
    for number, name in enumerate(case.ids[:20] + case.ids):
        with database.begin(principal) as session:
            begun, used = time.perf_counter(), time.process_time()
            is_complete = case.look(session, name)
            if number >= 20:  # the first calls only warm up
                seconds.append(time.perf_counter() - begun)
                own.append(time.process_time() - used)
                complete += is_complete
    p50, p99, most = (float(np.percentile(seconds, part)) * 1000 for part in (50, 99, 100))
    return (
        *(f"{value:.1f}" for value in (p50, p99, most)),
        f"{float(np.median(own)) * 1000:.1f}",
        f"{complete / len(seconds):.0%}",
    )


def _plans(database: Database, principal: Principal, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield how the database finds candidates and opportunities, as it sees it itself."""
    looks: list[tuple[str, str, Look]] = [
        ("candidates", "FROM volunteers", lambda s, _: bool(candidates.find(s, principal, "r1", limit=5, now=now))),
        (
            "opportunities",
            "FROM requests",
            lambda s, _: bool(opportunities.list_for(s, principal, "v1", limit=20, now=now)),
        ),
    ]
    for name, part, look in looks:
        with database.begin(principal) as session:
            engine = session.connection().engine
            said: list[tuple[str, Any]] = []

            def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any, said: Any = said) -> None:
                said.append((statement, parameters))

            event.listen(engine, "before_cursor_execute", note)
            look(session, "")
            event.remove(engine, "before_cursor_execute", note)
            statement, parameters = next((s, p) for s, p in said if "WITH near" in s and part in s)
            raw: Any = session.connection().connection.dbapi_connection
            rows = raw.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY ON) {statement}", parameters)
            lines = [row[0] for row in rows]
            wanted = ("Limit", "Index", "Order By", "Filter", "Heap Fetches", "Execution Time", "Sort", "Seq Scan")
            yield f"{name}, the search", "\n".join(line for line in lines if any(word in line for word in wanted))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "L")
