"""Writing many things by the caller's ids in one statement: new ones, changed ones, and none that stays as it was.

What a caller sends of a thing is its content. It goes to the database as the JSON of a row, and a hash
of it is kept beside: whoever sends everything again every night changes only what changed.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql

from matcher.domain.access import Principal
from matcher.storage.database import Session

__all__ = ["Item", "Present", "Upsert", "joined"]

_HASH: Final = "content_hash"
_HASH_BYTES: Final = 16
_WITHIN: Final = "row.region ^@ ANY(CAST(:regions AS text[]))"


@dataclass(frozen=True, slots=True)
class Item:
    """A thing to be written: its id, and its row as JSON."""

    external_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Present:
    """A thing that is there: its version, and whether an item would leave it as it is."""

    version: int
    is_same: bool


class Upsert:
    """The statements that write a table.

    Parameters
    ----------
    table
        It has ``client_no``, ``external_id``, ``region``, ``content_hash``, ``version`` and the times of change.
    columns
        What the content of a row consists of.
    apart
        Those that change by other ways too: they are compared by themselves and not by the hash.
    initial
        Further columns that are written anew, each with its SQL, where ``item`` is the content.
    guard
        A condition in SQL that a present ``row`` must meet to be changed in this simple way.
    """

    def __init__(
        self,
        table: Table,
        columns: Iterable[str],
        *,
        apart: Sequence[str] = (),
        initial: Mapping[str, str] | None = None,
        guard: str = "true",
    ) -> None:
        self._apart = tuple(apart)
        self._hashed = tuple(name for name in columns if name not in self._apart)
        names = (*self._hashed, *self._apart, _HASH)
        initial = initial or {}
        record = ", ".join(f"{name} {_type(table, name)}" for name in names)
        #: Items as rows, for statements of the table's own.
        self.source = f"json_to_recordset(CAST(:items AS json)) AS item ({record})"
        #: What is set from the ``item`` of such a row.
        self.columns = tuple(name for name in names if name != "external_id")
        replaced = ", ".join(f"{name} = excluded.{name}" for name in (*self.columns, *initial))
        # A look-up for each item in the index of the ids, whatever the planner believes: it does not know yet how many
        # rows there are, or of this client, and would compare each with each. See `grants.named_by`.
        found = f"""(
            SELECT * FROM {table.name} WHERE external_id = item.external_id AND client_no + 0 = :client_no LIMIT 1
        )"""  # noqa: S608 - names of our own
        # Rows are locked in the order of their numbers, as everywhere: who meets waits, and not in a circle.
        self._write = text(f"""
            INSERT INTO {table.name} AS row ({_listed("", (*names, *initial))}, client_no, created_at, updated_at)
            SELECT {_listed("item.", names)}, {"".join(f"{sql}, " for sql in initial.values())} :client_no, :now, :now
            FROM {self.source}
            LEFT JOIN LATERAL {found} AS there ON true
            ORDER BY there.no NULLS LAST, item.external_id
            ON CONFLICT (client_no, external_id) DO UPDATE
            SET {replaced}, version = row.version + 1, updated_at = :now
            WHERE NOT ({self._same("excluded")}) AND {_WITHIN} AND ({guard})
              AND (:is_any OR row.version = ANY(CAST(:versions AS int[])))
            RETURNING row.external_id, row.version
        """)  # noqa: S608 - names of columns and SQL of our own; what callers send is bound
        self._look = text(f"""
            SELECT row.external_id, row.version, {self._same("item")}
            FROM {self.source}
            JOIN LATERAL {found} AS row ON true
            WHERE {_WITHIN}
        """)  # noqa: S608 - likewise

    def _same(self, other: str) -> str:
        names = (_HASH, *self._apart)
        return f"({_listed('row.', names)}) IS NOT DISTINCT FROM ({_listed(f'{other}.', names)})"

    def item(self, content: Mapping[str, Any]) -> Item:
        """Return what is written for a content."""
        hashed = to_json({name: content[name] for name in self._hashed})
        digest = hashlib.blake2b(hashed, digest_size=_HASH_BYTES).hexdigest()
        beside = to_json({**{name: content[name] for name in self._apart}, _HASH: f"\\x{digest}"})
        return Item(content["external_id"], f"{hashed[:-1].decode()},{beside[1:].decode()}")

    def write(
        self,
        session: Session,
        principal: Principal,
        items: Iterable[Item],
        *,
        versions: Collection[int] | None,
        now: datetime,
    ) -> dict[str, int]:
        """Write what is new or changed, and return the versions by id; one that is 1 is new.

        Left alone is what stays the same, lies outside the principal's regions, does not meet the guard, or has
        a version that is not among those given. No id may come twice.

        Parameters
        ----------
        versions
            None stands for any.
        """
        rows = session.execute(
            self._write,
            {
                "items": joined(items),
                "client_no": principal.client_no,
                "regions": list(principal.regions),
                "versions": list(versions or ()),
                "is_any": versions is None,
                "now": now,
            },
        )
        return {row.external_id: row.version for row in rows}

    def look(self, session: Session, principal: Principal, items: Iterable[Item]) -> dict[str, Present]:
        """Return what is there of the things, within the principal's regions, by id."""
        reach = {"client_no": principal.client_no, "regions": list(principal.regions)}
        rows = session.execute(self._look, {"items": joined(items), **reach})
        return {external_id: Present(version, is_same) for external_id, version, is_same in rows}


def joined(items: Iterable[Item]) -> str:
    """Return items as the statements take them."""
    return f"[{','.join(item.text for item in items)}]"


def _listed(prefix: str, names: Iterable[str]) -> str:
    return ", ".join(f"{prefix}{name}" for name in names)


def _type(table: Table, name: str) -> str:
    return str(table.columns[name].type.compile(postgresql.dialect()))  # type: ignore[no-untyped-call]
