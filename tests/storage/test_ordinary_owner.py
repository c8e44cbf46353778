"""The database of an owner who is no superuser, as in production: it comes up, and holds its owner back as well."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from databases import owner
from matcher.domain.access import Principal
from matcher.storage import database
from matcher.storage.database import Database
from matcher.storage.embedded import EmbeddedPostgres
from worlds import make_world

REGION = "310101002"


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a database in a server of its own, since roles belong to all databases of a server."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("ordinary"))
    server.start()
    address = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE ROLE operator LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE operated OWNER operator")
    url = server.url.set(database="operated", username="operator").render_as_string(hide_password=False)
    with database.connect(url, Path("unused")) as connected:
        connected.migrate()
        yield connected
    server.stop()


@pytest.fixture(scope="module")
def tenant(owned: Database) -> Principal:
    """Give the bearer of a key, whose client has a row in every table, as another client has."""
    with owned.begin() as session:
        worlds = [make_world(session, REGION) for _ in range(2)]
    return Principal(worlds[0]["clients"]["no"], worlds[0]["keys"]["no"], frozenset())


def test_the_owner_is_no_superuser(owned: Database) -> None:
    with owner(owned.url) as connection:
        assert connection.execute(text("SELECT current_setting('is_superuser')")).scalar_one() == "off"


@pytest.mark.usefixtures("tenant")
def test_the_system_sees_the_rows_of_all(owned: Database) -> None:
    with owned.begin() as session:
        assert session.execute(text("SELECT count(DISTINCT client_no) FROM requests")).scalar_one() == 2


def test_a_key_sees_its_own_rows(owned: Database, tenant: Principal) -> None:
    with owned.begin(tenant) as session:
        assert session.execute(text("SELECT client_no FROM requests")).scalars().all() == [tenant.client_no]


@pytest.mark.usefixtures("tenant")
def test_the_owner_without_a_role_sees_nothing(owned: Database) -> None:
    with owner(owned.url) as connection:
        assert connection.execute(text("SELECT count(*) FROM requests")).scalar_one() == 0
