"""The service says what it still lacks."""

from pathlib import Path

from databases import clone
from matcher.storage import database
from matcher.storage.embedded import EmbeddedPostgres
from running import RunningService, running


def lacking(service: RunningService) -> dict[str, str]:
    """Return what is missing, by code, and what to do about it."""
    answer = service.client.get("/health/ready").json()
    return {fault["code"]: fault["detail"] for fault in answer.get("errors", ())}


def test_a_database_without_the_schema_is_named_until_it_is_migrated(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with clone(postgres, "template1") as url, running(tmp_path, database_url=url, worker=False) as service:
        while "kernels-loading" in (missing := lacking(service)):
            pass
        assert list(missing) == ["schema-behind"]
        assert "matcher migrate" in missing["schema-behind"]
        with database.connect(url, tmp_path) as connected:
            connected.migrate()
        service.wait_until("/health/ready")
