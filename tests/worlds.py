"""One row in every table, for a client and a region: made from the tables themselves, so that none is forgotten."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Column, Table, insert
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from matcher.storage.tables import Base

__all__ = ["World", "make_world", "row", "tenant_tables"]

World = dict[str, dict[str, Any]]

_NUMBERS: Final[Iterator[int]] = itertools.count(1)
# Nothing of it is due for a long while: whoever sweeps up leaves it alone.
_START: Final = datetime(2098, 1, 1, tzinfo=UTC)


def tenant_tables() -> list[Table]:
    """Return the tables whose rows belong to a client, in an order in which they can be filled."""
    return [table for table in Base.metadata.sorted_tables if "client_no" in table.c]


def make_world(session: Session, region: str, *, client_no: int | None = None, mark: str = "x") -> World:
    """Insert a row into every table, each pointing at the others; return the rows by the names of their tables.

    Every text that may be anything begins with ``mark``.
    """
    world: World = {}
    # What anybody did names a key, by number alone.
    for table in sorted(Base.metadata.sorted_tables, key=lambda table: table.name not in ("clients", "keys")):
        if table.name == "clients" and client_no is not None:
            world["clients"] = {"no": client_no}
            continue
        values = row(table, world, region, mark=mark)
        world[table.name] = dict(session.execute(insert(table).values(values).returning(table)).mappings().one())
    return world


def row(table: Table, world: World, region: str, *, mark: str = "x") -> dict[str, Any]:
    """Return the values of a row that points at the rows of a world."""
    needed = {column.name: _value(column, world, mark) for column in table.columns if _is_needed(column, world)}
    return needed | _given(table.name, world, region, mark) | ({"region": region} if "region" in table.c else {})


def _given(table: str, world: World, region: str, mark: str) -> dict[str, Any]:
    """Return what a table asks for beyond the types of its columns, and what is worth hiding."""
    place = {"latitude": 31.2 + next(_NUMBERS) * 0.000137, "longitude": 121.4 + next(_NUMBERS) * 0.000137}
    values: dict[str, dict[str, Any]] = {
        "audit": {"action": "key.created", "subject_kind": "key", "key_no": world.get("keys", {}).get("no")},
        "blocks": {"requester": f"{mark}-requester"},
        "clients": {"crs": "wgs84", "id": f"client-{next(_NUMBERS)}-{uuid4().hex[:6]}"},
        "entries": {"kind": "service", "content": _entry(world, region)},
        "erasures": {"kind": "volunteer", "status": "finished", "subject": f"{mark}-erased"},
        "events": {"type": "offer.accepted", "subject_kind": "offer"},
        "import_faults": {"external_id": f"{mark}-refused", "detail": {"en": mark, "zh": mark}},
        "imports": {
            "crs": "wgs84",
            "format": "csv",
            "kind": "volunteers",
            "line_count": 1,
            "regions": [region],
            "status": "succeeded",
        },
        "keys": {"label": f"{mark}-label", "regions": [region], "scopes": ["volunteers:read"]},
        "offers": {"role": 0, "status": "offered"},
        "requests": {
            **place,
            "community": f"{mark}-community",
            "note": f"{mark}-note",
            "places": [1],
            "requester": f"{mark}-requester",
            "roles": [{"skills": [], "count": 1, "gender": None}],
            "taken": [0],
        },
        "runs": {"mode": "preview", "status": "succeeded"},
        "steps": {"to_status": "offered"},
        "volunteers": {**place, "community": f"{mark}-community"},
    }
    return values.get(table, {})


def _entry(world: World, region: str) -> dict[str, Any]:
    """Return what a record's first entry says."""
    ids = {f"{name}_id": str(world[f"{name}s"]["id"]) if f"{name}s" in world else None for name in ("record", "offer")}
    instants = dict.fromkeys(("starts_at", "ends_at", "at"), _START.isoformat())
    nothing = dict.fromkeys(("reason", "on_behalf_of", "key_id"))
    return {"position": 1, "kind": "service", "region": region, "minutes": 60, **ids, **instants, **nothing}


def _is_needed(column: Column[Any], world: World) -> bool:
    """Tell whether a column has to be filled: it must be, or it points at something."""
    if column.foreign_keys:
        return all(key.column.table.name in world for key in column.foreign_keys)
    return column.identity is None and not column.nullable and column.server_default is None


def _value(column: Column[Any], world: World, mark: str) -> Any:
    for key in column.foreign_keys:
        return world[key.column.table.name][key.column.name]
    return _of_type(column.type, next(_NUMBERS), mark)


def _of_type(kind: TypeEngine[Any], number: int, mark: str) -> Any:
    if isinstance(kind, ARRAY):
        return [_of_type(kind.item_type, number, mark)]
    by_type: dict[type, Any] = {
        bool: False,
        bytes: b"%b-%d" % (mark.encode(), number),
        date: _START.date(),
        datetime: _START + timedelta(minutes=number),
        object: {},
        float: 1.0,
        int: number % 10_000,
        str: f"{mark}-{number}",
        UUID: uuid4(),
    }
    return by_type[kind.python_type]
