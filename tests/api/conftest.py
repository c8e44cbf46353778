"""One running service for all tests of the API that do not harm it, and one whose every word is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from running import RunningService, running


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one place for the data of all services, so that their PostgreSQL is made once."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="session")
def service(data_dir: Path) -> Iterator[RunningService]:
    with running(data_dir, solver_grace_s=10) as started:
        started.wait_until("/health/ready")
        yield started


@pytest.fixture(scope="session")
def watched_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the service that is watched keeps its data, and its log as ``service.log``."""
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="session")
def watched(watched_dir: Path) -> Iterator[RunningService]:
    """Give a service that logs all it can, shows each key one place, and erases without waiting for others."""
    settings = {"erasure_settle_s": 0, "log_level": "debug", "reveal_budget": 1}
    with running(watched_dir, log=watched_dir / "service.log", **settings) as started:
        started.wait_until("/health/ready")
        yield started
