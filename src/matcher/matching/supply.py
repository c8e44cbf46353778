"""Volunteers as arrays: places, limits, free time, and what of it is promised already."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher.domain.geo import Point
from matcher.domain.plans import Problem
from matcher.domain.volunteers import SPEED_M_PER_H, Volunteer
from matcher.domain.windows import Expander
from matcher.matching.arrays import UNLIMITED, Volunteers
from matcher.matching.capabilities import Capabilities, is_minor, words_of
from matcher.matching.distance import sphere_xyz
from matcher.matching.pins import Pinned
from matcher.matching.timeline import Timeline, pointers

__all__ = ["Held", "held_capabilities", "volunteers_as_arrays"]

LOAD_SCALE_MIN = 600

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """Capability bits by volunteer: as of now, what of them ends inside the horizon, what has ended before."""

    now: list[int]
    expiring: list[list[tuple[int, int]]]  # (bit, first minute at which it no longer counts)
    expired: list[int]


def held_capabilities(problem: Problem, capabilities: Capabilities, timeline: Timeline, horizon: int) -> Held:
    """Return which bits each volunteer holds, and until when."""
    held = Held([], [], [])
    year = problem.now.astimezone(problem.time_zone).year
    minute_of_day: dict[object, int] = {None: UNLIMITED}
    for volunteer in problem.volunteers:
        until: dict[int, int] = {}
        for bit, day in capabilities.held(volunteer, year):
            if day not in minute_of_day and day is not None:
                minute_of_day[day] = timeline.minute_after_day(day)
            until[bit] = max(until.get(bit, -UNLIMITED), minute_of_day[day])
        held.now.append(sum(1 << bit for bit, minute in until.items() if minute > 0))
        held.expiring.append([(bit, minute) for bit, minute in until.items() if 0 < minute < horizon])
        held.expired.append(sum(1 << bit for bit, minute in until.items() if minute <= 0))
    return held


def volunteers_as_arrays(
    problem: Problem,
    timeline: Timeline,
    horizon: int,
    day_starts: Sequence[int],
    pinned: list[Pinned],
    held: Held,
    words: int,
) -> tuple[Volunteers, Volunteers]:
    """Return the volunteers as they are, and as if nothing were promised yet.

    The second one (no busy times, no pinned assignments) tells "not available" from "busy".
    """
    people = problem.volunteers
    expander = Expander(timeline.epoch, timeline.instant(horizon), problem.time_zone)
    idle = [expander.expand(volunteer.availability) for volunteer in people]
    pins_of: dict[int, list[Pinned]] = defaultdict(list)
    for pin in pinned:
        pins_of[pin.volunteer].append(pin)
    busy = [_busy(problem, volunteer, pins_of.get(v, ()), timeline) for v, volunteer in enumerate(people)]
    free = [
        _subtract(spans, [(s, e) for s, e, _ in taken]) if taken else spans
        for spans, taken in zip(idle, busy, strict=True)
    ]
    placed_busy = [[entry for entry in taken if entry[2] is not None] for taken in busy]
    spent = [_spent(volunteer, pins_of.get(v, ()), timeline) for v, volunteer in enumerate(people)]
    used = [_used_days(entries, timeline, day_starts) for entries in spent]
    year = problem.now.astimezone(problem.time_zone).year
    arrays = _arrays(problem, held, year, words)._replace(
        **_windows(free),
        busy_ptr=pointers(placed_busy),
        busy_start=np.array([s for taken in placed_busy for s, _, _ in taken], np.int32),
        busy_end=np.array([e for taken in placed_busy for _, e, _ in taken], np.int32),
        busy_xyz=_xyz([p for taken in placed_busy for _, _, p in taken]),
        used_ptr=pointers(used),
        used_day=np.array([day for days in used for day, _ in days], np.int32),
        used_minutes=np.array([minutes for days in used for _, minutes in days], np.int32),
    )
    minutes_spent = np.array([sum(minutes for _, minutes in entries) for entries in spent], np.int64)
    arrays.max_assignments[:] = np.maximum(0, arrays.max_assignments - [len(entries) for entries in spent])
    arrays.max_minutes[:] = np.maximum(0, arrays.max_minutes - minutes_spent)
    nothing = np.zeros(0, np.int32)
    nobody = np.zeros(len(people) + 1, np.int32)
    as_if_idle = arrays._replace(
        **_windows(idle), busy_ptr=nobody, busy_start=nothing, busy_end=nothing, busy_xyz=np.zeros((0, 3))
    )
    return arrays, as_if_idle


def _xyz(points: Sequence[Point | None]) -> np.ndarray:
    return sphere_xyz([p.latitude if p else 0.0 for p in points], [p.longitude if p else 0.0 for p in points])


def _limit(value: int | None) -> int:
    return UNLIMITED if value is None else value


def _arrays(problem: Problem, held: Held, year: int, words: int) -> Volunteers:
    """Return everything that does not depend on time; the rest is still empty."""
    people = problem.volunteers
    empty = np.zeros(0, np.int32)
    distance = np.array([_limit(v.max_distance_m) for v in people], np.int64)
    travel = np.array([_limit(v.max_travel_min) for v in people], np.int64)
    speed = np.array([SPEED_M_PER_H[v.travel_mode] for v in people], np.int64)
    weight = problem.options.weights.load
    return Volunteers(
        xyz=_xyz([v.point for v in people]),
        placed=np.array([v.point is not None for v in people], np.bool_),
        radius_m=np.minimum(distance, travel * speed // 60),
        max_distance_m=distance,
        max_travel_min=travel,
        speed=speed,
        has=words_of(held.now, words),
        usable=np.array([not v.paused and (v.guardian_consent or not is_minor(v, year)) for v in people], np.bool_),
        load_points=np.array(
            [weight * min(v.recent_minutes, LOAD_SCALE_MIN) // LOAD_SCALE_MIN for v in people], np.int64
        ),
        max_assignments=np.array([_limit(v.max_assignments) for v in people], np.int32),
        max_minutes=np.array([_limit(v.max_minutes) for v in people], np.int32),
        day_assignments=np.array([_limit(v.max_assignments_per_day) for v in people], np.int32),
        day_minutes=np.array([_limit(v.max_minutes_per_day) for v in people], np.int32),
        used_ptr=empty,
        used_day=empty,
        used_minutes=empty,
        window_ptr=empty,
        window_start=empty,
        window_end=empty,
        busy_ptr=empty,
        busy_start=empty,
        busy_end=empty,
        busy_xyz=np.zeros((0, 3)),
        expiry_ptr=pointers(held.expiring),
        expiry_bit=np.array([bit for entries in held.expiring for bit, _ in entries], np.int32),
        expiry_at=np.array([minute for entries in held.expiring for _, minute in entries], np.int32),
    )


def _windows(spans: list[list[Span]]) -> dict[str, np.ndarray]:
    flat = [span for of_volunteer in spans for span in of_volunteer]
    pairs = np.array(flat, np.int32).reshape(-1, 2)
    return {
        "window_ptr": pointers(spans),
        "window_start": np.ascontiguousarray(pairs[:, 0]),
        "window_end": np.ascontiguousarray(pairs[:, 1]),
    }


def _busy(
    problem: Problem, volunteer: Volunteer, pins: Sequence[Pinned], timeline: Timeline
) -> list[tuple[int, int, Point | None]]:
    """Return every promised time with its place: busy times and pinned assignments."""
    if not volunteer.busy and not pins:
        return []
    promised = [(b.start, b.end, b.point) for b in volunteer.busy]
    promised += [(p.start, p.end, problem.requests[p.request].point) for p in pins if p.start and p.end]
    return sorted(
        ((timeline.minute_down(start), timeline.minute_up(end), point) for start, end, point in promised),
        key=lambda entry: entry[:2],
    )


def _subtract(spans: list[Span], taken: list[Span]) -> list[Span]:
    """Return what is left of sorted, disjoint spans when the sorted ``taken`` are cut out."""
    left: list[Span] = []
    for start, end in spans:
        at = start
        for busy_start, busy_end in taken:
            if busy_end <= at or busy_start >= end:
                continue
            if busy_start > at:
                left.append((at, busy_start))
            at = max(at, busy_end)
        if at < end:
            left.append((at, end))
    return left


def _spent(volunteer: Volunteer, pins: Sequence[Pinned], timeline: Timeline) -> list[tuple[int | None, int]]:
    """Return (first minute, minutes) of all that counts against the limits; the first is None without time."""
    spent = [(None if pin.start is None else timeline.minute_down(pin.start), pin.minutes) for pin in pins]
    for busy in volunteer.busy:
        if busy.is_assignment:
            start = timeline.minute_down(busy.start)
            spent.append((start, timeline.minute_up(busy.end) - start))
    return spent


def _used_days(
    spent: Sequence[tuple[int | None, int]], timeline: Timeline, day_starts: Sequence[int]
) -> list[tuple[int, int]]:
    """Return (day, minutes) of what counts against the limits of a day that the problem spans."""
    used = []
    for start, minutes in spent:
        if start is None:
            continue
        day = int(np.searchsorted(day_starts, start, "right")) - 1
        if day >= 0 and timeline.instant(start).date() == timeline.instant(day_starts[day]).date():
            used.append((day, minutes))
    return used
