"""Calls that may be sent again and have one effect: those that come with an ``Idempotency-Key``.

The answer is kept in the transaction of the effect, so that there is either both or neither. A call
that was refused changed nothing, and is tried anew when it comes again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute

from matcher.api import strict
from matcher.domain.access import Principal
from matcher.domain.errors import MatcherError, Text
from matcher.storage import idempotency
from matcher.storage.database import Session
from matcher.storage.idempotency import Kept

__all__ = ["Call", "CallDep", "IdempotencyKey", "KeyInUseError", "KeyReusedError", "digest", "once"]

_REPLAYED: Final = "idempotency-replayed"
# The server counts anew; the rest of an answer is given again as it was.
_NOT_KEPT: Final = frozenset({"content-length"})

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description=(
            "A name for this call, such as a UUID: sent again within 24 hours, it has no second effect and"
            " gets the same answer, marked `Idempotency-Replayed: true`."
        ),
    ),
]


class KeyReusedError(MatcherError):
    """The key was sent before, with another call."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="This Idempotency-Key came before with another call. Give each call a key of its own.",
                zh="该 Idempotency-Key 已用于另一次调用。请为每次调用使用不同的键。",
            )
        )


class KeyInUseError(MatcherError):
    """The call with this key is still being answered."""

    code = "idempotency-key-in-use"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="The call with this Idempotency-Key is still being answered. Send it again in a moment.",
                zh="使用该 Idempotency-Key 的调用仍在处理中，请稍后重新发送。",
            )
        )


@dataclass(frozen=True, slots=True)
class Call:
    """What tells one call from another: its operation, and a digest of its path, its query and its body."""

    key: str | None
    operation: str
    digest: bytes


def _call(request: Request, key: IdempotencyKey = None) -> Call:
    if key is None:
        return Call(None, "", b"")
    route = request.scope["route"]
    operation = route.operation_id if isinstance(route, APIRoute) else None
    parts = (request.url.path.encode(), request.url.query.encode(), strict.body_of(request))
    return Call(key, operation or request.method, digest(*parts))


CallDep = Annotated[Call, Depends(_call)]


def digest(*parts: bytes) -> bytes:
    """Return one digest of several parts, each of which may be long."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def once(session: Session, principal: Principal, call: Call, act: Callable[[], Response]) -> Response:
    """Return what ``act`` answers, or the answer that this call got before.

    Parameters
    ----------
    session
        The transaction that ``act`` works in.
    principal
        Who calls.
    call
        What was called; without a key ``act`` simply runs.
    act
        Does what the call asks for.

    Raises
    ------
    KeyInUseError
        If the same key is being answered at this moment.
    KeyReusedError
        If the key came before with another call.
    """
    if call.key is None:
        return act()
    if not idempotency.try_lock(session, principal.client_no, call.key):
        raise KeyInUseError
    # An answer is for whoever may have it: another key of the client may reach less far.
    request_hash = digest(call.digest, "\0".join(principal.regions).encode())
    kept = idempotency.find(session, principal.client_no, call.key)
    if kept is not None:
        return _again(kept, call.operation, request_hash)
    answer = act()
    idempotency.add(
        session,
        client_no=principal.client_no,
        key=call.key,
        operation=call.operation,
        request_hash=request_hash,
        status=answer.status_code,
        headers={name: value for name, value in answer.headers.items() if name not in _NOT_KEPT},
        body=bytes(answer.body),
    )
    return answer


def _again(kept: Kept, operation: str, request_hash: bytes) -> Response:
    if kept.operation != operation or kept.request_hash != request_hash:
        raise KeyReusedError
    return Response(kept.body, kept.status, {**kept.headers, _REPLAYED: "true"})
