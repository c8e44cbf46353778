"""What every test shares: how hypothesis searches, and a PostgreSQL with the schema in it."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from databases import clone
from matcher.storage import database as databases_of_matcher
from matcher.storage.database import Database
from matcher.storage.embedded import EmbeddedPostgres

# The machine may be busy with other work: no example is judged by the clock.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, print_blob=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# Files whose few tests take minutes: where files are shared out among cores, they go first.
_LONG = ("test_conformance.py", "test_crash.py", "test_runs.py", "test_process.py", "test_commands.py")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Put long files first, after whatever else orders tests."""
    yield
    items.sort(key=lambda item: _LONG.index(item.path.name) if item.path.name in _LONG else len(_LONG))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Give one server for all tests that need a database of their own."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """Return the name of a database that has the schema and no rows, to be copied."""
    with psycopg.connect(_text(postgres), autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_matcher")
    url = postgres.url.set(database="template_matcher")
    with databases_of_matcher.connect(url.render_as_string(hide_password=False), Path("unused")) as made:
        made.migrate()
    return "template_matcher"


@pytest.fixture(scope="module")
def database_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Give the address of a database with the schema, for one module of tests."""
    with clone(postgres, template) as url:
        yield url


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """Give a database with the schema, for one module of tests."""
    with databases_of_matcher.connect(database_url, Path("unused")) as connected:
        yield connected


def _text(server: EmbeddedPostgres) -> str:
    return server.url.set(drivername="postgresql").render_as_string(hide_password=False)
