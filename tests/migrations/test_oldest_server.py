"""The schema is made on the oldest PostgreSQL that is promised, too."""

from pathlib import Path

import pytest

import rows
import servers
from matcher.storage import database

PROGRAMS = servers.programs()


@pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL from 15 on is installed in /usr/lib/postgresql")
def test_the_schema_is_made_taken_back_and_used_on_another_server(tmp_path: Path) -> None:
    assert PROGRAMS is not None
    with (
        servers.serving(PROGRAMS, tmp_path) as url,
        database.connect(url.render_as_string(hide_password=False), tmp_path) as connected,
    ):
        connected.migrate()
        connected.migrate_down("base")
        assert connected.revision() is None
        connected.migrate()
        with connected.begin() as session:
            station = rows.client(session, "station")
            _, bearer = rows.key(session, station)
        with connected.begin(bearer) as session:
            assert rows.volunteer(session, station).external_id
