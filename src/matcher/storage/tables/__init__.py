"""The tables, one class a table; the migrations make what stands here."""

from matcher.storage.tables import access, delivery, outcomes, people
from matcher.storage.tables.base import Base

__all__ = ["Base", "access", "delivery", "outcomes", "people"]
