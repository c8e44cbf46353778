"""Clients of a running service, each with a key of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

import rows
from matcher.domain.access import EVERYWHERE, Scope
from matcher.storage import database
from running import RunningService

__all__ = ["a_client"]


@contextmanager
def a_client(
    service: RunningService,
    data_dir: Path,
    *,
    client_id: str | None = None,
    scopes: tuple[Scope, ...] = tuple(Scope),
    regions: tuple[str, ...] = EVERYWHERE,
) -> Iterator[httpx.Client]:
    """Give a client with a fresh key of a client system: a new one unless it is named."""
    with database.connect(None, data_dir) as connected, connected.begin() as session:
        secret, _ = rows.key(session, rows.client(session, client_id), scopes=scopes, regions=regions)
    headers = {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=service.client.base_url, headers=headers, timeout=60) as client:
        yield client
