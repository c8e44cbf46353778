"""``matcher migrate``: brings the schema of a database up to this version."""

from typing import Annotated

import typer

from matcher import settings
from matcher.storage import database

__all__ = ["migrate"]


def migrate(
    *,
    down: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION", help="Go back to this revision instead; what newer ones brought is lost with its rows."
        ),
    ] = None,
) -> None:
    """Bring the schema of the database up to this version: once before each new version is started.

    The service goes on meanwhile, with the version before. Several at the same time do no harm. An
    embedded database, in MATCHER_DATA_DIR, is brought up at every start by itself.

    **Examples**

        MATCHER_DATABASE_URL=postgresql://matcher@db/matcher matcher migrate
        MATCHER_DATABASE_URL=postgresql://matcher@db/matcher matcher migrate --down 0003
    """
    loaded = settings.load()
    url = None if loaded.database_url is None else loaded.database_url.get_secret_value()
    with database.connect(url, loaded.data_dir) as connected:
        before = connected.revision()
        if down is None:
            connected.migrate()
        else:
            connected.migrate_down(down)
        after = connected.revision()
    if before == after:
        typer.echo(f"The schema is at {_named(after)} already.")
    else:
        typer.echo(f"The schema went from {_named(before)} to {_named(after)}.")


def _named(revision: str | None) -> str:
    return revision or "nothing"
