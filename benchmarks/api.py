"""``make bench-api``: what a call costs, beside the least that the same stack could do for it.

The service runs as people run it, with an embedded PostgreSQL and its worker, on a generated city
(``python -m benchmarks.api M``). Beside it runs `benchmarks.bare`: routes with nothing in them, or
with one statement written by hand, on the same tables. Ours and the least are called in turns, for
some slices of a second each, so that whatever else the machine does falls on both.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks import stored_city
from benchmarks.load import Address, Call, Sample, call, drive
from matcher.cli import service
from matcher.domain.access import EVERYWHERE, Scope
from matcher.domain.geo import Crs
from matcher.domain.keys import Grant
from matcher.services import keys
from matcher.simulation import city
from matcher.storage import clients, database

ROUNDS: Final = 5
SLICE_S: Final = 0.6
CONNECTIONS: Final = 8
BATCH: Final = 1_000
OFFERS: Final = 20_000

Calls = Iterator[Call]


@dataclass(slots=True)
class Subject:
    """One kind of call: ours, the least beside it, and how many times as long ours may take."""

    name: str
    ours: Calls
    least: Calls
    goal: float | None = None
    items: int = 1
    ours_samples: list[Sample] = field(default_factory=list)
    least_samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """Both services, and who calls them."""

    ours: Address
    least: Address
    key: str
    volunteers: int
    requests: int
    offers: list[str]


def volunteer(number: int) -> dict[str, Any]:
    """Return a volunteer as a station writes one."""
    return {
        "region": stored_city.REGIONS[number % len(stored_city.REGIONS)],
        "location": {
            "latitude": 34.7 + (number * 7919 % 1000) / 10_000,
            "longitude": 113.6 + (number * 104_729 % 1000) / 10_000,
            "crs": "gcj02",
        },
        "max_distance_km": 3.0,
        "travel_mode": "bicycle",
        "skills": [{"code": city.SKILLS[0], "level": 1 + number % 3}],
        "availability": {
            "weekly": [{"days": ["mon", "tue", "sat"], "start": "09:00", "end": "18:00", "calendar": "all"}]
        },
        "max_assignments": 3,
        "birth_year": 1960 + number % 40,
    }


def subjects(scene: Scene) -> list[Subject]:
    """Return what is measured."""
    new, other, batches = count(1), count(1), count(1)
    reads = [f"v{number * 7919 % scene.volunteers}" for number in range(1_000)]
    wanted = [f"r{number * 7919 % scene.requests}" for number in range(500)]
    half = len(scene.offers) // 2

    def ours(method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Call:
        return call(method, path, key=scene.key, body=body, status=status, **headers)

    def batch(first: int) -> dict[str, Any]:
        return {"volunteers": [{"external_id": f"b{first}-{n}", **volunteer(first + n)} for n in range(BATCH)]}

    empty = cycle([call("GET", "/empty")])
    read = [call("GET", f"/volunteers/{id_}") for id_ in reads]
    return [
        Subject("nothing", cycle([call("GET", "/health/live")]), cycle([call("GET", "/live")])),
        Subject(
            "get a volunteer",
            cycle([ours("GET", f"/v1/volunteers/{id_}") for id_ in reads]),
            cycle(read),
            goal=1.5,
        ),
        Subject(
            "put a new volunteer",
            (ours("PUT", f"/v1/volunteers/n{n}", volunteer(n), 201) for n in new),
            (call("PUT", f"/volunteers/m{n}", body=volunteer(n), status=201) for n in other),
            goal=2.0,
        ),
        Subject(
            "accept an offer",
            (ours("POST", f"/v1/offers/{id_}/accept") for id_ in scene.offers[:half]),
            (call("POST", f"/offers/{id_}/accept") for id_ in scene.offers[half:]),
            goal=2.0,
        ),
        Subject(
            f"batch of {BATCH:,} volunteers",
            (ours("POST", "/v1/volunteers/batch", batch(n * BATCH), 207) for n in batches),
            empty,
            items=BATCH,
        ),
        Subject(
            "candidates of a request",
            cycle([ours("GET", f"/v1/requests/{id_}/candidates?limit=5") for id_ in wanted]),
            cycle(read),
        ),
        Subject(
            "opportunities of a volunteer",
            cycle([ours("GET", f"/v1/volunteers/{id_}/opportunities?limit=5") for id_ in reads]),
            cycle(read),
        ),
    ]


def measure(scene: Scene, chosen: list[Subject], console: Console) -> None:
    """Call ours and the least in turns."""
    for subject in chosen:
        connections = 2 if subject.items > 1 else CONNECTIONS
        console.print(f"measuring: {subject.name}")
        drive(scene.ours, subject.ours, connections=1, seconds=0.2)
        drive(scene.least, subject.least, connections=1, seconds=0.2)
        for _ in range(ROUNDS):
            subject.ours_samples.append(
                drive(scene.ours, subject.ours, connections=connections, seconds=SLICE_S * min(subject.items, 3))
            )
            subject.least_samples.append(drive(scene.least, subject.least, connections=connections, seconds=SLICE_S))


def report(console: Console, chosen: list[Subject]) -> None:
    """Print the figures; a ratio is how many times as long ours takes."""
    table = Table(title=f"{CONNECTIONS} connections, medians of {ROUNDS} slices")
    for column in ("call", "ours /s", "p50 ms", "p99 ms", "least /s", "p50 ms", "p99 ms", "ratio", "goal"):
        table.add_column(column, justify="left" if column == "call" else "right")
    for subject in chosen:
        ours, least = _median(subject.ours_samples), _median(subject.least_samples)
        ratio = least.rate / ours.rate
        table.add_row(
            subject.name,
            f"{ours.rate * subject.items:,.0f}",
            *(f"{ours.percentile_ms(percent):.2f}" for percent in (50, 99)),
            f"{least.rate:,.0f}",
            *(f"{least.percentile_ms(percent):.2f}" for percent in (50, 99)),
            f"{ratio:.2f}",
            "" if subject.goal is None else f"{subject.goal:g} {'kept' if ratio <= subject.goal else 'missed'}",
        )
    console.print(table)


def _median(samples: list[Sample]) -> Sample:
    """Return the slice whose rate is in the middle."""
    return sorted(samples, key=lambda sample: sample.rate)[len(samples) // 2]


@contextmanager
def staged(size: str, console: Console) -> Iterator[Scene]:
    """Start both services on a city, and end them."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "MATCHER_DATA_DIR": folder,
            "MATCHER_KERNELS": "false",
            "MATCHER_RATE_LIMIT": "0",
            "MATCHER_ANSWER_RATE_LIMIT": "0",
        }
        Path(folder).chmod(0o755)
        generated = city.generate(size, 1)
        with database.connect(None, Path(folder)) as connected:
            with connected.begin() as session:
                client_no = clients.add_if_new(session, "bench", Crs.GCJ02).no
                secret = keys.issue(session, client_no, Grant(scopes=frozenset(Scope), regions=EVERYWHERE)).secret
            url = connected.url.set(drivername="postgresql").render_as_string(hide_password=False)
            with psycopg.connect(url) as connection:
                console.print(f"writing a city of size {size}")
                for code in city.SKILLS:
                    connection.execute("INSERT INTO skills (client_no, external_id) VALUES (%s, %s)", (client_no, code))
                stored_city.fill(connection, client_no, generated, now=datetime.now(UTC))
                offers = _write_offers(connection, client_no)
            with _bare(url, client_no) as least, _ours(Path(folder), console) as ours:
                yield Scene(ours, least, secret, len(generated.radius_m), len(generated.urgency), offers)


