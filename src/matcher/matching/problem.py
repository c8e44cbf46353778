"""From the words of the domain to arrays: the only place where the one becomes the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import Fault, InvalidProblemError, Text
from matcher.domain.plans import Problem
from matcher.domain.requests import HelpRequest, Need
from matcher.domain.windows import local_day_starts
from matcher.matching.arrays import Days, Instance, Pairs, Points, Volunteers
from matcher.matching.capabilities import Capabilities, Kind, words_of
from matcher.matching.demand import assign_roles, requests_and_rows
from matcher.matching.pins import Pinned, resolve
from matcher.matching.supply import Held, held_capabilities, volunteers_as_arrays
from matcher.matching.timeline import Timeline

__all__ = ["MAX_HORIZON", "Compiled", "compile_problem"]

MAX_HORIZON = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A problem beside its arrays, with what explanations need and the solver does not."""

    problem: Problem
    timeline: Timeline
    instance: Instance
    capabilities: Capabilities
    held: Held
    pinned: list[Pinned]
    row_of_pin: list[int]
    idle: Volunteers  # the volunteers as if nothing were promised yet
    holders: Mapping[Need, int]  # how many volunteers hold each skill at each level that is asked for

    def scarcest_need(self, row: int) -> Need | None:
        """Return the skill of a row that fewest volunteers hold at its level; None if it asks for none."""
        r = int(self.instance.rows.request[row])
        needs = self.problem.requests[r].roles[row - int(self.instance.requests.row_ptr[r])].skills
        return min(needs, key=lambda need: (self.holders[need], need.code, need.level), default=None)


def compile_problem(problem: Problem) -> Compiled:
    """Turn a problem into arrays.

    Raises
    ------
    InvalidProblemError
        If an id is used twice or unknown, a pin contradicts the rest, or a window lies beyond the horizon.
    """
    _refuse_repeated_ids(problem)
    timeline = Timeline.starting(problem.now, problem.time_zone)
    request_of_id = {request.id: r for r, request in enumerate(problem.requests)}
    volunteer_of_id = {volunteer.id: v for v, volunteer in enumerate(problem.volunteers)}
    pairs = _pairs(problem, request_of_id, volunteer_of_id)
    pinned = resolve(problem, request_of_id, volunteer_of_id, _own_durations(pairs))
    horizon = _horizon(problem, timeline)
    day_starts = local_day_starts(timeline.epoch, timeline.instant(horizon), problem.time_zone)
    capabilities = Capabilities()
    asked = [capabilities.require(request, role) for request in problem.requests for role in request.roles]
    masks = [capabilities.include_lower_levels(mask) for mask in asked]
    held = held_capabilities(problem, capabilities, timeline, horizon)
    row_of_pin = assign_roles(problem, pinned, masks, held.now)
    requests, rows = requests_and_rows(problem, timeline, pinned, row_of_pin, words_of(masks, capabilities.words))
    volunteers, idle = volunteers_as_arrays(problem, timeline, horizon, day_starts, pinned, held, capabilities.words)
    count = max(1, len(problem.volunteers))
    excluded = _named(problem.requests, volunteer_of_id, lambda request: request.excluded_volunteers)
    excluded_or_pinned = [*excluded, *((pin.request, pin.volunteer) for pin in pinned)]
    for r, _ in excluded_or_pinned:
        requests.restricted[r] = True
    weights = problem.options.weights
    instance = Instance(
        epoch=timeline.epoch,
        requests=requests,
        rows=rows,
        volunteers=volunteers,
        excluded=_keys(excluded_or_pinned, count),
        preferred=_keys(_named(problem.requests, volunteer_of_id, lambda request: request.preferred_volunteers), count),
        skill_mask=capabilities.mask_of(Kind.SKILL),
        days=Days(np.array(day_starts, np.int32)),
        points=Points(weights.travel, weights.delay, weights.overqualification, weights.preference),
        pairs=pairs,
    )
    holders = _holders(capabilities, volunteers)
    return Compiled(problem, timeline, instance, capabilities, held, pinned, row_of_pin, idle, holders)


def _holders(capabilities: Capabilities, volunteers: Volunteers) -> dict[Need, int]:
    counts = np.unpackbits(volunteers.has.view(np.uint8), axis=1, bitorder="little").sum(axis=0, dtype=np.int64)
    return {
        Need(capability.code, capability.level): int(counts[bit])
        for bit, capability in enumerate(capabilities.of_bit)
        if capability.kind is Kind.SKILL
    }


