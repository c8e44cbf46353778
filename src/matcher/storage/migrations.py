"""Bringing the schema of a database up to the one that this code works with, and back."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import matcher
from matcher.storage.errors import DatabaseStartError

__all__ = ["downgrade", "head", "is_current", "upgrade"]

_FOLDER: Final = Path(matcher.__file__).resolve().parents[2] / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the revisions up to ``revision``, each in a transaction of its own.

    Raises
    ------
    DatabaseStartError
        If the folder of migrations did not come with this installation.
    """
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the revisions after ``revision`` back; ``base`` takes back all."""
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def head() -> str | None:
    """Return the newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_current(engine: Engine) -> bool:
    """Tell whether a database has the newest revision."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


def _config() -> Config:
    if not _FOLDER.is_dir():
        raise DatabaseStartError(f"The migrations are missing: {_FOLDER} should hold them, beside the source.")
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
