"""Moving the schema of a database, as an operator does."""

from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from databases import clone
from matcher.cli.main import app
from matcher.storage.embedded import EmbeddedPostgres

Migrate = Callable[..., Result]


@pytest.fixture
def migrate(postgres: EmbeddedPostgres) -> Iterator[Migrate]:
    """Give the command on an empty database."""
    with clone(postgres, "template1") as url:
        yield lambda *arguments: CliRunner().invoke(app, ["migrate", *arguments], env={"MATCHER_DATABASE_URL": url})


def test_it_brings_a_database_up_and_says_from_where(migrate: Migrate) -> None:
    first, second = migrate(), migrate()
    assert first.stdout.startswith("The schema went from nothing to ")
    assert second.stdout.endswith(" already.\n")
    assert (first.exit_code, second.exit_code) == (0, 0)


def test_it_takes_all_back(migrate: Migrate) -> None:
    migrate()
    assert migrate("--down", "base").stdout.endswith(" to nothing.\n")


def test_a_misspelt_revision_is_refused_in_a_sentence(migrate: Migrate) -> None:
    migrate()
    ended = migrate("--down", "no-such-revision")
    assert ended.exit_code == 3
    assert "no-such-revision" in ended.stderr
