"""The service as a child process: started, waited for, stopped."""

import errno
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

__all__ = ["Service", "ServiceError", "free_port", "running"]

START_LIMIT_S = 300.0
STOP_LIMIT_S = 20.0
POLL_S = 0.2


class ServiceError(Exception):
    """The service did not start, or stopped by itself."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its process, its address and the file of its log."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def wait_ready(self, tell: Callable[[str], None]) -> None:
        """Wait until the service takes requests; ``tell`` hears what it still waits for.

        Raises
        ------
        ServiceError
            If the service ends or takes longer than five minutes.
        """
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise ServiceError(
                    f"the service ended while it started; its last words, from {self.log}:\n{self.tail()}"
                )
            try:
                answer = httpx.get(f"{self.url}/health/ready", timeout=5.0)
            except httpx.TransportError:
                tell("it does not listen yet.")
            else:
                if answer.is_success:
                    return
                tell(" ".join(fault["detail"] for fault in answer.json()["errors"]))
            time.sleep(POLL_S)
        raise ServiceError(f"the service was not ready within {START_LIMIT_S:.0f} s; see {self.log}")

    def tail(self, lines: int = 8) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def free_port(host: str, wanted: int) -> int:
    """Return the port that is wanted, or one that is free if somebody else has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As servers do: a port that was left a moment ago counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if port == 0 or error.errno != errno.EADDRINUSE:
                    raise
            else:
                return int(probe.getsockname()[1])
    raise ServiceError("no port is free")


@contextmanager
def running(host: str, port: int, log: Path) -> Iterator[Service]:
    """Start the service and stop it at the end, whatever the end is."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "matcher.cli.main", "serve", "--with-parent", "--host", host, "--port", str(port)]
    with log.open("wb") as stream:
        # A session of its own: Ctrl-C reaches us alone, and we stop the service in order.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
            command, stdin=subprocess.PIPE, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            yield Service(process, f"http://{host}:{port}", log)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()
