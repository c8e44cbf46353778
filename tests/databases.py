"""Databases with the schema: a copy of a template takes a tenth of a second, the migrations many."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.pool import NullPool

from matcher.storage.embedded import EmbeddedPostgres

_NUMBERS = itertools.count(1)


@contextmanager
def clone(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Give the address of a new copy of a template, and drop it in the end."""
    name = f"test_{next(_NUMBERS)}"
    address = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def owner(url: URL) -> Iterator[Connection]:
    """Give a connection of the owner of the tables, whom no policy holds back; what is done is committed."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection
