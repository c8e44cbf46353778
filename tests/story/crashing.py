"""A service in three processes that are killed, and a client that remembers what it was told."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

import rows
import servers
from matcher.storage import accounts, database, embedded
from matcher.storage.embedded import EmbeddedPostgres
from story import commands

Body = dict[str, Any]

WAIT_S = 120
_WORKER = Path(__file__).with_name("quick_worker.py")
_PLACE = {"latitude": 31.2304, "longitude": 121.4737, "crs": "wgs84"}
_LINES = 20


@dataclass(slots=True)
class Program:
    """A process that can be killed and started again."""

    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL)

    def revive(self) -> None:
        """Start it again if it has ended by itself, as any supervisor would: it found no database."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Rig:
    """The service: its database, its API and its worker, each a process of its own."""

    postgres: EmbeddedPostgres
    api: Program
    worker: Program
    url: str
    headers: dict[str, str]

    def crash(self, what: str) -> None:
        """Kill one of them without a warning, and start it again."""
        if what == "postgres":
            self.stop_at_once()
            self.postgres.start()
        else:
            program: Program = getattr(self, what)
            program.kill()
            program.start()

    def revive(self) -> None:
        self.api.revive()
        self.worker.revive()

    def stop_at_once(self) -> None:
        """Stop PostgreSQL as a failing machine would: nothing is finished, nothing written."""
        programs, cluster = embedded._programs(), self.postgres.home / "postgres"
        account = accounts.choose(cluster, programs)
        account.run(programs / "pg_ctl", "stop", "-D", ".", "-m", "immediate", "-w", folder=cluster)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.headers, timeout=10)


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    """Start everything, and end it."""
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    address = postgres.url.render_as_string(hide_password=False)
    with database.connect(address, folder) as connected:
        connected.migrate()
        with connected.begin() as session:
            secret, _ = rows.key(session, rows.client(session, "station"))
    port = str(servers.free_port())
    environment = commands.environment(folder, database_url=address, worker=False, log_level="error")
    made = Rig(
        postgres=postgres,
        api=Program([sys.executable, "-m", "matcher.cli.main", "serve", "--port", port], environment),
        worker=Program([sys.executable, str(_WORKER)], environment),
        url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {secret}"},
    )
    try:
        for program in (made.api, made.worker):
            program.start()
        yield made
    finally:
        for program in (made.api, made.worker):
            program.kill()
        postgres.stop()


@dataclass(slots=True)
class Memory:
    """What the service said yes to.

    Attributes
    ----------
    volunteers
        By id, the number that was written last and said yes to, and those tried since then.
    offers
        Of each request, the offer that was made and accepted.
    imports
        Of each import, the ids in it.
    """

    volunteers: dict[str, tuple[int, set[int]]] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    imports: dict[str, list[str]] = field(default_factory=dict)
    yeses: int = 0