def _refuse_repeated_ids(problem: Problem) -> None:
    faults: list[Fault] = []
    ids = {"requests": [r.id for r in problem.requests], "volunteers": [v.id for v in problem.volunteers]}
    for noun, names in ids.items():
        first: dict[str, int] = {}
        for position, name in enumerate(names):
            before = first.setdefault(name, position)
            if before != position:
                detail = Text(
                    "The id {id} is used already at /{noun}/{before}; ids must differ.",
                    "编号 {id} 已在 /{noun}/{before} 使用，编号不得重复。",
                    {"id": name, "noun": noun, "before": before},
                )
                faults.append(Fault(f"/{noun}/{position}/id", "duplicate-id", detail))
    if faults:
        raise InvalidProblemError(faults)


def _horizon(problem: Problem, timeline: Timeline) -> int:
    """Return the minute at which the last window ends; at least a day."""
    end = timeline.epoch + timedelta(days=1)
    faults = []
    for r, request in enumerate(problem.requests):
        for w, window in enumerate(request.windows or ()):
            if window.end - timeline.epoch > MAX_HORIZON:
                detail = Text(
                    "A window may end at most {days} days after now.",
                    "时段的结束不得晚于当前时间之后 {days} 天。",
                    {"days": MAX_HORIZON.days},
                )
                faults.append(Fault(f"/requests/{r}/windows/{w}/end", "beyond-horizon", detail))
            end = max(end, window.end)
    if faults:
        raise InvalidProblemError(faults)
    return timeline.minute_up(end)


def _pairs(problem: Problem, request_of_id: Mapping[str, int], volunteer_of_id: Mapping[str, int]) -> Pairs | None:
    """Return the given pairs by index, or refuse unknown ids and repeated pairs."""
    if problem.pairs is None:
        return None
    faults: list[Fault] = []
    seen: set[tuple[str, str]] = set()
    for position, pair in enumerate(problem.pairs):
        if pair.request_id not in request_of_id:
            detail = Text("No request has this id.", "没有此编号的求助。")
            faults.append(Fault(f"/pairs/{position}/request_id", "unknown-id", detail))
        if pair.volunteer_id not in volunteer_of_id:
            detail = Text("No volunteer has this id.", "没有此编号的志愿者。")
            faults.append(Fault(f"/pairs/{position}/volunteer_id", "unknown-id", detail))
        if (pair.request_id, pair.volunteer_id) in seen:
            faults.append(
                Fault(f"/pairs/{position}", "duplicate", Text("This pair is given twice.", "该配对重复给出。"))
            )
        seen.add((pair.request_id, pair.volunteer_id))
    if faults:
        raise InvalidProblemError(faults)

    def column(values: Iterable[int | None]) -> NDArray[np.int32]:
        return np.array([-1 if value is None else value for value in values], np.int32)

    return Pairs(
        request=column(request_of_id[pair.request_id] for pair in problem.pairs),
        volunteer=column(volunteer_of_id[pair.volunteer_id] for pair in problem.pairs),
        distance_m=column(pair.distance_m for pair in problem.pairs),
        travel_min=column(pair.travel_min for pair in problem.pairs),
        duration=column(pair.duration_min for pair in problem.pairs),
        cost=column(pair.cost for pair in problem.pairs),
    )


def _own_durations(pairs: Pairs | None) -> dict[tuple[int, int], int]:
    if pairs is None:
        return {}
    return {
        (int(pairs.request[p]), int(pairs.volunteer[p])): int(pairs.duration[p])
        for p in np.flatnonzero(pairs.duration >= 0)
    }


def _named(
    requests: tuple[HelpRequest, ...],
    volunteer_of_id: Mapping[str, int],
    names: Callable[[HelpRequest], tuple[str, ...]],
) -> Iterator[tuple[int, int]]:
    """Yield (request, volunteer) for each known volunteer that a request names."""
    for r, request in enumerate(requests):
        for name in names(request):
            if (v := volunteer_of_id.get(name)) is not None:
                yield r, v


def _keys(named: Iterable[tuple[int, int]], volunteer_count: int) -> NDArray[np.int64]:
    return np.unique(np.array([r * volunteer_count + v for r, v in named], np.int64))
