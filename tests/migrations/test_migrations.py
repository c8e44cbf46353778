"""The migrations go up, down and up again, and make what the classes say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, make_url, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from databases import clone, owner
from matcher.storage import database
from matcher.storage.database import Database
from matcher.storage.embedded import EmbeddedPostgres
from matcher.storage.errors import DatabaseStartError
from matcher.storage.tables import Base

_SHAPE = text(
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' UNION ALL"
    " SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), NULL FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace UNION ALL"
    " SELECT tablename, policyname, roles::text, qual, cmd FROM pg_policies ORDER BY 1, 2, 3, 4, 5"
)


@pytest.fixture
def bare(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """Give a database without any table."""
    with clone(postgres, "template1") as url, database.connect(url, Path("unused")) as connected:
        yield connected


def shape(connected: Database) -> list[tuple[Any, ...]]:
    with owner(connected.url) as connection:
        return [tuple(row) for row in connection.execute(_SHAPE)]


def test_down_and_up_again_leads_to_the_same_schema(bare: Database) -> None:
    before = shape(bare)
    bare.migrate()
    once = shape(bare)
    assert bare.is_migrated()
    bare.migrate_down("base")
    assert not bare.is_migrated()
    assert {row[0] for row in shape(bare)} <= {row[0] for row in before} | {"alembic_version"}
    bare.migrate()
    assert shape(bare) == once


def test_a_schema_of_newer_code_is_not_behind(bare: Database) -> None:
    bare.migrate()
    with owner(bare.url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-newer-code'"))
    assert bare.is_migrated()


def test_a_schema_of_newer_code_is_not_moved(bare: Database) -> None:
    bare.migrate()
    with owner(bare.url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-newer-code'"))
    with pytest.raises(DatabaseStartError, match="of-newer-code"):
        bare.migrate()


def test_the_schema_is_what_the_classes_say(database: Database) -> None:
    with owner(database.url) as connection:
        ours = MigrationContext.configure(connection, opts={"include_name": _is_ours, "compare_type": True})
        assert compare_metadata(ours, Base.metadata) == []
        found = set(connection.execute(text("SELECT conname FROM pg_constraint")).scalars())
    wanted = {
        constraint.name
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint | ExcludeConstraint)
    }
    assert len(wanted) > 10
    assert wanted <= found


def test_checks_say_what_the_classes_say(database: Database, postgres: EmbeddedPostgres) -> None:
    """Compare the checks as PostgreSQL itself writes them, of the migrations and of the classes."""
    with clone(postgres, "template1") as url, owner(make_url(url)) as connection:
        connection.execute(
            text(
                "CREATE FUNCTION matcher_fits(taken smallint[], places smallint[]) RETURNS boolean"
                " LANGUAGE sql IMMUTABLE RETURN true;"
                " CREATE FUNCTION matcher_signature(codes text[]) RETURNS bigint"
                " LANGUAGE sql IMMUTABLE RETURN 0::bigint;"
                " CREATE FUNCTION matcher_needed(roles jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN 0::bigint"
            )
        )
        Base.metadata.create_all(connection)
        wanted = _definitions(connection)
    with owner(database.url) as connection:
        found = _definitions(connection)
    assert len(wanted) > 50
    assert {name: found.get(name) for name in wanted} == wanted


def _definitions(connection: Any) -> dict[str, str]:
    constraints = text(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x', 'u', 'f')"
        " UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    ours = set(Base.metadata.tables)
    found = dict(tuple(row) for row in connection.execute(constraints))
    return {name: made for name, made in found.items() if any(table in name for table in ours)}


def _is_ours(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or name in Base.metadata.tables
