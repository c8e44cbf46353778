"""How alembic runs the revisions: on a connection that it is given, or on the database of the settings."""

from alembic import context
from sqlalchemy import Connection, text

from matcher import settings
from matcher.storage import database
from matcher.storage.tables import Base

# Any number will do, as long as every process takes the same one.
_LOCK = 4_207_849_484


def run(connection: Connection) -> None:
    """Run them one process at a time, each in a transaction of its own."""
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    try:
        context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()


def run_on_settings() -> None:
    """Run them on the database that the settings name."""
    loaded = settings.load()
    url = None if loaded.database_url is None else loaded.database_url.get_secret_value()
    with database.connect(url, loaded.data_dir) as connected, connected.begin() as session:
        run(session.connection())


given = context.config.attributes.get("connection")
if given is None:
    run_on_settings()
else:
    run(given)
