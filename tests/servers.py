"""A PostgreSQL of the programs that the machine has, of another version than the embedded one."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from matcher.storage import accounts

_PASSWORD = "of-a-server-that-lives-for-one-test"


def programs() -> Path | None:
    """Return the folder of the oldest PostgreSQL from 15 on that is installed as on Debian, or None."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return min(
        (folder for folder in found if int(folder.parent.name) >= 15),
        key=lambda folder: int(folder.parent.name),
        default=None,
    )


@contextmanager
def serving(binaries: Path, home: Path) -> Iterator[URL]:
    """Start a server over the network with passwords, as one on another machine would be, and end it."""
    cluster = home / "cluster"
    account = accounts.choose(cluster, binaries)
    account.make_folder(cluster)
    password = home / "password"
    password.write_text(_PASSWORD)
    account.run(
        binaries / "initdb",
        *("-D", ".", "--username=matcher", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"),
        folder=cluster,
    )
    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    account.run(binaries / "pg_ctl", "start", "-D", ".", "-l", "log", "-w", "-o", options, folder=cluster)
    try:
        yield URL.create("postgresql", "matcher", _PASSWORD, "127.0.0.1", port, "postgres")
    finally:
        account.run(binaries / "pg_ctl", "stop", "-D", ".", "-m", "fast", "-w", folder=cluster)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
