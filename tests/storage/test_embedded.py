"""The embedded PostgreSQL starts, is shared, survives being killed, and ends with its last user."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from matcher.storage.embedded import EmbeddedPostgres
from matcher.storage.errors import DatabaseStartError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    started = EmbeddedPostgres(tmp_path / "data")
    started.start()
    yield started
    started.stop()


def query(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    where = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(where, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_answers_after_its_start(server: EmbeddedPostgres) -> None:
    assert query(server, "SELECT 1") == [(1,)]


def test_it_listens_on_a_socket_alone(server: EmbeddedPostgres) -> None:
    assert query(server, "SHOW listen_addresses") == [("",)]


def test_it_speaks_utf8_in_a_locale_that_no_machine_changes(server: EmbeddedPostgres) -> None:
    assert query(
        server, "SELECT datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'"
    ) == [("C.UTF-8", "UTF8")]


@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone: another user's programs run as that user")
def test_for_root_it_runs_as_an_ordinary_user(server: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid != 0


def test_it_starts_in_a_folder_that_everybody_may_enter() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            assert query(server, "SELECT 1") == [(1,)]
        finally:
            server.stop()


def test_its_data_are_closed_to_other_users(server: EmbeddedPostgres) -> None:
    assert (server.home / "postgres").stat().st_mode & 0o077 == 0


def test_what_was_written_is_there_after_a_stop_and_a_start(server: EmbeddedPostgres) -> None:
    query(server, "CREATE TABLE kept AS SELECT 42 AS value")
    first = postmaster(server)
    server.stop()
    assert not is_running(first)
    server.start()
    assert query(server, "SELECT value FROM kept") == [(42,)]


def test_what_was_committed_is_there_after_a_kill(server: EmbeddedPostgres) -> None:
    query(server, "CREATE TABLE kept AS SELECT 42 AS value")
    killed = postmaster(server)
    os.kill(killed, signal.SIGKILL)
    server.start()
    assert postmaster(server) != killed
    assert query(server, "SELECT value FROM kept") == [(42,)]


def test_a_second_start_joins_the_same_server_and_the_last_stop_ends_it(server: EmbeddedPostgres) -> None:
    second = EmbeddedPostgres(server.home)
    second.start()
    process = postmaster(server)
    assert postmaster(second) == process
    second.stop()
    assert query(server, "SELECT 1") == [(1,)]
    server.stop()
    assert not is_running(process)


def test_a_killed_user_does_not_keep_the_server_alive(server: EmbeddedPostgres) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from matcher.storage.embedded import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1])).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(server.home)], check=False)
    assert ended.returncode == -signal.SIGKILL
    process = postmaster(server)
    server.stop()
    assert not is_running(process)


def test_stopping_twice_is_no_error(server: EmbeddedPostgres) -> None:
    server.stop()
    server.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_one_while_it_runs(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("很长的目录" * 8) / ("d" * 80))
    server.start()
    short = Path(str(server.url.query["host"]))
    try:
        assert query(server, "SELECT 1") == [(1,)]
        assert short.stat().st_mode & 0o077 == 0
    finally:
        server.stop()
    assert not short.exists()


def test_a_path_with_blanks_quotes_and_commas_is_no_obstacle(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / """it's "odd", isn't it""")
    server.start()
    try:
        assert query(server, "SELECT 1") == [(1,)]
    finally:
        server.stop()


def test_a_creation_that_was_cut_short_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        assert query(server, "SELECT 1") == [(1,)]
        assert not unfinished.exists()
    finally:
        server.stop()


def test_the_mark_of_a_dead_server_whose_number_was_used_again_is_no_obstacle(server: EmbeddedPostgres) -> None:
    mark = server.home / "postgres" / "postmaster.pid"
    text = mark.read_text().splitlines()
    server.stop()
    mark.write_text("\n".join([str(os.getpid()), *text[1:]]) + "\n")
    server.start()
    assert query(server, "SELECT 1") == [(1,)]


def test_data_of_another_major_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseStartError, match="PostgreSQL 16"):
        EmbeddedPostgres(tmp_path).start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(server: EmbeddedPostgres) -> None:
    server.stop()
    with (server.home / "postgres" / "postgresql.conf").open("a") as configuration:
        configuration.write("\nshared_buffers_of_the_moon = 1\n")
    with pytest.raises(DatabaseStartError, match="shared_buffers_of_the_moon"):
        server.start()
