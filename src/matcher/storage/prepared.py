"""Statements that are written once and go to the driver as they are: for calls that are made of several of them."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler

from matcher.storage.database import Session

__all__ = ["Prepared"]

_DIALECT: Final = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Prepared:
    """A statement with its parameters named; what is constant in it is kept."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"expected a statement that reads or writes, not {type(statement).__name__}")
        awaited = {name for name, parameter in compiled.binds.items() if parameter.required}
        expanded = compiled.construct_expanded_state(dict.fromkeys(awaited))
        self._text = expanded.statement
        self._given = {name: value for name, value in expanded.parameters.items() if name not in awaited}

    def rows(self, session: Session, **parameters: Any) -> Sequence[Any]:
        """Run it in the transaction of a session, and return all rows."""
        return session.connection().exec_driver_sql(self._text, self._given | parameters).all()
