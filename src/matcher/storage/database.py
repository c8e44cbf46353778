"""The database of the service: its connections, its transactions, and whether it answers."""

import logging
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from matcher.domain.access import Principal
from matcher.storage import failures, migrations, scopes
from matcher.storage.embedded import EmbeddedPostgres
from matcher.storage.errors import DatabaseStartError

__all__ = ["Database", "DatabaseStartError", "Session", "connect"]

_LOG = logging.getLogger(__name__)

_OLDEST = 15
_POOL_SIZE = 10
_STATEMENT_TIMEOUT_MS = 30_000
_IDLE_TIMEOUT_MS = 60_000
_PROBE_TIMEOUT_MS = 2_000


class Database:
    """Connections to one PostgreSQL, and the PostgreSQL itself where it is embedded.

    Closing it closes the connections and lets go of the embedded server. Use as a context manager,
    or call ``close``.
    """

    def __init__(self, url: URL, embedded: EmbeddedPostgres | None = None) -> None:
        self._embedded = embedded
        # Transactions begin by our own words, which say whose they are; the driver would begin them one way earlier.
        self._engine = _engine(url, _STATEMENT_TIMEOUT_MS, pool_size=_POOL_SIZE, isolation_level="AUTOCOMMIT")
        event.listen(self._engine, "checkout", _refuse_dead)
        # Of its own: readiness must neither wait for the pool nor hang on a connection that died in silence.
        self._probe = _engine(url, _PROBE_TIMEOUT_MS, poolclass=NullPool)
        # A step of a migration, such as an index over a large table, takes the time that it takes.
        self._patient = _engine(url, 0, poolclass=NullPool)

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def begin(self, principal: Principal | None = None, *, is_frozen: bool = False) -> Iterator[Session]:
        """Open a session whose transaction commits at the end of the block, or rolls back if it raises.

        It sees and writes what the principal may, and without one everything: that is for workers
        and commands, never for a route that serves somebody's key.

        Parameters
        ----------
        principal
            Whose rows are seen.
        is_frozen
            Whether all statements see the database as it is at the first one, and none writes.

        Raises
        ------
        DatabaseDownError, DiskFullError, OverloadedError
            If the database itself fails; nothing was changed then.
        """
        with failures.told(), Session(self._engine, expire_on_commit=False) as session, session.begin():
            scopes.enter(session, principal, is_frozen=is_frozen)
            yield session

    @contextmanager
    def look(self, principal: Principal) -> Iterator[Session]:
        """Open a session without a transaction, to look things up with: a third of the ways to the database.

        It sees what the principal may, each statement what is committed by then; it writes nothing
        and locks nothing.

        Raises
        ------
        DatabaseDownError, OverloadedError
            If the database itself fails.
        """
        with failures.told(), Session(self._engine, expire_on_commit=False) as session:
            scopes.look(session, principal)
            yield session

    def migrate(self) -> None:
        """Bring the schema up to the one that this code works with; what is there already stays."""
        migrations.upgrade(self._patient)

    def migrate_down(self, revision: str) -> None:
        """Take every revision of the schema after one back; ``base`` takes back all."""
        migrations.downgrade(self._patient, revision)

    def revision(self) -> str | None:
        """Return the revision of the schema, or None where there is none yet."""
        return migrations.current(self._probe)

    def is_migrated(self) -> bool:
        """Tell whether the schema has everything that this code works with."""
        return not migrations.is_behind(self._probe)

    @property
    def url(self) -> URL:
        """Where it is reached."""
        return self._engine.url

    def is_ready(self) -> bool:
        """Tell within a few seconds whether the database answers; start an embedded one again if it died."""
        if self._answers():
            return True
        if self._embedded is None:
            return False
        try:
            self._embedded.start()
        except DatabaseStartError:
            _LOG.exception("the embedded database could not be started again")
            return False
        return self._answers()

    def close(self) -> None:
        """Close every connection and let go of an embedded server. Closing twice is no error."""
        self._engine.dispose()
        embedded, self._embedded = self._embedded, None
        if embedded is not None:
            embedded.stop()

    def _answers(self) -> bool:
        try:
            with self._probe.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def server_version(self) -> int:
        """Return the major version of the server."""
        with self._probe.connect() as connection:
            return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def connect(url: str | None, data_dir: Path) -> Database:
    """Return the database at ``url``, or without one an embedded PostgreSQL that keeps its data in ``data_dir``.

    Raises
    ------
    DatabaseStartError
        If the URL cannot be read, no PostgreSQL answers there, it is older than 15, or an embedded
        one cannot run here.
    """
    if url is None:
        embedded = EmbeddedPostgres(data_dir)
        embedded.start()
        started = Database(embedded.url, embedded)
        started.migrate()
        return started
    database = Database(_read(url))
    try:
        version = database.server_version()
    except SQLAlchemyError as error:
        database.close()
        # The driver's own text, without the URL: that one holds the password.
        raise DatabaseStartError(f"No PostgreSQL answers at MATCHER_DATABASE_URL: {_reason(error)}") from None
    if version < _OLDEST:
        database.close()
        raise DatabaseStartError(
            f"MATCHER_DATABASE_URL leads to PostgreSQL {version}, but {_OLDEST} or newer is needed: upgrade it, or name"
            " another one."
        )
    return database


def _read(url: str) -> URL:
    """Read a URL of PostgreSQL, whichever driver it names."""
    try:
        read = make_url(url)
    except (ArgumentError, ValueError):
        read = None
    if read is None or read.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseStartError("MATCHER_DATABASE_URL is not of the form postgresql://user:password@host:5432/name.")
    return read.set(drivername="postgresql+psycopg")


def _reason(error: SQLAlchemyError) -> str:
    """Return the first line of what the driver said."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _refuse_dead(connection: "psycopg.Connection[Any]", *_: object) -> None:
    """Keep a connection that died in the pool from being used: another is opened instead.

    A server that goes away says so, or its socket closes; an idle connection has nothing else to
    hear. Asking the system costs nothing, asking the server three ways there and back.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


def _engine(url: URL, statement_timeout_ms: int, **pool: object) -> Engine:
    """Return an engine whose connections give up in bounded time and whose errors quote no values."""
    return create_engine(
        url,
        hide_parameters=True,
        connect_args={
            "application_name": "matcher",
            "connect_timeout": 5,
            "tcp_user_timeout": statement_timeout_ms,
            "options": f"-c statement_timeout={statement_timeout_ms}"
            f" -c idle_in_transaction_session_timeout={_IDLE_TIMEOUT_MS} -c timezone=UTC -c jit=off"
            # Small lists would be shared out among processes that take longer to start than the list.
            " -c max_parallel_workers_per_gather=0",
        },
        **pool,
    )
