"""Reading a problem out of a body, within the caps of a service."""

from dataclasses import dataclass, replace
from datetime import datetime

from matcher.api import match
from matcher.api.bodies import JsonValue
from matcher.domain.errors import Text, TooLargeError
from matcher.domain.plans import Problem

__all__ = ["Caps", "read"]


@dataclass(frozen=True, slots=True)
class Caps:
    """The largest problem that is taken on, and the most seconds that one gets however many it asks for."""

    requests: int
    volunteers: int
    pairs: int
    time_limit_s: float

    def check(self, value: JsonValue) -> None:
        """Refuse a body that is too long, before anything else is done with it.

        Raises
        ------
        TooLargeError
            If one of its lists is longer than its cap; the detail names it.
        """
        if not isinstance(value, dict):
            return
        for name, most in (("requests", self.requests), ("volunteers", self.volunteers), ("pairs", self.pairs)):
            items = value.get(name)
            if isinstance(items, list) and len(items) > most:
                raise TooLargeError(
                    Text(
                        en="The body holds {count} {name}; the most taken here is {most}.",
                        zh="请求体中 {name} 有 {count} 项，上限为 {most}。",
                        values={"name": name, "count": len(items), "most": most},
                    )
                )


def read(body: bytes, *, now: datetime, caps: Caps) -> Problem:
    """Return the problem that a body holds.

    Raises
    ------
    InvalidProblemError
        If the body cannot be read as a problem.
    TooLargeError
        If it is past a cap.
    """
    problem = match.to_problem(match.read(body, check=caps.check), now=now)
    options = replace(problem.options, time_limit_s=min(problem.options.time_limit_s, caps.time_limit_s))
    return replace(problem, options=options)
