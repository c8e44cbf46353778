"""From a body to a problem: what one field alone cannot tell is checked here.

``read`` and ``to_problem`` are how every problem comes in, by HTTP and from a file.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic import ValidationError

from matcher.api import faults
from matcher.api.bodies import JsonValue, parse_json, pointer
from matcher.api.fields import PlaceBody
from matcher.api.plan_body import PlanBody, from_plan, to_plan
from matcher.api.problem_body import (
    AvailabilityBody,
    BusyBody,
    NeedBody,
    OptionsBody,
    PairBody,
    PinBody,
    ProblemBody,
    RequestBody,
    VolunteerBody,
    WeeklyBody,
    WindowBody,
)
from matcher.domain.errors import Fault, InvalidProblemError, Text
from matcher.domain.geo import Crs, Point
from matcher.domain.plans import Options, Pair, Pin, Problem, Weights
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Busy, Skill, Volunteer
from matcher.domain.windows import Availability, Interval, Weekly

__all__ = ["PlanBody", "ProblemBody", "from_plan", "read", "to_plan", "to_problem"]

_Path = tuple[str | int, ...]

_MOST_PEOPLE = 50
_MOST_MINIMUM = 20
_DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}


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
        self._crs = crs
        self._faults: list[Fault] = []
        self._zones: dict[str, ZoneInfo] = {}

    def problem(self, body: ProblemBody, now: datetime) -> Problem:
        request_ids = self._index([request.id for request in body.requests], "requests")
        volunteer_ids = self._index([volunteer.id for volunteer in body.volunteers], "volunteers")
        if body.pairs is not None:
            self._check_links(body.pairs, "pairs", request_ids, volunteer_ids)
        self._check_links(body.pinned, "pinned", request_ids, volunteer_ids)
        problem = Problem(
            now=body.now or now,
            time_zone=self._zone(body.time_zone, ("time_zone",)),
            requests=tuple(self._request(item, ("requests", place)) for place, item in enumerate(body.requests)),
            volunteers=tuple(
                self._volunteer(item, ("volunteers", place)) for place, item in enumerate(body.volunteers)
            ),
            pairs=None if body.pairs is None else tuple(map(_pair, body.pairs)),
            pinned=tuple(Pin(pin.request_id, pin.volunteer_id, pin.start, pin.role) for pin in body.pinned),
            options=_options(body.options),
        )
        if self._faults:
            raise InvalidProblemError(self._faults[: faults.MAX_FAULTS])
        return problem

    def _refuse(self, path: _Path, code: str, en: str, zh: str, **values: str | int) -> None:
        self._faults.append(Fault(pointer(*path), code, Text(en=en, zh=zh, values=values)))

    def _index(self, ids: Sequence[str], table: str) -> dict[str, int]:
        first: dict[str, int] = {}
        for place, name in enumerate(ids):
            if first.setdefault(name, place) == place:
                continue
            self._refuse(
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
                self._refuse(
                    (table, place, "request_id"),
                    "unknown-id",
                    "There is no request with this id in the body.",
                    "请求体中没有该编号的求助。",
                )
            if link.volunteer_id not in volunteers:
                self._refuse(
                    (table, place, "volunteer_id"),
                    "unknown-id",
                    "There is no volunteer with this id in the body.",
                    "请求体中没有该编号的志愿者。",
                )
            if first.setdefault((link.request_id, link.volunteer_id), place) != place:
                self._refuse(
                    (table, place),
                    "duplicate-pair",
                    "This pair is given twice, first at {first}.",
                    "该配对重复，首次出现在 {first}。",
                    first=pointer(table, first[link.request_id, link.volunteer_id]),
                )

    def _zone(self, name: str, path: _Path) -> ZoneInfo:
        if name in self._zones:
            return self._zones[name]
        if name not in _zone_names():
            self._refuse(
                path,
                "unknown-time-zone",
                "Expected the IANA name of a time zone, such as Asia/Shanghai.",
                "应为 IANA 时区名，例如 Asia/Shanghai。",
            )
            name = "UTC"
        return self._zones.setdefault(name, ZoneInfo(name))

    def _point(self, place: PlaceBody | None) -> Point | None:
        return None if place is None else Point.from_crs(place.latitude, place.longitude, place.crs or self._crs)

    def _intervals(self, windows: Sequence[WindowBody], path: _Path) -> tuple[Interval, ...]:
        for place, window in enumerate(windows):
            self._check_order(window, (*path, place))
        return tuple(Interval(window.start, window.end) for window in windows)

    def _check_order(self, stretch: WindowBody | BusyBody, path: _Path) -> None:
        if stretch.end <= stretch.start:
            self._refuse(
                (*path, "end"), "empty-interval", "The end must be after the start.", "结束时间必须晚于开始时间。"
            )

    def _request(self, body: RequestBody, path: _Path) -> HelpRequest:
        roles = self._roles(body, path)
        places = len(roles) if body.roles is not None else roles[0].count
        if body.min_headcount is not None and body.min_headcount > places:
            self._refuse(
                (*path, "min_headcount"),
                "minimum-above-headcount",
                "The minimum may not be above {places}, which is all that the request asks for.",
                "最低人数不能超过 {places}，即该求助的全部需求。",
                places=places,
            )
        return HelpRequest(
            id=body.id,
            roles=roles,
            min_headcount=body.min_headcount or min(places, _MOST_MINIMUM),
            by_role=body.roles is not None,
            point=self._point(body.location),
            region=body.region,
            windows=None if body.windows is None else self._intervals(body.windows, (*path, "windows")),
            duration_min=body.duration_min,
            urgency=body.urgency,
            adults_only=body.adults_only,
            needs_insurance=body.needs_insurance,
            trainings=tuple(body.trainings),
            preferred_volunteers=tuple(body.preferred_volunteers),
            excluded_volunteers=tuple(body.excluded_volunteers),
            requested_at=body.requested_at,
        )

    def _roles(self, body: RequestBody, path: _Path) -> tuple[Role, ...]:
        if body.roles is None:
            return (Role(_needs(body.skills or ()), body.headcount or 1, body.gender),)
        if body.skills is not None or body.headcount is not None:
            self._refuse(
                (*path, "roles"),
                "roles-and-headcount",
                "Give either roles, or skills and headcount, not both.",
                "roles 与 skills、headcount 只能二选一。",
            )
        if sum(role.count for role in body.roles) > _MOST_PEOPLE:
            self._refuse(
                (*path, "roles"),
                "out-of-range",
                "All roles together may ask for {most} people at most.",
                "所有角色合计最多 {most} 人。",
                most=_MOST_PEOPLE,
            )
        return tuple(Role(_needs(role.skills), role.count, role.gender or body.gender) for role in body.roles)

    def _volunteer(self, body: VolunteerBody, path: _Path) -> Volunteer:
        return Volunteer(
            id=body.id,
            point=self._point(body.location),
            region=body.region,
            max_distance_m=_metres(body.max_distance_km),
            max_travel_min=body.max_travel_min,
            travel_mode=body.travel_mode,
            skills=tuple(Skill(skill.code, skill.level, skill.valid_until) for skill in body.skills),
            trainings=tuple(body.trainings),
            insured_until=body.insured_until,
            gender=body.gender,
            birth_year=body.birth_year,
            guardian_consent=body.guardian_consent,
            paused=body.paused,
            availability=None if body.availability is None else self._availability(body.availability, path),
            busy=tuple(self._busy(busy, (*path, "busy", place)) for place, busy in enumerate(body.busy)),
            max_assignments=body.max_assignments,
            max_minutes=body.max_minutes,
            max_assignments_per_day=body.max_assignments_per_day,
            max_minutes_per_day=body.max_minutes_per_day,
            recent_minutes=body.recent_minutes,
        )

    def _availability(self, body: AvailabilityBody, path: _Path) -> Availability:
        path = (*path, "availability")
        return Availability(
            weekly=tuple(map(_weekly, body.weekly)),
            extra=self._intervals(body.extra, (*path, "extra")),
            except_=self._intervals(body.except_, (*path, "except")),
            time_zone=None if body.time_zone is None else self._zone(body.time_zone, (*path, "time_zone")),
        )

    def _busy(self, body: BusyBody, path: _Path) -> Busy:
        self._check_order(body, path)
        return Busy(body.start, body.end, self._point(body.location))


@cache
def _zone_names() -> set[str]:
    """Return the names of all zones, which takes longer to find than a small problem to solve."""
    return available_timezones()


def _needs(needs: Iterable[NeedBody]) -> tuple[Need, ...]:
    return tuple(Need(need.code, need.level) for need in needs)


def _weekly(body: WeeklyBody) -> Weekly:
    return Weekly(
        days=frozenset(_DAYS[day] for day in body.days),
        start=time.fromisoformat(body.start),
        end=time.fromisoformat("00:00" if body.end == "24:00" else body.end),
        day_kind=body.calendar,
    )


def _pair(body: PairBody) -> Pair:
    return Pair(
        body.request_id, body.volunteer_id, _metres(body.distance_km), body.travel_min, body.duration_min, body.cost
    )


def _options(body: OptionsBody) -> Options:
    return Options(
        weights=Weights(**body.weights.model_dump()),
        time_limit_s=body.time_limit_s,
        iterations=body.iterations,
        seed=body.seed,
        explain=body.explain,
    )


def _metres(kilometres: float | None) -> int | None:
    return None if kilometres is None else round(kilometres * 1000)