class Station(threading.Thread):
    """A client that writes without a pause, repeats what was not answered, and remembers what was."""

    def __init__(self, rig: Rig, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.memory = Memory()
        self.stopping = threading.Event()
        self._random = random.Random(name)  # noqa: S311 - a test that is the same every time
        self._rig = rig
        self._numbers = iter(range(1, 1_000_000))
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            with self._rig.client() as client:
                while not self.stopping.is_set():
                    self._random.choice((self._add, self._change, self._ask, self._import))(client)
        except _StoppingError:
            return
        except BaseException as error:  # noqa: BLE001 - told to the test, which waits in another thread
            self.fault = error

    def _add(self, client: httpx.Client) -> None:
        self._write(client, f"{self.name}-{next(self._numbers)}")

    def _change(self, client: httpx.Client) -> None:
        if self.memory.volunteers:
            self._write(client, self._random.choice(list(self.memory.volunteers)))

    def _write(self, client: httpx.Client, id_: str) -> None:
        number = next(self._numbers)
        last, tried = self.memory.volunteers.get(id_, (0, set()))
        if id_ in self.memory.volunteers:
            tried.add(number)
        body = {"region": rows.REGION, "location": _PLACE, "recent_minutes": number}
        headers = {"if-match": "*"} if last else {}
        self._insist(lambda: client.put(f"/v1/volunteers/{id_}", json=body, headers=headers))
        self.memory.volunteers[id_] = (number, set())

    def _ask(self, client: httpx.Client) -> None:
        number = next(self._numbers)
        who, what = f"{self.name}-{number}", f"{self.name}-call-{number}"
        self._write(client, who)
        call = {"region": rows.REGION, "location": _PLACE}
        self._insist(lambda: client.put(f"/v1/requests/{what}", json=call))
        question = {"request_id": what, "volunteer_ids": [who]}
        asked = self._insist(lambda: client.post("/v1/offers", json=question, headers=self._once(number)))
        offer = asked["data"][0]["id"]
        self._insist(lambda: client.post(f"/v1/offers/{offer}/accept", json={}))
        self.memory.offers[what] = offer

    def _import(self, client: httpx.Client) -> None:
        number = next(self._numbers)
        ids = [f"{self.name}-import-{number}-{line}" for line in range(_LINES)]
        body = "\n".join(json.dumps({"external_id": id_, "region": rows.REGION}) for id_ in ids).encode()
        headers = {**self._once(number), "content-type": "application/x-ndjson"}
        taken = self._insist(
            lambda: client.post("/v1/imports", params={"kind": "volunteers"}, content=body, headers=headers)
        )
        self.memory.imports[taken["id"]] = ids

    def _once(self, number: int) -> dict[str, str]:
        return {"idempotency-key": f"{self.name}-{number}"}

    def _insist(self, call: Callable[[], httpx.Response]) -> Body:
        """Repeat a call until it is answered with a yes; a defect is no answer to wait for."""
        while not self.stopping.is_set():
            try:
                answer = call()
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.is_success:
                self.memory.yeses += 1
                told: Body = answer.json()
                return told
            in_use = answer.status_code == 409 and answer.json()["code"] == "idempotency-key-in-use"
            assert answer.status_code == 503 or in_use, answer.text
            time.sleep(0.05)
        raise _StoppingError


class _StoppingError(Exception):
    """Whoever insists was told to stop."""


def lost(rig: Rig, memories: list[Memory]) -> list[str]:
    """Return what was said yes to and is not there, or is there twice."""
    with rig.client() as client:
        volunteers = {row["external_id"]: row["recent_minutes"] for row in _pages(client, "/v1/volunteers")}
        offers = list(_pages(client, "/v1/offers"))
        imports = {row["id"]: row["status"] for row in _pages(client, "/v1/imports")}
        requests = {row["external_id"]: row["taken"] for row in _pages(client, "/v1/requests")}
    held = {(offer["request_id"], offer["id"]) for offer in offers if offer["status"] == "accepted"}
    per_request = [offer["request_id"] for offer in offers]
    found = [f"offers of {what}" for what in {*per_request} if per_request.count(what) > 1]
    for memory in memories:
        found += [
            f"volunteer {id_}: {volunteers.get(id_)} instead of {number}"
            for id_, (number, tried) in memory.volunteers.items()
            if volunteers.get(id_) not in {number} | tried
        ]
        found += [f"offer {offer}" for what, offer in memory.offers.items() if (what, offer) not in held]
        found += [f"place of {what}" for what in memory.offers if requests.get(what) != [1]]
        for import_, ids in memory.imports.items():
            found += [f"import {import_}"] if imports.get(import_) != "succeeded" else []
            found += [f"line {id_}" for id_ in ids if id_ not in volunteers]
    return found


def wait_until_over(rig: Rig, memories: list[Memory]) -> None:
    """Wait until everything answers, and every import that was taken on, and is still there, is over."""
    wanted = {import_ for memory in memories for import_ in memory.imports}
    deadline = time.monotonic() + WAIT_S
    with rig.client() as client:
        while True:
            try:
                if client.get("/health/ready").is_success:
                    begun = {row["id"] for row in _pages(client, "/v1/imports") if not row["finished_at"]}
                    if not begun & wanted:
                        return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, "some import is not over"
            rig.revive()
            time.sleep(0.1)


def _pages(client: httpx.Client, path: str) -> Iterator[Body]:
    cursor: dict[str, str] = {}
    while True:
        page = client.get(path, params={**cursor, "limit": "1000"}).raise_for_status().json()
        yield from page["data"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}
