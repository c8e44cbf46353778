"""The service as its users meet it: a process of its own, spoken to over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from matcher.simulation import city
from matcher.simulation.city_body import to_body

_START_S = 120
_STOP_S = 30


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service and its client."""

    process: subprocess.Popen[bytes]
    client: httpx.Client

    def match(self, body: Any, **headers: str) -> httpx.Response:
        """Send a problem."""
        return self.client.post("/v1/match", json=body, headers=headers)

    def start_match(self, body: Any) -> str:
        """Send a problem whose answer is fetched later, and return where."""
        answer = self.match(body, prefer="respond-async")
        assert answer.status_code == 202, answer.text
        return answer.headers["location"]

    def wait_for(self, location: str, *statuses: str) -> dict[str, Any]:
        """Poll a result until it has one of these statuses, and return it."""
        deadline = time.monotonic() + _START_S
        while True:
            body: dict[str, Any] = self.client.get(location, params={"wait_s": 0.2}).raise_for_status().json()
            if body["status"] in statuses:
                return body
            assert time.monotonic() < deadline, body["status"]

    def wait_until(self, path: str, status: int = 200) -> None:
        """Poll a path until it answers with a status."""
        deadline = time.monotonic() + _START_S
        while True:
            assert self.process.poll() is None, "the service ended while it started"
            try:
                if self.client.get(path).status_code == status:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, path
            time.sleep(0.1)

    def stop(self) -> int:
        """Ask the service to end, and return how it did."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)


@contextmanager
def running(data_dir: Path, *, log: Path | None = None, **settings: object) -> Iterator[RunningService]:
    """Start a service with these settings, give it once it lives, and end it; ``log`` is where it writes its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {"port": port, "data_dir": data_dir, "kernels": False, **settings}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MATCHER_")}
    environment |= {name if name.isupper() else f"MATCHER_{name.upper()}": str(value) for name, value in ours.items()}
    with (log or Path(os.devnull)).open("ab") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "matcher.cli.main", "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=None if log is None else lines,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        service = RunningService(process, client)
        try:
            service.wait_until("/health/live")
            yield service
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def crisis(*, time_limit_s: float) -> dict[str, Any]:
    """Return a real problem that the solver works on for all the time it gets: more demand than help."""
    body = to_body(city.generate("St", 1))
    return {**body, "options": {"time_limit_s": time_limit_s, "iterations": 1_000_000_000}}
