"""From the fields of a request or a volunteer to what they mean: what one field alone cannot tell is checked here."""

from collections.abc import Iterable, Sequence
from datetime import time
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from matcher.api.bodies import pointer
from matcher.api.fields import PlaceBody
from matcher.api.problem_body import (
    AvailabilityBody,
    BusyBody,
    NeedBody,
    RequestTraits,
    VolunteerTraits,
    WeeklyBody,
    WindowBody,
)
from matcher.domain.errors import Fault, Text
from matcher.domain.geo import Crs, Point
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import Busy, Skill, Volunteer
from matcher.domain.windows import Availability, Interval, Weekly

__all__ = ["Meaning", "Path", "metres"]

Path = tuple[str | int, ...]

_MOST_PEOPLE = 50
_MOST_MINIMUM = 20
_DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}


class Meaning:
    """One pass over a body; ``faults`` are gathered, so that a caller mends them all at once.

    ``crs`` is the coordinate system of every place that names none. A path says where in the body
    something stands.
    """

    def __init__(self, crs: Crs) -> None:
        self.faults: list[Fault] = []
        self._crs = crs
        self._zones: dict[str, ZoneInfo] = {}

    def refuse(self, path: Path, code: str, en: str, zh: str, **values: str | int) -> None:
        """Note a fault."""
        self.faults.append(Fault(pointer(*path), code, Text(en=en, zh=zh, values=values)))

    def zone(self, name: str, path: Path) -> ZoneInfo:
        """Return the zone of a name."""
        if name in self._zones:
            return self._zones[name]
        if name not in _zone_names():
            self.refuse(
                path,
                "unknown-time-zone",
                "Expected the IANA name of a time zone, such as Asia/Shanghai.",
                "应为 IANA 时区名，例如 Asia/Shanghai。",
            )
            name = "UTC"
        return self._zones.setdefault(name, ZoneInfo(name))

    def point(self, place: PlaceBody | None) -> Point | None:
        """Return the place that the fields stand for."""
        return None if place is None else Point.from_crs(place.latitude, place.longitude, place.crs or self._crs)

    def _check_windows(self, windows: Sequence[WindowBody], path: Path) -> None:
        for place, window in enumerate(windows):
            self._check_order(window, (*path, place))

    def _check_order(self, stretch: WindowBody | BusyBody, path: Path) -> None:
        if stretch.end <= stretch.start:
            self.refuse(
                (*path, "end"), "empty-interval", "The end must be after the start.", "结束时间必须晚于开始时间。"
            )

    def request(self, body: RequestTraits, id_: str, region: str | None, path: Path) -> HelpRequest:
        """Return the request that the fields stand for."""
        self._check_windows(body.windows or (), (*path, "windows"))
        roles = self._roles(body, path)
        places = len(roles) if body.roles is not None else roles[0].count
        if body.min_headcount is not None and body.min_headcount > places:
            self.refuse(
                (*path, "min_headcount"),
                "minimum-above-headcount",
                "The minimum may not be above {places}, which is all that the request asks for.",
                "最低人数不能超过 {places}，即该求助的全部需求。",
                places=places,
            )
        return HelpRequest(
            id=id_,
            roles=roles,
            min_headcount=body.min_headcount or min(places, _MOST_MINIMUM),
            by_role=body.roles is not None,
            point=self.point(body.location),
            region=region,
            windows=None if body.windows is None else _intervals(body.windows),
            duration_min=body.duration_min,
            urgency=body.urgency,
            adults_only=body.adults_only,
            needs_insurance=body.needs_insurance,
            trainings=tuple(body.trainings),
            preferred_volunteers=tuple(body.preferred_volunteers),
            excluded_volunteers=tuple(body.excluded_volunteers),
            requested_at=body.requested_at,
        )

    def _roles(self, body: RequestTraits, path: Path) -> tuple[Role, ...]:
        if body.roles is None:
            return (Role(_needs(body.skills or ()), body.headcount or 1, body.gender),)
        if body.skills is not None or body.headcount is not None:
            self.refuse(
                (*path, "roles"),
                "roles-and-headcount",
                "Give either roles, or skills and headcount, not both.",
                "roles 与 skills、headcount 只能二选一。",
            )
        if sum(role.count for role in body.roles) > _MOST_PEOPLE:
            self.refuse(
                (*path, "roles"),
                "out-of-range",
                "All roles together may ask for {most} people at most.",
                "所有角色合计最多 {most} 人。",
                most=_MOST_PEOPLE,
            )
        return tuple(Role(_needs(role.skills), role.count, role.gender or body.gender) for role in body.roles)

    def volunteer(self, body: VolunteerTraits, id_: str, region: str | None, path: Path) -> Volunteer:
        """Return the volunteer that the fields stand for."""
        return Volunteer(
            id=id_,
            point=self.point(body.location),
            region=region,
            max_distance_m=metres(body.max_distance_km),
            max_travel_min=body.max_travel_min,
            travel_mode=body.travel_mode,
            skills=tuple(Skill(skill.code, skill.level, skill.valid_until) for skill in body.skills),
            trainings=tuple(body.trainings),
            insured_until=body.insured_until,
            gender=body.gender,
            birth_year=body.birth_year,
            guardian_consent=body.guardian_consent,
            paused=body.paused,
            availability=None
            if body.availability is None
            else self.availability(body.availability, (*path, "availability")),
            busy=tuple(self.busy(busy, (*path, "busy", place)) for place, busy in enumerate(body.busy)),
            max_assignments=body.max_assignments,
            max_minutes=body.max_minutes,
            max_assignments_per_day=body.max_assignments_per_day,
            max_minutes_per_day=body.max_minutes_per_day,
            recent_minutes=body.recent_minutes,
        )

    def availability(self, body: AvailabilityBody, path: Path) -> Availability:
        """Return the availability that the fields stand for."""
        self.check_availability(body, path)
        return Availability(
            weekly=tuple(map(_weekly, body.weekly)),
            extra=_intervals(body.extra),
            except_=_intervals(body.except_),
            time_zone=None if body.time_zone is None else self.zone(body.time_zone, (*path, "time_zone")),
        )

    def check_availability(self, body: AvailabilityBody, path: Path) -> None:
        """Note the faults of an availability."""
        self._check_windows(body.extra, (*path, "extra"))
        self._check_windows(body.except_, (*path, "except"))
        if body.time_zone is not None:
            self.zone(body.time_zone, (*path, "time_zone"))

    def busy(self, body: BusyBody, path: Path) -> Busy:
        """Return the promised time that the fields stand for."""
        self._check_order(body, path)
        return Busy(body.start, body.end, self.point(body.location), body.is_assignment)


@cache
def _zone_names() -> set[str]:
    """Return the names of all zones, which takes longer to find than a small problem to solve."""
    return available_timezones()


def _needs(needs: Iterable[NeedBody]) -> tuple[Need, ...]:
    return tuple(Need(need.code, need.level) for need in needs)


def _intervals(windows: Sequence[WindowBody]) -> tuple[Interval, ...]:
    return tuple(Interval(window.start, window.end) for window in windows)


def _weekly(body: WeeklyBody) -> Weekly:
    return Weekly(
        days=frozenset(_DAYS[day] for day in body.days),
        start=time.fromisoformat(body.start),
        end=time.fromisoformat("00:00" if body.end == "24:00" else body.end),
        day_kind=body.calendar,
    )


def metres(kilometres: float | None) -> int | None:
    """Return whole metres."""
    return None if kilometres is None else round(kilometres * 1000)
