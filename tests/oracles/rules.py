"""Who may serve what, when and at what cost: the rules once more, one volunteer and one role at a time.

Instants are whole minutes after the first whole minute that is not before now.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from matcher.domain import windows
from matcher.domain.geo import Point, great_circle_m
from matcher.domain.plans import Pair, Problem
from matcher.domain.reasons import Reason
from matcher.domain.requests import HelpRequest, Need, Role
from matcher.domain.volunteers import SPEED_M_PER_H, Volunteer
from oracles.minutes import Minutes, both, union

__all__ = ["FOREVER", "MINUTE", "Rules"]

MINUTE = timedelta(minutes=1)
FOREVER = 10**6
ALWAYS: Minutes = ((0, FOREVER),)


@dataclass(frozen=True)
class Rules:
    """The rules of one problem."""

    problem: Problem

    @cached_property
    def epoch(self) -> datetime:
        """Minute zero."""
        now = self.problem.now.astimezone(UTC)
        whole = now.replace(second=0, microsecond=0)
        return whole if whole == now else whole + MINUTE

    @cached_property
    def today(self) -> date:
        """The local day of now."""
        return self.problem.now.astimezone(self.problem.time_zone).date()

    @cached_property
    def pair_of(self) -> dict[tuple[str, str], Pair]:
        """Given pairs by their ids."""
        return {(pair.request_id, pair.volunteer_id): pair for pair in self.problem.pairs or ()}

    @cached_property
    def request_of(self) -> dict[str, HelpRequest]:
        """Requests by id."""
        return {request.id: request for request in self.problem.requests}

    @cached_property
    def volunteer_of(self) -> dict[str, Volunteer]:
        """Volunteers by id."""
        return {volunteer.id: volunteer for volunteer in self.problem.volunteers}

    @cached_property
    def needs(self) -> set[Need]:
        """Every skill at every level that somebody asks for."""
        return {need for request in self.problem.requests for role in request.roles for need in role.skills}

    @cached_property
    def pins(self) -> dict[str, list[tuple[str, int]]]:
        """The pinned volunteers of each request with the role they fill.

        A named role is kept. Whoever has the fewest roles to choose from goes first and takes, of the roles with a
        place left that they are fit for today, the one that fewest are fit for; or else the first with a place left.
        """
        pinned: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for request in self.problem.requests:
            here = [pin for pin in self.problem.pinned if pin.request_id == request.id]
            fit = {pin.volunteer_id: self._fit_roles(request, pin.volunteer_id) for pin in here}
            able = [
                sum(self._is_fit_today(request, role, who) for who in self.problem.volunteers) for role in request.roles
            ]
            for pin in sorted(here, key=lambda pin: (pin.role is None, len(fit[pin.volunteer_id]))):
                taken = [number for _, number in pinned[request.id]]
                left = [number for number, role in enumerate(request.roles) if taken.count(number) < role.count]
                liked = sorted({*left} & {*fit[pin.volunteer_id]}, key=lambda number: (able[number], number))
                pinned[request.id].append((pin.volunteer_id, (liked or left)[0] if pin.role is None else pin.role))
        return dict(pinned)

    def _fit_roles(self, request: HelpRequest, volunteer_id: str) -> list[int]:
        who = self.volunteer_of[volunteer_id]
        return [number for number, role in enumerate(request.roles) if self._is_fit_today(request, role, who)]

    @cached_property
    def fixed_start(self) -> dict[str, int]:
        """The start of each request that a pin has set."""
        return {
            pin.request_id: self.minute_down(pin.start)
            for pin in self.problem.pinned
            if pin.start is not None and self.request_of[pin.request_id].windows is not None
        }

    def minute_up(self, instant: datetime) -> int:
        """Return the first minute that is not before an instant."""
        return -((self.epoch - instant.astimezone(UTC)) // MINUTE)

    def minute_down(self, instant: datetime) -> int:
        """Return the last minute that is not after an instant."""
        return (instant.astimezone(UTC) - self.epoch) // MINUTE

    def day(self, minute: int) -> date:
        """Return the local day of a minute."""
        return (self.epoch + minute * MINUTE).astimezone(self.problem.time_zone).date()

    def midnight_after(self, day: date) -> int:
        """Return the minute at which a local day ends."""
        return self.minute_up(datetime.combine(day + timedelta(days=1), time(), self.problem.time_zone))

    def duration_min(self, request: HelpRequest, volunteer: Volunteer) -> int:
        """Return how long this volunteer serves."""
        pair = self.pair_of.get((request.id, volunteer.id))
        return request.duration_min if pair is None or pair.duration_min is None else pair.duration_min

    def distance_m(self, request: HelpRequest, volunteer: Volunteer) -> int | None:
        """Return the metres between the two, if they are known."""
        pair = self.pair_of.get((request.id, volunteer.id))
        if pair is not None and pair.distance_m is not None:
            return pair.distance_m
        if request.point is None or volunteer.point is None:
            return None
        return great_circle_m(request.point, volunteer.point)

    def travel_min(self, request: HelpRequest, volunteer: Volunteer) -> int | None:
        """Return the minutes from home to the request, if they are known."""
        pair = self.pair_of.get((request.id, volunteer.id))
        if pair is not None and pair.travel_min is not None:
            return pair.travel_min
        distance = self.distance_m(request, volunteer)
        return None if distance is None else _travel_min(distance, volunteer)

    def way_min(self, volunteer: Volunteer, one: Point | None, other: Point | None) -> int:
        """Return the minutes between two services."""
        if one is None or other is None:
            return 0
        return _travel_min(great_circle_m(one, other), volunteer)

    def refusal(self, request: HelpRequest, role: Role, volunteer: Volunteer) -> Reason | None:
        """Return the first constraint that fails whatever else is planned, time apart."""
        return next((code for code, fails in self._refusals if fails(request, role, volunteer)), None)

    def request_starts(self, request: HelpRequest, duration_min: int) -> Minutes:
        """Return the starts that the request itself allows: inside one window, and where a pin has set it."""
        if request.windows is None:
            return ALWAYS
        starts = union(
            (max(0, self.minute_up(window.start)), self.minute_down(window.end) - duration_min)
            for window in request.windows
        )
        fixed = self.fixed_start.get(request.id)
        return starts if fixed is None else both(starts, ((fixed, fixed),))

    def available_starts(self, request: HelpRequest, role: Role, volunteer: Volunteer) -> Minutes:
        """Return the starts at which the volunteer is available, whatever they have promised."""
        duration = self.duration_min(request, volunteer)
        starts = self.request_starts(request, duration)
        if request.windows is None:
            return starts
        last = min(self._papers_end(request, role, volunteer), default=FOREVER)
        return both(both(starts, self._free(volunteer, duration)), ((0, last - duration),))

    def promised_starts(self, request: HelpRequest, volunteer: Volunteer) -> Minutes:
        """Return the starts that leave room, ways included, for busy times and pinned assignments."""
        starts = ALWAYS
        if request.windows is None:
            return starts
        duration = self.duration_min(request, volunteer)
        for start, end, point in self._promises(volunteer):
            way = self.way_min(volunteer, point, request.point)
            starts = both(starts, union([(0, start - way - duration), (end + way, FOREVER)]))
        return starts

    def pinned_use(self, volunteer: Volunteer) -> list[tuple[int | None, int]]:
        """Return start and minutes of each pinned or earlier assignment of a volunteer."""
        pinned: list[tuple[int | None, int]] = [
            (self.fixed_start.get(pin.request_id), self.duration_min(self.request_of[pin.request_id], volunteer))
            for pin in self.problem.pinned
            if pin.volunteer_id == volunteer.id
        ]
        earlier = [
            (self.minute_down(busy.start), self.minute_up(busy.end)) for busy in volunteer.busy if busy.is_assignment
        ]
        return [*pinned, *((start, end - start) for start, end in earlier)]

    def cost(self, request: HelpRequest, role: Role, volunteer: Volunteer, start: int | None) -> int:
        """Return the points of an assignment."""
        return sum(self.cost_terms(request, role, volunteer, start).values())

    def cost_terms(self, request: HelpRequest, role: Role, volunteer: Volunteer, start: int | None) -> dict[str, int]:
        """Return the points of an assignment by what they are for."""
        pair = self.pair_of.get((request.id, volunteer.id))
        if pair is not None and pair.cost is not None:
            return {"given": pair.cost}
        weights = self.problem.options.weights
        late = 0 if start is None else min(max(0, start - self._earliest(request)), 1440)
        is_stranger = bool(request.preferred_volunteers) and volunteer.id not in request.preferred_volunteers
        return {
            "travel": weights.travel * (self.distance_m(request, volunteer) or 0) // 5000,
            "delay": weights.delay * late // 1440,
            "overqualification": weights.overqualification * min(self._spare_skills(role, volunteer), 20) // 20,
            "load": weights.load * min(volunteer.recent_minutes, 600) // 600,
            "preference": weights.preference * is_stranger,
        }

    @cached_property
    def _refusals(self) -> list[tuple[Reason, Callable[[HelpRequest, Role, Volunteer], bool]]]:
        return [
            (Reason.PAUSED, lambda _, __, volunteer: volunteer.paused),
            (Reason.NOT_PAIRED, self._is_not_paired),
            (Reason.EXCLUDED, lambda request, _, volunteer: volunteer.id in request.excluded_volunteers),
            (Reason.MINOR, self._is_barred_minor),
            (Reason.GENDER, lambda _, role, volunteer: role.gender not in (None, volunteer.gender)),
            (Reason.SKILL_MISSING, self._misses_skill),
            (Reason.LEVEL_TOO_LOW, self._misses_level),
            (Reason.CERTIFICATE_EXPIRED, self._has_expired),
            (Reason.UNTRAINED, lambda request, _, volunteer: bool({*request.trainings} - {*volunteer.trainings})),
            (Reason.UNINSURED, self._is_uninsured),
            (Reason.TOO_FAR, self._is_too_far),
        ]

    def _is_not_paired(self, request: HelpRequest, _: Role, volunteer: Volunteer) -> bool:
        return self.problem.pairs is not None and (request.id, volunteer.id) not in self.pair_of

    def _is_minor(self, volunteer: Volunteer) -> bool:
        return volunteer.birth_year is not None and self.today.year - volunteer.birth_year <= 18

    def _is_barred_minor(self, request: HelpRequest, _: Role, volunteer: Volunteer) -> bool:
        return self._is_minor(volunteer) and (request.adults_only or not volunteer.guardian_consent)

    def _misses_skill(self, _: HelpRequest, role: Role, volunteer: Volunteer) -> bool:
        return bool({need.code for need in role.skills} - {skill.code for skill in volunteer.skills})

    def _misses_level(self, _: HelpRequest, role: Role, volunteer: Volunteer) -> bool:
        return any(
            all(skill.level < need.level for skill in volunteer.skills if skill.code == need.code)
            for need in role.skills
        )

    def _has_expired(self, request: HelpRequest, role: Role, volunteer: Volunteer) -> bool:
        return self._ends_too_early(request, volunteer, list(self._certificates_end(role, volunteer)))

    def _is_uninsured(self, request: HelpRequest, _: Role, volunteer: Volunteer) -> bool:
        return self._ends_too_early(request, volunteer, list(self._insurance_ends(request, volunteer)))

    def _ends_too_early(self, request: HelpRequest, volunteer: Volunteer, ends: list[int]) -> bool:
        """Tell whether no start of the request ends while all papers count."""
        last = min(ends, default=FOREVER)
        if request.windows is None:
            return last <= 0
        duration = self.duration_min(request, volunteer)
        starts = self.request_starts(request, duration)
        return last <= 0 or (bool(starts) and not both(starts, ((0, last - duration),)))

    def _is_too_far(self, request: HelpRequest, _: Role, volunteer: Volunteer) -> bool:
        distance, travel = self.distance_m(request, volunteer), self.travel_min(request, volunteer)
        limits = (distance, volunteer.max_distance_m), (travel, volunteer.max_travel_min)
        return any(needed is not None and most is not None and needed > most for needed, most in limits)

    def _papers_end(self, request: HelpRequest, role: Role, volunteer: Volunteer) -> Iterator[int]:
        yield from self._certificates_end(role, volunteer)
        yield from self._insurance_ends(request, volunteer)

    def _certificates_end(self, role: Role, volunteer: Volunteer) -> Iterator[int]:
        for need in role.skills:
            yield max(
                FOREVER if skill.valid_until is None else self.midnight_after(skill.valid_until)
                for skill in volunteer.skills
                if skill.code == need.code and skill.level >= need.level
            )

    def _insurance_ends(self, request: HelpRequest, volunteer: Volunteer) -> Iterator[int]:
        if request.needs_insurance:
            yield 0 if volunteer.insured_until is None else self.midnight_after(volunteer.insured_until)

    def _free(self, volunteer: Volunteer, duration_min: int) -> Minutes:
        if volunteer.availability is None:
            return ALWAYS
        end = self.epoch + timedelta(days=4)
        free = windows.expand(volunteer.availability, self.epoch, end, self.problem.time_zone)
        return union((self.minute_up(span.start), self.minute_down(span.end) - duration_min) for span in free)

    def _promises(self, volunteer: Volunteer) -> Iterator[tuple[int, int, Point | None]]:
        for busy in volunteer.busy:
            yield self.minute_down(busy.start), self.minute_up(busy.end), busy.point
        for pin in self.problem.pinned:
            if pin.volunteer_id == volunteer.id and pin.request_id in self.fixed_start:
                request, start = self.request_of[pin.request_id], self.fixed_start[pin.request_id]
                yield start, start + self.duration_min(request, volunteer), request.point

    def _spare_skills(self, role: Role, volunteer: Volunteer) -> int:
        held = {
            need
            for need in self.needs
            for skill in volunteer.skills
            if skill.code == need.code and skill.level >= need.level and not self._is_over(skill.valid_until)
        }
        asked = {
            need for need in self.needs for own in role.skills if own.code == need.code and own.level >= need.level
        }
        return len(held - asked)

    def _earliest(self, request: HelpRequest) -> int:
        starts = union(
            (max(0, self.minute_up(window.start)), self.minute_down(window.end) - request.duration_min)
            for window in request.windows or ()
        )
        return starts[0][0] if starts else 0

    def _is_over(self, day: date | None) -> bool:
        return day is not None and self.midnight_after(day) <= 0

    def _is_fit_today(self, request: HelpRequest, role: Role, volunteer: Volunteer) -> bool:
        return (
            not (request.adults_only and self._is_minor(volunteer))
            and role.gender in (None, volunteer.gender)
            and not self._misses_level(request, role, volunteer)
            and all(end > 0 for end in self._papers_end(request, role, volunteer))
            and {*request.trainings} <= {*volunteer.trainings}
        )


def _travel_min(distance_m: int, volunteer: Volunteer) -> int:
    return -(-distance_m * 60 // SPEED_M_PER_H[volunteer.travel_mode])
