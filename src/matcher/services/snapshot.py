"""From rows to a problem: the only place where what is stored becomes what is solved.

Everything is ordered by the callers' ids, so that the same rows make the same problem, byte for byte.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from matcher.domain.dispatch import TIME_ZONE
from matcher.domain.geo import Point
from matcher.domain.plans import Options, Pin, Problem
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Busy, Volunteer
from matcher.domain.windows import Interval
from matcher.services import reading
from matcher.storage.facts import RequestFacts, VolunteerFacts
from matcher.storage.snapshot import Block, Minutes, Packed, Promise, Refusal, Rows, Scene

__all__ = ["Named", "Snapshot", "Spent", "beside", "build"]


@dataclass(frozen=True, slots=True)
class Named:
    """A row behind an id of a problem, as it was; ``content`` is the hash of what the caller wrote of a request."""

    no: int
    version: int
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A problem, the rows behind its ids, and the offers that it reckons with."""

    problem: Problem
    requests: Mapping[str, Named]
    volunteers: Mapping[str, Named]
    offers: Sequence[int]


def build(rows: Rows, scene: Scene, options: Options, *, now: datetime) -> Snapshot:
    """Return the problem that rows make.

    An offer that stands is pinned where its request has places left, and a busy time of its volunteer
    everywhere else. A request without places left is not in the problem, nor is one whose offers
    contradict each other: it waits until they are answered.
    """
    certified = frozenset(rows.certified)
    promises = [Promise(*item) for item in _unpack(rows.promises)]
    asked = _requests(rows, scene)
    pins, pinned = _pin([(row, request) for row, request, _ in asked], promises)
    spent = _spent(promises, pinned, [Minutes(*item) for item in _unpack(rows.minutes)])
    people = list(_people(rows))
    known = {row.external_id for row, _ in people}
    problem = Problem(
        now=now,
        time_zone=TIME_ZONE,
        requests=tuple(_narrowed(request, known) for row, request, _ in asked if row.no in pins),
        volunteers=tuple(
            beside(reading.volunteer_of(row, certified=certified), spent.get(row.no)) for row, _ in people
        ),
        pinned=tuple(pin for row, _, _ in asked for pin in pins.get(row.no, ())),
        options=options,
    )
    return Snapshot(
        problem,
        requests={row.external_id: named for row, _, named in asked},
        volunteers={row.external_id: named for row, named in people},
        offers=[promise.offer_no for promise in promises if promise.is_live],
    )


def _unpack(packed: Packed) -> list[Any]:
    items: list[Any] = json.loads(zlib.decompress(packed.content))
    return items


def _people(rows: Rows) -> Iterator[tuple[VolunteerFacts, Named]]:
    for *columns, version in _unpack(rows.volunteers):
        facts = VolunteerFacts._make(columns)
        if facts.insured_until is not None:
            facts = facts._replace(insured_until=date.fromisoformat(str(facts.insured_until)))
        yield facts, Named(facts.no, version)


def _requests(rows: Rows, scene: Scene) -> list[tuple[RequestFacts, HelpRequest, Named]]:
    """Return the requests with the windows that lie in the horizon, and everybody they must not meet."""
    refused: defaultdict[int, list[str]] = defaultdict(list)
    for refusal in (Refusal(*item) for item in _unpack(rows.refusals)):
        refused[refusal.request_no].append(refusal.volunteer_id)
    blocked: defaultdict[str, list[str]] = defaultdict(list)
    for block in (Block(*item) for item in _unpack(rows.blocks)):
        blocked[block.requester].append(block.volunteer_id)
    found = []
    for *columns, version, content in _unpack(rows.requests):
        row = RequestFacts._make(columns)
        if row.requested_at is not None:
            row = row._replace(requested_at=datetime.fromisoformat(str(row.requested_at)))
        request = reading.request_of(row)
        windows = None if request.windows is None else tuple(_within(request.windows, scene))
        if windows == ():
            continue
        others = sorted({*refused.get(row.no, ()), *blocked.get(row.requester or "", ())})
        excluded = tuple(dict.fromkeys((*request.excluded_volunteers, *others)))
        found.append(
            (row, replace(request, windows=windows, excluded_volunteers=excluded), Named(row.no, version, content))
        )
    return found


def _within(windows: Iterable[Interval], scene: Scene) -> Iterator[Interval]:
    for window in windows:
        start, end = max(window.start, scene.horizon_start), min(window.end, scene.horizon_end)
        if start < end:
            yield Interval(start, end)


