"""Row-level security: with every filter forgotten, a key still meets its own rows alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from databases import owner
from matcher.domain.access import Principal, Scope
from matcher.storage.database import Database
from worlds import World, make_world, row, tenant_tables

HERE, BELOW, ELSEWHERE = "310101", "310101002", "310104"
TABLES = tenant_tables()
BY_REGION = [table for table in TABLES if "region" in table.c]
# What was written once stays: no key may change or delete a row.
ONLY_ADDED = {"audit", "entries", "events", "steps"}

# Tables that a key can touch although nothing tells its rows from those of others.
UNPROTECTED = text("""
    SELECT relation.oid::regclass::text
    FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND namespace.nspname NOT IN ('pg_catalog', 'information_schema')
      AND NOT (relation.relrowsecurity AND relation.relforcerowsecurity)
      AND has_schema_privilege('matcher_tenant', namespace.oid, 'USAGE')
      AND has_any_column_privilege('matcher_tenant', relation.oid, 'SELECT, INSERT, UPDATE')
    ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Tenants:
    """A client's key for one county, and the rows: its own, its client's elsewhere, another client's in the county."""

    principal: Principal
    mine: World
    elsewhere: World
    strangers: World


@pytest.fixture(scope="module")
def tenants(database: Database) -> Tenants:
    with database.begin() as session:
        mine = make_world(session, BELOW)
        elsewhere = make_world(session, ELSEWHERE, client_no=mine["clients"]["no"])
        strangers = make_world(session, BELOW)
    principal = Principal(mine["clients"]["no"], mine["keys"]["no"], frozenset(Scope), (HERE,))
    return Tenants(principal, mine, elsewhere, strangers)


@pytest.fixture
def session(database: Database, tenants: Tenants) -> Iterator[Session]:
    """Give a session of the key whose changes are taken back."""
    with database.begin(tenants.principal) as opened:
        yield opened
        opened.rollback()


def whose(table: Table) -> list[Any]:
    return [column for column in (table.c.client_no, table.c.get("region")) if column is not None]


def refusal(session: Session, statement: Any) -> str:
    """Return why the database refuses a statement."""
    with pytest.raises(DBAPIError) as refused, session.begin_nested():
        session.execute(statement)
    return str(refused.value.orig)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_key_sees_no_row_but_its_own(session: Session, tenants: Tenants, table: Table) -> None:
    own = [(tenants.principal.client_no, BELOW)[: len(whose(table))]]
    if table not in BY_REGION:
        own *= 2  # the client's own rows, wherever they came from
    assert [tuple(found) for found in session.execute(select(*whose(table)))] == own


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_key_changes_no_row_but_its_own(session: Session, tenants: Tenants, table: Table) -> None:
    statement = update(table).values(client_no=table.c.client_no)
    if table.name in ONLY_ADDED:
        assert "permission denied" in refusal(session, statement)
    else:
        changed = session.execute(statement.returning(*whose(table))).all()
        assert len(changed) == (1 if table in BY_REGION else 2)
        assert {found[0] for found in changed} == {tenants.principal.client_no}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_key_deletes_no_row_but_its_own(database: Database, tenants: Tenants, table: Table) -> None:
    with database.begin(tenants.principal) as session:
        if table.name in ONLY_ADDED:
            assert "permission denied" in refusal(session, delete(table))
            return
        # What points at the row would keep it; here it is to be seen how far the statement reaches.
        session.execute(text("RESET ROLE"))
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("SET LOCAL ROLE matcher_tenant"))
        session.execute(delete(table))
        session.execute(text("SET LOCAL ROLE matcher_system"))
        left = session.execute(select(func.count()).select_from(table)).scalar_one()
        session.rollback()
    assert left == (2 if table in BY_REGION else 1)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_key_adds_no_row_to_another_client(session: Session, tenants: Tenants, table: Table) -> None:
    values = row(table, tenants.strangers, BELOW)
    assert "row-level security" in refusal(session, insert(table).values(values))


@pytest.mark.parametrize("table", BY_REGION, ids=lambda table: table.name)
def test_a_key_adds_no_row_outside_its_regions(session: Session, tenants: Tenants, table: Table) -> None:
    values = row(table, tenants.mine, ELSEWHERE)
    assert "row-level security" in refusal(session, insert(table).values(values))


@pytest.mark.parametrize(
    "table", [table for table in TABLES if table.name not in ONLY_ADDED], ids=lambda table: table.name
)
def test_a_key_gives_no_row_away(session: Session, tenants: Tenants, table: Table) -> None:
    stranger = tenants.strangers["clients"]["no"]
    assert "row-level security" in refusal(session, update(table).values(client_no=stranger))


@pytest.mark.parametrize(
    "table", [table for table in BY_REGION if table.name not in ONLY_ADDED], ids=lambda table: table.name
)
def test_a_key_moves_no_row_out_of_its_regions(session: Session, table: Table) -> None:
    assert "row-level security" in refusal(session, update(table).values(region=ELSEWHERE))


@pytest.mark.parametrize("regions", [("",), (HERE, ELSEWHERE), ("3", "4")])
def test_a_key_of_several_regions_sees_all_of_them(
    database: Database, tenants: Tenants, regions: tuple[str, ...]
) -> None:
    principal = Principal(tenants.principal.client_no, 1, frozenset(), regions)
    with database.begin(principal) as session:
        assert len(session.execute(text("SELECT region FROM requests")).all()) == 2


@pytest.mark.parametrize("regions", [(), ("9",)])
def test_a_key_of_no_such_region_sees_nothing(database: Database, tenants: Tenants, regions: tuple[str, ...]) -> None:
    principal = Principal(tenants.principal.client_no, 1, frozenset(), regions)
    with database.begin(principal) as session:
        assert session.execute(text("SELECT region FROM requests")).all() == []


@pytest.mark.usefixtures("tenants")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_without_a_client_nothing_is_seen(database: Database, table: Table) -> None:
    with database.begin() as session:
        session.execute(text("SET LOCAL ROLE matcher_tenant"))
        assert session.execute(select(table)).all() == []


def test_a_key_sees_the_client_that_it_belongs_to_and_no_other(session: Session, tenants: Tenants) -> None:
    assert session.execute(text("SELECT no FROM clients")).scalars().all() == [tenants.principal.client_no]


def test_a_transaction_leaves_its_role_behind(database: Database, tenants: Tenants) -> None:
    seen = []
    for principal in (tenants.principal, None, tenants.principal):
        with database.begin(principal) as session:
            seen.append(session.execute(text("SELECT count(*) FROM requests")).scalar_one())
    assert seen == [1, 3, 1]


def test_no_table_is_open_to_keys_without_a_policy(database: Database) -> None:
    with owner(database.url) as connection:
        assert connection.execute(UNPROTECTED).scalars().all() == []


def test_a_table_whose_policy_was_forgotten_is_found(database: Database) -> None:
    with owner(database.url) as connection:
        connection.execute(text("CREATE TABLE forgotten (client_no bigint)"))
        connection.execute(text("GRANT SELECT ON forgotten TO matcher_tenant"))
        assert connection.execute(UNPROTECTED).scalars().all() == ["forgotten"]
        connection.execute(text("DROP TABLE forgotten"))


def test_not_even_the_owner_is_exempt(database: Database) -> None:
    with owner(database.url) as connection:
        tables = connection.execute(text("SELECT relname FROM pg_class WHERE relforcerowsecurity")).scalars().all()
    assert set(tables) >= {table.name for table in TABLES}
