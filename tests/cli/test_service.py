"""The service as a child process."""

import socket
from pathlib import Path

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


def test_a_service_that_ends_while_it_starts_tells_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATCHER_PROT", "8000")
    with (
        service.running("127.0.0.1", 0, tmp_path / "log") as child,
        pytest.raises(ServiceError, match="Unknown settings: MATCHER_PROT"),
    ):
        child.wait_ready(lambda _: None)
