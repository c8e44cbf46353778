"""From a body to a problem: what holds between its requests, volunteers and links is checked here.

``read`` and ``to_problem`` are how every problem comes in, by HTTP and from a file.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from pydantic import ValidationError

from matcher.api import faults
from matcher.api.bodies import JsonValue, parse_json, pointer
from matcher.api.meaning import Meaning, metres
from matcher.api.problem_body import OptionsBody, PairBody, PinBody, ProblemBody
from matcher.domain.errors import InvalidProblemError
from matcher.domain.geo import Crs
from matcher.domain.plans import Options, Pair, Pin, Problem, Weights
from matcher.services.plan_body import PlanBody, from_plan, to_plan

__all__ = ["PlanBody", "ProblemBody", "from_plan", "read", "to_plan", "to_problem"]


def read(body: bytes, *, check: Callable[[JsonValue], None] | None = None) -> ProblemBody:
    """Return the problem that the bytes hold, checked field by field.

    Parameters
    ----------
    body
        The JSON text, as it came.
    check
        Sees the value before its fields are checked, which takes much longer; raises to refuse it.

    Raises
    ------
    InvalidProblemError
        If the bytes are not JSON or a field is unknown, missing, of another type or out of range.
    """
    value = parse_json(body)
    if check is not None:
        check(value)
    try:
        return ProblemBody.model_validate(value)
    except ValidationError as error:
        raise InvalidProblemError(faults.from_validation(error)) from None


def to_problem(body: ProblemBody, *, now: datetime) -> Problem:
    """Return the problem, places in WGS-84 and distances in metres.

    Parameters
    ----------
    body
        What the caller sent.
    now
        When the plan is made, if the body does not say.

    Raises
    ------
    InvalidProblemError
        If two things have one id, an id names nothing, or fields contradict each other.
    """
    return _Reading(body.crs).problem(body, now)


class _Reading:
    """One pass over a body; faults are gathered, so that a caller mends them all at once."""

    def __init__(self, crs: Crs) -> None:
        self._meaning = Meaning(crs)

    def problem(self, body: ProblemBody, now: datetime) -> Problem:
        meaning = self._meaning
        request_ids = self._index([request.id for request in body.requests], "requests")
        volunteer_ids = self._index([volunteer.id for volunteer in body.volunteers], "volunteers")
        if body.pairs is not None:
            self._check_links(body.pairs, "pairs", request_ids, volunteer_ids)
        self._check_links(body.pinned, "pinned", request_ids, volunteer_ids)
        problem = Problem(
            now=body.now or now,
            time_zone=meaning.zone(body.time_zone, ("time_zone",)),
            requests=tuple(
                meaning.request(item, item.id, item.region, ("requests", place))
                for place, item in enumerate(body.requests)
            ),
            volunteers=tuple(
                meaning.volunteer(item, item.id, item.region, ("volunteers", place))
                for place, item in enumerate(body.volunteers)
            ),
            pairs=None if body.pairs is None else tuple(map(_pair, body.pairs)),
            pinned=tuple(Pin(pin.request_id, pin.volunteer_id, pin.start, pin.role) for pin in body.pinned),
            options=_options(body.options),
        )
        if meaning.faults:
            raise InvalidProblemError(meaning.faults[: faults.MAX_FAULTS])
        return problem

    def _index(self, ids: Sequence[str], table: str) -> dict[str, int]:
        first: dict[str, int] = {}
        for place, name in enumerate(ids):
            if first.setdefault(name, place) == place:
                continue
            self._meaning.refuse(
                (table, place, "id"),
                "duplicate-id",
                'The id "{id}" is used twice, first at {first}. Give each its own.',
                "编号“{id}”重复，首次出现在 {first}。请使用不同的编号。",
                id=name,
                first=pointer(table, first[name], "id"),
            )
        return first

    def _check_links(
        self, links: Iterable[PairBody | PinBody], table: str, requests: dict[str, int], volunteers: dict[str, int]
    ) -> None:
        first: dict[tuple[str, str], int] = {}
        for place, link in enumerate(links):
            if link.request_id not in requests:
                self._meaning.refuse(
                    (table, place, "request_id"),
                    "unknown-id",
                    "There is no request with this id in the body.",
                    "请求体中没有该编号的求助。",
                )
            if link.volunteer_id not in volunteers:
                self._meaning.refuse(
                    (table, place, "volunteer_id"),
                    "unknown-id",
                    "There is no volunteer with this id in the body.",
                    "请求体中没有该编号的志愿者。",
                )
            if first.setdefault((link.request_id, link.volunteer_id), place) != place:
                self._meaning.refuse(
                    (table, place),
                    "duplicate-pair",
                    "This pair is given twice, first at {first}.",
                    "该配对重复，首次出现在 {first}。",
                    first=pointer(table, first[link.request_id, link.volunteer_id]),
                )


def _pair(body: PairBody) -> Pair:
    return Pair(
        body.request_id, body.volunteer_id, metres(body.distance_km), body.travel_min, body.duration_min, body.cost
    )


def _options(body: OptionsBody) -> Options:
    return Options(
        weights=Weights(**body.weights.model_dump()),
        time_limit_s=body.time_limit_s,
        iterations=body.iterations,
        seed=body.seed,
        explain=body.explain,
    )
