"""A backup comes back, by the commands of docs/operations.md."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import IntegrityError

import rows
from databases import owner
from matcher.storage import database as databases
from matcher.storage import embedded
from matcher.storage.database import Database
from matcher.storage.embedded import EmbeddedPostgres

_TABLES = text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1")


def program(name: str, url: URL, *arguments: str) -> None:
    """Run a program of PostgreSQL on a database that is reached through its socket."""
    where = (f"--host={url.query['host']}", f"--username={url.username}")
    subprocess.run([embedded._programs() / name, *where, *arguments], check=True)


def contents(url: URL) -> dict[str, int]:
    """Return how many rows every table has."""
    with owner(url) as connection:
        tables = connection.execute(_TABLES).scalars().all()
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}  # noqa: S608


def test_a_backup_that_was_made_while_somebody_writes_comes_back(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with database.begin() as session:
        station = rows.client(session, "station")
        _, bearer = rows.key(session, station)
        rows.volunteer(session, station, "v1")
        rows.request(session, station, "r1")
        rows.volunteer(session, rows.client(session, "other"), "v1")
    before = contents(database.url)
    source, dump = make_url(database_url), tmp_path / "matcher.dump"
    with database.begin() as session:
        rows.volunteer(session, station, "not-committed")
        program("pg_dump", source, "--format=custom", f"--file={dump}", str(source.database))

    elsewhere = EmbeddedPostgres(tmp_path / "elsewhere")
    elsewhere.start()
    try:
        with databases.connect(elsewhere.url.render_as_string(hide_password=False), tmp_path) as restored:
            restored.migrate()
            into = f"--dbname={elsewhere.url.database}"
            program("pg_restore", elsewhere.url, "--clean", "--if-exists", "--single-transaction", into, str(dump))
            assert contents(restored.url) == before
            with restored.begin(bearer) as session:
                assert session.execute(text("SELECT external_id FROM volunteers")).scalars().all() == ["v1"]
            with pytest.raises(IntegrityError), restored.begin() as session:
                rows.volunteer(session, station, "v1")
    finally:
        elsewhere.stop()