def _narrowed(request: HelpRequest, known: set[str]) -> HelpRequest:
    """Leave out excluded people who are not in the problem anyway."""
    return replace(request, excluded_volunteers=tuple(id_ for id_ in request.excluded_volunteers if id_ in known))


def _pin(
    asked: Sequence[tuple[RequestFacts, HelpRequest]], promises: Sequence[Promise]
) -> tuple[dict[int, tuple[Pin, ...]], set[int]]:
    """Return the pins of each request that takes part, by its number, and the offers that became pins."""
    live: defaultdict[int, list[Promise]] = defaultdict(list)
    for promise in promises:
        if promise.is_live:
            live[promise.request_no].append(promise)
    diary: defaultdict[int, list[Promise]] = defaultdict(list)
    pins: dict[int, tuple[Pin, ...]] = {}
    pinned: set[int] = set()
    for row, request in asked:
        held = live.get(row.no, [])
        if not _has_room(request, row, held) or not _is_coherent(request, held, diary):
            continue
        for promise in held:
            diary[promise.volunteer_no].append(promise)
            pinned.add(promise.offer_no)
        pins[row.no] = tuple(
            Pin(row.external_id, promise.volunteer_id, _instant(promise.starts_at), promise.role) for promise in held
        )
    return pins, pinned


def _has_room(request: HelpRequest, row: RequestFacts, held: Sequence[Promise]) -> bool:
    """Tell whether a place is left, with every place that is taken held by an offer that stands."""
    filled = [sum(promise.role == number for promise in held) for number in range(len(request.roles))]
    if any(taken > standing for taken, standing in zip(row.taken, filled, strict=True)):
        return False
    fits = all(count <= role.count for count, role in zip(filled, request.roles, strict=True))
    return fits and sum(filled) < request.headcount


def _is_coherent(request: HelpRequest, held: Sequence[Promise], diary: Mapping[int, list[Promise]]) -> bool:
    """Tell whether offers can be pinned: one start for all, in whole minutes, and nobody in two places."""
    if any(promise.role >= len(request.roles) for promise in held):
        return False
    starts = {_instant(promise.starts_at) for promise in held}
    if len(starts) > 1 or len({promise.volunteer_no for promise in held}) < len(held):
        return False
    for start in starts:
        if request.windows is not None and (start is None or start.second or start.microsecond):
            return False
    return not any(_overlap(promise, other) for promise in held for other in diary.get(promise.volunteer_no, ()))


def _overlap(one: Promise, other: Promise) -> bool:
    spans = [_span(promise) for promise in (one, other)]
    first, second = spans
    return first is not None and second is not None and first[0] < second[1] and second[0] < first[1]


def _span(promise: Promise) -> tuple[datetime, datetime] | None:
    start = _instant(promise.starts_at)
    return None if start is None else (start, start + timedelta(minutes=promise.duration_min))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a volunteer gives beside what is pinned; ``timeless`` are the minutes of help without a time."""

    busy: list[Busy] = field(default_factory=list)
    timeless: list[int] = field(default_factory=list)
    recent: list[int] = field(default_factory=list)

    def add(self, promise: Promise) -> None:
        """Count a promise in."""
        start, end = _instant(promise.starts_at), _instant(promise.ends_at)
        if start is None or end is None:
            self.timeless.append(promise.duration_min)
        else:
            self.busy.append(Busy(start, end, _place(promise), is_assignment=True))


def _spent(promises: Sequence[Promise], pinned: set[int], minutes: Sequence[Minutes]) -> dict[int, Spent]:
    spent: defaultdict[int, Spent] = defaultdict(Spent)
    for promise in promises:
        if promise.offer_no not in pinned:
            spent[promise.volunteer_no].add(promise)
    for entry in minutes:
        spent[entry.volunteer_no].recent.append(entry.minutes)
    return spent


def _place(promise: Promise) -> Point | None:
    if promise.latitude is None or promise.longitude is None:
        return None
    return Point(promise.latitude, promise.longitude)


def beside(volunteer: Volunteer, spent: Spent | None) -> Volunteer:
    """Return a volunteer with what they give already; help without a time takes of the limits alone."""
    if spent is None:
        return volunteer
    return replace(
        volunteer,
        busy=(*volunteer.busy, *sorted(spent.busy, key=lambda busy: (busy.start, busy.end))),
        max_assignments=_less(volunteer.max_assignments, len(spent.timeless)),
        max_minutes=_less(volunteer.max_minutes, sum(spent.timeless)),
        recent_minutes=volunteer.recent_minutes + sum(spent.recent),
    )


def _less(limit: int | None, spent: int) -> int | None:
    return None if limit is None else max(0, limit - spent)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