def _write_offers(connection: psycopg.Connection[Any], client_no: int) -> list[str]:
    """Write requests that nobody else asks for, one offer for each, and return the ids of the offers."""
    connection.execute(
        """
        INSERT INTO requests (client_no, external_id, region, latitude, longitude, windows, opens_at, closes_at,
            duration_min, roles, places, taken, min_headcount, skill_codes, urgency, status)
        SELECT client_no, 'o' || n, region, latitude, longitude, windows, opens_at, closes_at, duration_min, roles,
            places, taken, min_headcount, skill_codes, urgency, 'planned'
        FROM requests, generate_series(1, %s) AS n WHERE client_no = %s AND external_id = 'r0'
        """,
        (OFFERS, client_no),
    )
    ids = connection.execute(
        """
        INSERT INTO offers (client_no, request_no, volunteer_no, region, role, status, starts_at, ends_at, expires_at,
            cost_terms)
        SELECT request.client_no, request.no, volunteer.no, request.region, 0, 'offered', %s, %s, %s, '{}'
        FROM requests AS request JOIN volunteers AS volunteer
            ON volunteer.client_no = request.client_no
            AND volunteer.external_id = 'v' || (substr(request.external_id, 2)::integer - 1)
        WHERE request.client_no = %s AND request.status = 'planned' RETURNING id::text
        """,
        (*(datetime.now(UTC) + timedelta(hours=hours) for hours in (2, 3, 1)), client_no),
    ).fetchall()
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE requests, offers")
    return [id_ for (id_,) in ids]


@contextmanager
def _bare(url: str, client_no: int) -> Iterator[Address]:
    port = service.free_port("127.0.0.1", 0)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(port), url, str(client_no)])
    try:
        _wait(lambda: socket.create_connection(("127.0.0.1", port)).close())
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _ours(folder: Path, console: Console) -> Iterator[Address]:
    port = service.free_port("127.0.0.1", 0)
    with service.running("127.0.0.1", port, folder / "service.log") as running:
        running.wait_ready(console.print)
        yield "127.0.0.1", port


def _wait(connect: Callable[[], None]) -> None:
    for _ in range(200):
        try:
            connect()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


def main() -> None:
    """Measure, and print the table; words after the size choose calls by their names."""
    size, *words = sys.argv[1:] or ["M"]
    console = Console(width=None if sys.stdout.isatty() else 140)
    with staged(size, console) as scene:
        chosen = [subject for subject in subjects(scene) if not words or any(word in subject.name for word in words)]
        measure(scene, chosen, console)
    report(console, chosen)


if __name__ == "__main__":
    main()
