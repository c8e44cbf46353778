"""Help requests as arrays: places, windows, and the rows of places that are still to be filled."""

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from matcher.domain.plans import Problem
from matcher.domain.requests import HelpRequest
from matcher.matching.arrays import NEVER, Requests, Rows
from matcher.matching.distance import sphere_xyz
from matcher.matching.pins import Pinned
from matcher.matching.timeline import Timeline, pointers

__all__ = ["assign_roles", "requests_and_rows"]


def assign_roles(problem: Problem, pinned: list[Pinned], masks: list[int], held: list[int]) -> list[int]:
    """Return the row that each pin fills, in the order of the pins.

    The role that a pin names is kept. The others take the role that fewest people are fit for, of those with a place
    left that they are fit for themselves: first come those pins with the fewest roles to choose from. A pin is a
    fact: who is fit for none takes the first place left.
    """
    pins_of: defaultdict[int, list[int]] = defaultdict(list)
    for p, pin in enumerate(pinned):
        pins_of[pin.request].append(p)
    first_row = np.cumsum([0, *(len(request.roles) for request in problem.requests)])
    row_of_pin = [0] * len(pinned)
    fit_for: dict[int, int] = {}  # how many people are fit for a mask
    for r, pins in pins_of.items():
        roles = problem.requests[r].roles
        rows = range(int(first_row[r]), int(first_row[r + 1]))
        left = {row: role.count for row, role in zip(rows, roles, strict=True)}
        if len(rows) > 1:
            for mask in {masks[row] for row in rows} - fit_for.keys():
                fit_for[mask] = sum(mask & ~bits == 0 for bits in held)
        fit = {p: [row for row in rows if masks[row] & ~held[pinned[p].volunteer] == 0] for p in pins}
        for p in sorted(pins, key=lambda p: (pinned[p].role is None, len(fit[p]))):
            named = pinned[p].role
            open_rows = [row for row in rows if left[row]] if named is None else [rows[named]]
            chosen = (
                sorted((row for row in open_rows if row in fit[p]), key=lambda row: fit_for.get(masks[row], 0))
                or open_rows
            )
            row_of_pin[p] = chosen[0]
            left[chosen[0]] -= 1
    return row_of_pin


def requests_and_rows(
    problem: Problem, timeline: Timeline, pinned: list[Pinned], row_of_pin: list[int], required: NDArray[np.uint64]
) -> tuple[Requests, Rows]:
    """Return the requests and the places that pins leave open.

    Parameters
    ----------
    required
        Capability bits, shape (rows, words).
    """
    requests = problem.requests
    n = len(requests)
    windows = [_windows(request, timeline) for request in requests]
    points = [request.point for request in requests]
    row_ptr = pointers([request.roles for request in requests])
    counts = np.array([role.count for request in requests for role in request.roles], np.int32)
    for row in row_of_pin:
        counts[row] -= 1
    fixed = np.full(n, NEVER, np.int32)
    for pin in pinned:
        if pin.start is not None:
            fixed[pin.request] = timeline.minute_down(pin.start)
    flat = [window for of_request in windows for window in of_request]
    arrays = Requests(
        xyz=sphere_xyz([p.latitude if p else 0.0 for p in points], [p.longitude if p else 0.0 for p in points]),
        placed=np.array([p is not None for p in points], np.bool_),
        urgency=np.array([request.urgency for request in requests], np.int64),
        duration=np.array([request.duration_min for request in requests], np.int32),
        timed=np.array([request.windows is not None for request in requests], np.bool_),
        window_ptr=pointers(windows),
        window_start=np.array([start for start, _ in flat], np.int32),
        window_end=np.array([end for _, end in flat], np.int32),
        earliest=np.array(
            [_earliest(request, of_request) for request, of_request in zip(requests, windows, strict=True)], np.int32
        ),
        fixed=fixed,
        minimum=_minimum(problem, pinned, counts, row_ptr),
        by_role=np.array([request.by_role for request in requests], np.bool_),
        row_ptr=row_ptr,
        restricted=np.zeros(n, np.bool_),
        choosy=np.array([bool(request.preferred_volunteers) for request in requests], np.bool_),
    )
    row_request = np.repeat(np.arange(n, dtype=np.int32), np.diff(row_ptr))
    return arrays, Rows(request=row_request, places=counts, required=required)


def _windows(request: HelpRequest, timeline: Timeline) -> list[tuple[int, int]]:
    """Return the parts of the windows that lie after now, sorted."""
    clipped = (
        (max(0, timeline.minute_up(window.start)), timeline.minute_down(window.end)) for window in request.windows or ()
    )
    return sorted((start, end) for start, end in clipped if start < end)


def _earliest(request: HelpRequest, windows: list[tuple[int, int]]) -> int:
    return next((start for start, end in windows if end - start >= request.duration_min), 0)


def _minimum(
    problem: Problem, pinned: list[Pinned], counts: NDArray[np.int32], row_ptr: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return how many people, or whole roles, each request still needs to count as served."""
    minimum = np.array([request.min_headcount for request in problem.requests], np.int32)
    pins = Counter(pin.request for pin in pinned)
    for r, people in pins.items():
        whole = int((counts[row_ptr[r] : row_ptr[r + 1]] == 0).sum())
        minimum[r] = max(0, minimum[r] - (whole if problem.requests[r].by_role else people))
    return minimum
