"""The running service does what its description says, as an unfriendly stranger reads it."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

import rows
from matcher.storage import database
from running import running

CONFIG = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"


@pytest.mark.timeout(600)
def test_no_case_finds_a_difference_between_service_and_description(tmp_path: Path) -> None:
    # The stranger asks for more answers at once than the queue would hold.
    with running(tmp_path, solver_queue=10_000, max_results=10_000, solver_time_limit_s=0.2) as service:
        service.wait_until("/health/ready")
        location = f"{service.client.base_url}/openapi.json"
        with database.connect(None, tmp_path) as connected, connected.begin() as session:
            secret, _ = rows.key(session, rows.client(session))
        found = subprocess.run(
            [
                *(SCHEMATHESIS, "--config-file", CONFIG, "run", location, "--checks", "all", "--no-color"),
                *("-H", f"Authorization: Bearer {secret}"),
                # With these two the stranger would lock itself out.
                *("--exclude-operation-id", "rotateKey", "--exclude-operation-id", "revokeKey"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "No test cases were generated" not in found.stdout
