"""One running service for all tests of the API that do not harm it."""

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
