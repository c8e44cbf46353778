"""One row in every table, for a client and a region: made from the tables themselves, so that none is forgotten."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Column, Table, insert
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from matcher.storage.tables import Base

__all__ = ["World", "make_world", "tenant_tables"]

World = dict[str, dict[str, Any]]

_NUMBERS = itertools.count(1)
_START = datetime(2026, 11, 24, tzinfo=UTC)

# What the constraints of a table ask for beyond the type of a column.
_GIVEN: dict[str, dict[str, Any]] = {
    "clients": {"crs": "wgs84"},
    "imports": {"crs": "wgs84", "kind": "volunteers", "format": "csv", "status": "succeeded"},
    "offers": {"role": 0},
    "requests": {"places": [1], "taken": [0]},
    "runs": {"mode": "preview", "status": "succeeded"},
    "volunteers": {"travel_mode": "walk"},
}


def tenant_tables() -> list[Table]:
    """Return the tables whose rows belong to a client, in an order in which they can be filled."""
    return [table for table in Base.metadata.sorted_tables if "client_no" in table.c]


def make_world(session: Session, region: str, *, client_no: int | None = None) -> World:
    """Insert a row into every table, each pointing at the others; return the rows by the names of their tables."""
    world: World = {}
    for table in Base.metadata.sorted_tables:
        if table.name == "clients" and client_no is not None:
            world["clients"] = {"no": client_no}
            continue
        values = row(table, world, region)
        world[table.name] = dict(session.execute(insert(table).values(values).returning(table)).mappings().one())
    return world


def row(table: Table, world: World, region: str) -> dict[str, Any]:
    """Return the values of a row that points at the rows of a world."""
    needed = {column.name: _value(column, world) for column in table.columns if _is_needed(column)}
    return needed | _GIVEN.get(table.name, {}) | ({"region": region} if "region" in table.c else {})


def _is_needed(column: Column[Any]) -> bool:
    return column.identity is None and not column.nullable and column.server_default is None


def _value(column: Column[Any], world: World) -> Any:
    for key in column.foreign_keys:
        return world[key.column.table.name][key.column.name]
    return _of_type(column.type, next(_NUMBERS))


def _of_type(kind: TypeEngine[Any], number: int) -> Any:
    if isinstance(kind, ARRAY):
        return [_of_type(kind.item_type, number)]
    by_type: dict[type, Any] = {
        bool: False,
        bytes: b"%d" % number,
        date: _START.date(),
        datetime: _START + timedelta(minutes=number),
        object: {},
        float: 1.0,
        int: number % 10_000,
        str: f"x{number}",
        UUID: uuid4(),
    }
    return by_type[kind.python_type]
