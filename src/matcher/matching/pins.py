"""Assignments that may not move: facts that take time, capacity and places before anything is solved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from matcher.domain.errors import Fault, InvalidProblemError, Text
from matcher.domain.plans import Problem
from matcher.domain.requests import HelpRequest

__all__ = ["Pinned", "resolve"]


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pin by index; ``start`` and ``end`` are None where the request has no time."""

    request: int
    volunteer: int
    start: datetime | None
    end: datetime | None
    minutes: int
    role: int | None = None


def _fault(position: int, field: str, code: str, en: str, zh: str) -> Fault:
    return Fault(f"/pinned/{position}{field}", code, Text(en, zh))


def resolve(
    problem: Problem,
    request_of_id: Mapping[str, int],
    volunteer_of_id: Mapping[str, int],
    duration_of_pair: Mapping[tuple[int, int], int],
) -> list[Pinned]:
    """Return the pins by index, or refuse those that contradict the problem or one another.

    Raises
    ------
    InvalidProblemError
        With one fault for each pin that names unknown ids, repeats another, lacks a start, gives its request a
        second start or too many people, or puts its volunteer in two places at once.
    """
    faults: list[Fault] = []
    pinned: list[Pinned] = []
    for position, pin in enumerate(problem.pinned):
        r, v = request_of_id.get(pin.request_id), volunteer_of_id.get(pin.volunteer_id)
        if r is None:
            faults.append(
                _fault(position, "/request_id", "unknown-id", "No request has this id.", "没有此编号的求助。")
            )
        if v is None:
            faults.append(
                _fault(position, "/volunteer_id", "unknown-id", "No volunteer has this id.", "没有此编号的志愿者。")
            )
        if r is None or v is None:
            continue
        request = problem.requests[r]
        if request.windows is not None and pin.start is None:
            faults.append(
                _fault(
                    position,
                    "/start",
                    "missing",
                    "This request has a time; say when it starts.",
                    "该求助有时间要求，请给出开始时间。",
                )
            )
            continue
        if pin.start is not None and (pin.start.second or pin.start.microsecond):
            faults.append(_fault(position, "/start", "not-whole", "A start is a whole minute.", "开始时间须为整分钟。"))
            continue
        start = pin.start if request.windows is not None else None
        minutes = duration_of_pair.get((r, v), request.duration_min)
        pinned.append(
            Pinned(r, v, start, None if start is None else start + timedelta(minutes=minutes), minutes, pin.role)
        )
        fault = _contradiction(position, pinned, request)
        if fault is not None:
            faults.append(fault)
            pinned.pop()
    if faults:
        raise InvalidProblemError(faults)
    return pinned


def _contradiction(position: int, pinned: Sequence[Pinned], request: HelpRequest) -> Fault | None:
    """Return what is wrong with the last pin beside those before it."""
    last = pinned[-1]
    others = [pin for pin in pinned[:-1] if pin.request == last.request]
    if any(pin.volunteer == last.volunteer for pin in others):
        return _fault(position, "", "duplicate", "This pair is pinned twice.", "该配对被重复锁定。")
    if last.role is not None:
        if last.role >= len(request.roles):
            return _fault(position, "/role", "unknown-role", "The request has no such role.", "该求助没有此角色。")
        if sum(pin.role == last.role for pin in others) >= request.roles[last.role].count:
            return _fault(position, "/role", "too-many", "This role is full already.", "该角色名额已满。")
    if len(others) + 1 > request.headcount:
        return _fault(
            position, "/request_id", "too-many", "More people are pinned than asked for.", "锁定人数超过所需人数。"
        )
    if any(pin.start != last.start for pin in others):
        return _fault(
            position,
            "/start",
            "two-starts",
            "Everybody on one request starts together.",
            "同一求助的所有人须同时开始。",
        )
    for pin in pinned[:-1]:
        if pin.volunteer != last.volunteer or pin.start is None or pin.end is None:
            continue
        if last.start is not None and last.end is not None and last.start < pin.end and pin.start < last.end:
            return _fault(
                position,
                "",
                "overlap",
                "This volunteer is pinned elsewhere at that time.",
                "该志愿者在该时段已被锁定在别处。",
            )
    return None
