"""One running service for all tests of the API that do not harm it."""

from collections.abc import Iterator

import pytest

from running import RunningService, running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running(tmp_path_factory.mktemp("service"), solver_grace_s=10) as started:
        started.wait_until("/health/ready")
        yield started
