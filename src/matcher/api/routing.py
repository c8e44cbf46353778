"""Which route a path leads to: found by the noun of the path, where the framework would try one route after another."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

__all__ = ["ByNoun"]

_CHOSEN: Final = "matcher.route"


class ByNoun(BaseRoute):
    """Stands for many routes, and tries those that begin as the path does: with ``/v1/offers``, say."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self._by_noun: defaultdict[str, list[APIRoute]] = defaultdict(list)
        for route in routes:
            self._by_noun[_noun(route.path)].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return the first route that takes the path and the method, or else one that takes the path."""
        best: tuple[Match, Scope] = Match.NONE, {}
        if scope["type"] != "http":
            return best
        for route in self._by_noun.get(_noun(scope["path"]), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, {**found, _CHOSEN: route}
            if match is Match.PARTIAL and best[0] is Match.NONE:
                best = match, {**found, _CHOSEN: route}
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call to the route that was found."""
        chosen: APIRoute = scope[_CHOSEN]
        await chosen.handle(scope, receive, send)


def _noun(path: str) -> str:
    """Return the first two parts of a path."""
    return "/".join(path.split("/", 3)[:3])
