"""Transactions commit or roll back whole, and readiness tells the truth."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from databases import owner
from matcher.storage import database
from matcher.storage.database import Database
from matcher.storage.embedded import EmbeddedPostgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    started = EmbeddedPostgres(tmp_path_factory.mktemp("database"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def connected(server: EmbeddedPostgres) -> Iterator[Database]:
    with database.connect(str(server.url), Path("unused")) as opened:
        opened.migrate()
        yield opened


def kill(server: EmbeddedPostgres) -> None:
    os.kill(int((server.home / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)


def count(opened: Database) -> int:
    with opened.begin() as session:
        return int(session.execute(text("SELECT count(*) FROM notes")).scalar_one())


@pytest.fixture
def _notes(connected: Database) -> None:
    with owner(connected.url) as connection:
        connection.execute(text("DROP TABLE IF EXISTS notes"))
        connection.execute(text("CREATE TABLE notes (words text)"))
        connection.execute(text("GRANT ALL ON notes TO matcher_system"))


@pytest.mark.usefixtures("_notes")
def test_a_block_that_ends_commits(connected: Database) -> None:
    with connected.begin() as session:
        session.execute(text("INSERT INTO notes VALUES ('邻里守望')"))
    assert count(connected) == 1


@pytest.mark.usefixtures("_notes")
def test_a_block_that_raises_rolls_back(connected: Database) -> None:
    def interrupted() -> None:
        with connected.begin() as session:
            session.execute(text("INSERT INTO notes VALUES ('邻里守望')"))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    assert count(connected) == 0


def test_sessions_speak_utc_and_give_up_long_statements(connected: Database) -> None:
    with connected.begin() as session:
        assert session.execute(text("SHOW timezone")).scalar_one() == "UTC"
        assert session.execute(text("SHOW statement_timeout")).scalar_one() == "30s"


def test_a_database_that_answers_is_ready(connected: Database) -> None:
    assert connected.is_ready()


def test_without_a_url_an_embedded_server_starts_and_keeps_its_data(tmp_path: Path) -> None:
    with database.connect(None, tmp_path) as opened, opened.begin() as session:
        session.execute(text("INSERT INTO clients (id, crs) VALUES ('station', 'gcj02')"))
    with database.connect(None, tmp_path) as opened, opened.begin() as session:
        assert session.execute(text("SELECT id FROM clients")).scalar_one() == "station"


def test_an_embedded_server_that_was_killed_is_started_again_by_readiness(tmp_path: Path) -> None:
    with database.connect(None, tmp_path) as opened:
        kill(EmbeddedPostgres(tmp_path))
        assert opened.is_ready()
        with opened.begin() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_closed_database_starts_no_server_again(tmp_path: Path) -> None:
    opened = database.connect(None, tmp_path)
    opened.close()
    assert not opened.is_ready()
    opened.close()


def test_a_database_of_somebody_else_that_died_is_not_ready(server: EmbeddedPostgres) -> None:
    with database.connect(str(server.url), Path("unused")) as opened:
        kill(server)
        assert not opened.is_ready()
        server.start()
        assert opened.is_ready()


def test_connections_that_died_with_their_server_are_replaced(server: EmbeddedPostgres, connected: Database) -> None:
    with connected.begin() as session:
        session.execute(text("SELECT 1"))
    kill(server)
    server.start()
    with connected.begin() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_url_where_nobody_answers_is_refused_without_its_password() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"postgresql://matcher:hidden@127.0.0.1:{held.getsockname()[1]}/matcher"
        with pytest.raises(database.DatabaseStartError, match="MATCHER_DATABASE_URL") as refused:
            database.connect(url, Path("unused"))
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://matcher:hidden@db/matcher", "hidden", "postgresql://db:port/x"])
def test_a_url_of_something_else_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(database.DatabaseStartError, match="postgresql://user:password@host") as refused:
        database.connect(url, Path("unused"))
    assert "hidden" not in str(refused.value)


def test_errors_of_statements_quote_no_values(connected: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as failed, connected.begin() as session:
        session.execute(text("SELECT 1 FROM no_such_table WHERE words = :words"), {"words": "Zhengdong street 7"})
    assert "Zhengdong" not in str(failed.value)
