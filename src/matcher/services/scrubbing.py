"""Taking ids out of problems and plans that are kept, in a solver process: a city's text takes seconds to read."""

import gzip
import json
from collections.abc import Collection, Iterable
from typing import Any, Final

from matcher.domain.erasures import ErasureKind
from matcher.services.solver_messages import Job

__all__ = ["UNCHANGED", "plan", "problem"]

# The answer for a text that names none of the ids.
UNCHANGED: Final = b""

_TABLES: Final = {ErasureKind.VOLUNTEER: "volunteers", ErasureKind.REQUEST: "requests"}
_LINKS: Final = {ErasureKind.VOLUNTEER: "volunteer_id", ErasureKind.REQUEST: "request_id"}
_WISHES: Final = ("preferred_volunteers", "excluded_volunteers")


def problem(_: Job, packed: bytes, kind: ErasureKind, ids: Collection[str]) -> bytes:
    """Return a gzipped problem without some volunteers or requests."""
    text = gzip.decompress(packed)
    if not _names(text, ids):
        return UNCHANGED
    body = json.loads(text)
    table, link = _TABLES[kind], _LINKS[kind]
    body[table] = [item for item in body.get(table, ()) if item["id"] not in ids]
    for links in ("pinned", "pairs"):
        if body.get(links) is not None:
            body[links] = _without(body[links], link, ids)
    if kind is ErasureKind.VOLUNTEER:
        for request in body.get("requests", ()):
            for wishes in _WISHES:
                if wishes in request:
                    request[wishes] = [wished for wished in request[wishes] if wished not in ids]
    return _pack(body)


def plan(_: Job, packed: bytes, kind: ErasureKind, ids: Collection[str]) -> bytes:
    """Return a gzipped plan without some volunteers or requests; its sums stay."""
    text = gzip.decompress(packed)
    if not _names(text, ids):
        return UNCHANGED
    body = json.loads(text)
    link, prices = _LINKS[kind], body["prices"][_TABLES[kind]]
    body["assignments"] = _without(body["assignments"], link, ids)
    body["unassigned"] = _without(body["unassigned"], link, ids)
    for item in body["unassigned"]:
        fix = item.get("nearest_fix")
        if fix is not None and fix.get(link) in ids:
            item["nearest_fix"] = None
    for id_ in ids:
        prices.pop(id_, None)
    return _pack(body)


def _names(text: bytes, ids: Iterable[str]) -> bool:
    return any(json.dumps(id_, ensure_ascii=is_ascii).encode() in text for id_ in ids for is_ascii in (False, True))


def _without(items: Iterable[dict[str, Any]], link: str, ids: Collection[str]) -> list[dict[str, Any]]:
    return [item for item in items if item.get(link) not in ids]


def _pack(body: Any) -> bytes:
    return gzip.compress(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)
