"""The service as a child process."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from matcher.cli import service
from matcher.cli.service import ServiceError


def test_the_wanted_port_is_taken_if_it_is_free() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        wanted = other.getsockname()[1]
    assert service.free_port("127.0.0.1", wanted) == wanted


def test_a_port_in_use_is_replaced_by_a_free_one() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        wanted = other.getsockname()[1]
        assert service.free_port("127.0.0.1", wanted) not in (0, wanted)


@pytest.mark.timeout(300)
def test_a_service_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from matcher.cli import service\n"
        "with service.running('127.0.0.1', int(sys.argv[1]), Path('log')) as child:\n"
        "    child.wait_ready(lambda _: None); print('ready', flush=True); time.sleep(600)\n"
    )
    port = service.free_port("127.0.0.1", 0)
    command = [sys.executable, "-c", script, str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
    while _answers(port):
        time.sleep(0.1)


def test_a_service_that_ends_while_it_starts_tells_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATCHER_PROT", "8000")
    with (
        service.running("127.0.0.1", 0, tmp_path / "log") as child,
        pytest.raises(ServiceError, match="Unknown settings: MATCHER_PROT"),
    ):
        child.wait_ready(lambda _: None)


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/health/live")
    except httpx.TransportError:
        return False
    return True
