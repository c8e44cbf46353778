"""What all tables share: how constraints are named, and kinds of column.

``no`` is the number of a row inside, never shown outside. ``client_no`` and ``region`` say whose a
row is; ``version`` counts its changes and is its ETag.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

__all__ = [
    "Base",
    "Client",
    "Code",
    "Codes",
    "Counts",
    "Created",
    "Instant",
    "Json",
    "No",
    "PublicId",
    "Small",
    "Updated",
    "Version",
    "one_of",
]

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

No = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
Client = Annotated[int, mapped_column(BigInteger, ForeignKey("clients.no"))]
# Byte order: a prefix is then a range of the index, whatever the language of the database.
Code = Annotated[str, mapped_column(Text(collation="C"))]
Codes = Annotated[list[str], mapped_column(ARRAY(Text(collation="C")), server_default=text("'{}'"))]
Counts = Annotated[list[int], mapped_column(ARRAY(SmallInteger))]
Small = Annotated[int, mapped_column(SmallInteger)]
Json = Annotated[Any, mapped_column(JSONB(none_as_null=True))]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=text("now()"))]
Updated = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=text("now()"))]
Version = Annotated[int, mapped_column(Integer, server_default=text("1"))]
PublicId = Annotated[UUID, mapped_column(server_default=text("gen_random_uuid()"), unique=True)]


class Base(DeclarativeBase):
    """The root of all tables."""

    metadata = MetaData(naming_convention=_NAMES)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return the constraint that a column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)
