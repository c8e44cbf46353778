"""Bringing the schema of a database up to the one that this code works with, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

import matcher
from matcher.storage.errors import DatabaseStartError

__all__ = ["current", "downgrade", "is_behind", "upgrade"]

_FOLDER: Final = Path(matcher.__file__).resolve().parents[2] / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the revisions up to ``revision``, each in a transaction of its own.

    Raises
    ------
    DatabaseStartError
        If the folder of migrations did not come with this installation, or the database has a
        revision that is not in it.
    """
    with _told(), engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the revisions after ``revision`` back; ``base`` takes back all, and every row with them.

    Raises
    ------
    DatabaseStartError
        If there is no such revision.
    """
    with _told(), engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def current(engine: Engine) -> str | None:
    """Return the revision of a database, or None where there is none yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_behind(engine: Engine) -> bool:
    """Tell whether a database lacks revisions.

    One that is ahead does not: while newer code is rolled out, older code goes on with its schema.
    """
    *older, newest = _known()
    revision = current(engine)
    return revision != newest and (revision is None or revision in older)


@cache
def _known() -> tuple[str, ...]:
    """Return the revisions that came with this code, oldest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


@contextmanager
def _told() -> Iterator[None]:
    """Say of a revision that is not there what that means."""
    try:
        yield
    except CommandError as error:
        raise DatabaseStartError(
            f"The schema cannot be moved: {error}. Is it of a newer matcher, or is the revision misspelt?"
        ) from error


def _config() -> Config:
    if not _FOLDER.is_dir():
        raise DatabaseStartError(f"The migrations are missing: {_FOLDER} should hold them, beside the source.")
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
