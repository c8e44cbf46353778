"""The answers to calls that may come again, kept in the transaction of their effect."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from matcher.storage.database import Session
from matcher.storage.tables.access import IdempotencyRow

__all__ = ["Kept", "add", "delete_before", "find", "try_lock"]

# The row itself: what was asked, and what was answered.
Kept = IdempotencyRow


def try_lock(session: Session, client_no: int, key: str) -> bool:
    """Take a key for the rest of the transaction, and tell whether nobody else has it.

    Whoever gets it sees, from the next statement on, what its last holder wrote.
    """
    name = func.hashtextextended(f"idempotency {client_no} {key}", 0)
    return bool(session.execute(select(func.pg_try_advisory_xact_lock(name))).scalar_one())


def find(session: Session, client_no: int, key: str) -> Kept | None:
    """Return what was answered to the call that came with a key."""
    return session.execute(
        select(IdempotencyRow).where(IdempotencyRow.client_no == client_no, IdempotencyRow.key == key)
    ).scalar_one_or_none()


def add(  # noqa: PLR0913 - one argument a column
    session: Session,
    *,
    client_no: int,
    key: str,
    operation: str,
    request_hash: bytes,
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    """Keep an answer."""
    session.execute(
        insert(IdempotencyRow).values(
            client_no=client_no,
            key=key,
            operation=operation,
            request_hash=request_hash,
            status=status,
            headers=headers,
            body=body,
        )
    )


def delete_before(session: Session, before: datetime, *, limit: int) -> int:
    """Delete some of the answers that were given before a time, and return how many."""
    old = (
        select(IdempotencyRow.client_no, IdempotencyRow.key)
        .where(IdempotencyRow.created_at < before)
        .limit(limit)
        .cte()
    )
    done = session.execute(
        delete(IdempotencyRow)
        .where(IdempotencyRow.client_no == old.c.client_no, IdempotencyRow.key == old.c.key)
        .returning(IdempotencyRow.key)
    )
    return len(done.all())
