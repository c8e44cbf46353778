"""Who may call which route: each declares what it asks for, and the application does not start if one does not."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from matcher.api.state import State
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import MissingKeyError, ScopeMissingError, Text
from matcher.domain.limits import Budget

__all__ = [
    "Allowed",
    "MatchAllowed",
    "Open",
    "UndeclaredRouteError",
    "address_of",
    "check_routes",
    "check_scope",
    "security_of",
]

_BEARER: Final = "bearer"

_MISSING = Text(
    en="Send your key as Authorization: Bearer mk_live_….",
    zh="请使用 Authorization: Bearer mk_live_… 发送密钥。",
)


class UndeclaredRouteError(RuntimeError):
    """A route does not say who may call it."""


class _Key:
    """What a route asks of its caller: a key, and the scope if one is named."""

    def __init__(self, scope: Scope | None, budget: Budget) -> None:
        self.scope = scope
        self._budget = budget

    # Not a plain function: that would be sent to another thread, which takes longer than all of this.
    async def __call__(self, request: Request) -> Principal:
        state: State = request.app.state.matcher
        principal = await state.callers.identify(_secret(request), address_of(request))
        state.rates.draw(principal.key_no, self._budget, request.scope.setdefault("state", {}))
        if self.scope is not None:
            check_scope(principal, self.scope)
        return principal


class _KeyIfSet:
    """What the door without state asks: nothing, unless the setting ``match_needs_key`` closes it."""

    def __init__(self, key: _Key) -> None:
        self.key = key

    async def __call__(self, request: Request) -> Principal | None:
        state: State = request.app.state.matcher
        return await self.key(request) if state.settings.match_needs_key else None


async def _nothing() -> None:
    """Ask nothing."""


def Allowed(scope: Scope | None = None, *, budget: Budget = Budget.CALLS) -> Any:  # noqa: N802 - reads as a type
    """Return the declaration of a route that needs a key; its value is the ``Principal``.

    ``principal: Annotated[Principal, Allowed(Scope.OFFERS_READ)]``. Without a scope any key will do.

    Parameters
    ----------
    scope
        What the key must be allowed to do.
    budget
        What the call draws from; answers to offers have their own.
    """
    return Depends(_Key(scope, budget))


# ``dependencies=[Open]`` is the declaration of a route that anybody may call.
Open: Final = Depends(_nothing)
MatchAllowed: Final = Depends(_KeyIfSet(_Key(Scope.MATCH, Budget.CALLS)))


def check_routes(routes: Iterable[APIRoute]) -> None:
    """Refuse an application with a route that does not declare exactly one thing.

    Raises
    ------
    UndeclaredRouteError
        If one declares nothing, or several things; the text names all of them.
    """
    undeclared = [
        f"{', '.join(sorted(route.methods or ()))} {route.path}"
        for route in routes
        if len(list(_declarations(route.dependant))) != 1
    ]
    if undeclared:
        raise UndeclaredRouteError(f"Declare Allowed(scope) or Open once on each of these: {'; '.join(undeclared)}.")


def security_of(route: APIRoute) -> list[dict[str, list[str]]]:
    """Return what a route asks for, as OpenAPI says it: alternatives, where ``{}`` is nothing."""
    declared = next(_declarations(route.dependant))
    key = declared.key if isinstance(declared, _KeyIfSet) else declared
    if not isinstance(key, _Key):
        return []
    scopes = [] if key.scope is None else [str(key.scope)]
    return [*([{}] if isinstance(declared, _KeyIfSet) else []), {"key": scopes}, {"oauth": scopes}]


def check_scope(principal: Principal, scope: Scope) -> None:
    """Refuse a call that its key may not make; for routes whose scope depends on what is asked of them.

    Raises
    ------
    ScopeMissingError
        If the key does not have the scope.
    """
    if scope not in principal.scopes:
        raise ScopeMissingError(
            Text(
                en="This call needs a key with the scope {scope}.",
                zh="此调用需要具有权限 {scope} 的密钥。",
                values={"scope": scope},
            )
        )


def address_of(request: Request) -> str:
    """Return where a request comes from; empty where that is not known."""
    return request.client.host if request.client else ""


def _declarations(dependant: Dependant) -> Iterator[_Key | _KeyIfSet | None]:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, _Key | _KeyIfSet):
            yield dependency.call
        elif dependency.call is _nothing:
            yield None
        else:
            yield from _declarations(dependency)


def _secret(request: Request) -> str:
    kind, _, secret = request.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != _BEARER or not secret.strip():
        raise MissingKeyError(_MISSING)
    return secret.strip()
