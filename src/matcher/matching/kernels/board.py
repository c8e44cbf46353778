"""The board: who does what when. Probing, placing and withdrawing one assignment.

Each volunteer has a sequence of tasks (edges): the timed ones first, in order of their starts, each as early
as its predecessors allow; then those without time. Tasks of a team, and of requests with a pinned start, keep
the common start; all others move when something is put in front of them or taken away.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.arrays import NEVER, UNLIMITED, Days, Edges, Points, Requests, Rows, Volunteers
from matcher.matching.kernels.compilation import in_place, kernel, step
from matcher.matching.kernels.timing import day_has_room, day_of, delay_points, earliest_start, last_end, travel_min

__all__ = [
    "Board",
    "State",
    "cost_at",
    "place",
    "placements",
    "probe",
    "request_of",
    "restore",
    "serves",
    "total_cost",
    "touch",
    "withdraw",
]


class Board(NamedTuple):
    """What does not change while a plan is searched."""

    requests: Requests
    rows: Rows
    volunteers: Volunteers
    days: Days
    points: Points
    edges: Edges
    flow: NDArray[np.uint8]  # edges of the relaxation's optimum
    capacity: NDArray[np.int64]  # assignments of each volunteer
    by_volunteer_ptr: NDArray[np.int64]
    by_volunteer: NDArray[np.int64]  # edges of each volunteer
    place_ptr: NDArray[np.int64]  # places of each row
    scarce_first: NDArray[np.int64]  # the rows of each request, those with few candidates first
    team: NDArray[np.bool_]  # requests whose people start together
    value: NDArray[np.int64]  # of a request served, in points of the search
    extra_value: NDArray[np.int64]  # of each place beyond the minimum


class State(NamedTuple):
    """A plan while it is searched, with a journal from which the last step can be undone."""

    task_ptr: NDArray[np.int64]
    task: NDArray[np.int64]  # edges, by volunteer
    start: NDArray[np.int32]
    timed: NDArray[np.int32]  # timed tasks of each volunteer
    tasks: NDArray[np.int32]  # all tasks of each volunteer
    minutes: NDArray[np.int64]
    place_edge: NDArray[np.int64]  # edge that fills each place, -1 open
    filled: NDArray[np.int32]  # places filled of each row
    common_start: NDArray[np.int32]  # of each team that is placed, NEVER otherwise
    tick: NDArray[np.int64]  # one number: the current step
    touched_at: NDArray[np.int64]  # step at which a volunteer was last journalled
    journal_volunteer: NDArray[np.int32]
    journal_ptr: NDArray[np.int64]
    journal_task: NDArray[np.int64]
    journal_start: NDArray[np.int32]
    journal_timed: NDArray[np.int32]
    journal_minutes: NDArray[np.int64]
    journalled: NDArray[np.int64]  # one number: volunteers in the journal


@step
def request_of(board, edge):
    """Return the request of an edge."""
    return board.rows.request[board.edges.row[edge]]


@step
def minutes_of(board, edge):
    """Return how long this volunteer takes for this request."""
    if len(board.edges.minutes) > 0:
        return np.int64(board.edges.minutes[edge])
    return np.int64(board.requests.duration[request_of(board, edge)])


@step
def cost_at(board, edge, start):
    """Return the cost of an edge when the service starts at ``start``."""
    cost = np.int64(board.edges.cost[edge])
    if board.edges.start[edge] < 0 or (len(board.edges.given) > 0 and board.edges.given[edge]):
        return cost
    earliest = board.requests.earliest[request_of(board, edge)]
    weight = board.points.delay
    return cost + delay_points(start, earliest, weight) - delay_points(board.edges.start[edge], earliest, weight)


@step
def way(board, v, a, b):
    """Return the minutes that ``v`` travels from request ``a`` to request ``b``; 0 where a place is unknown."""
    if not board.requests.placed[a] or not board.requests.placed[b]:
        return np.int64(0)
    return travel_min(board.requests.xyz[a], board.requests.xyz[b], board.volunteers.speed[v])


@step
def soonest(board, edge, after):
    """Return the first start of an edge from ``after`` on, whatever else the volunteer does; or NEVER."""
    v = board.edges.volunteer[edge]
    volunteers = board.volunteers
    limit = np.int64(NEVER)
    if volunteers.expiry_ptr[v + 1] > volunteers.expiry_ptr[v]:
        limit = np.int64(last_end(volunteers, v, board.rows.required[board.edges.row[edge]]))
    r = request_of(board, edge)
    return np.int64(earliest_start(board.requests, volunteers, r, v, minutes_of(board, edge), after, limit))


@step
def has_day_limit(board, v):
    """Tell whether a volunteer limits single days."""
    return board.volunteers.day_assignments[v] != UNLIMITED or board.volunteers.day_minutes[v] != UNLIMITED


@step
def room_on_day(board, state, v, start, duration, first, last):
    """Tell whether the day of ``start`` has room beside the tasks at positions outside ``[first, last)``."""
    day = day_of(board.days, start)
    count = np.int64(0)
    minutes = np.int64(0)
    for z in range(state.timed[v]):
        at = state.task_ptr[v] + z
        if (z < first or z >= last) and day_of(board.days, state.start[at]) == day:
            count += 1
            minutes += minutes_of(board, state.task[at])
    return day_has_room(board.volunteers, v, day, duration, count, minutes)


@step
def soonest_with_room(board, state, v, edge, after, first, last):
    """Return the first start from ``after`` on whose day has room; ``[first, last)`` as in ``room_on_day``."""
    limited = has_day_limit(board, v)
    while True:
        start = soonest(board, edge, after)
        if not limited or start == NEVER or room_on_day(board, state, v, start, minutes_of(board, edge), first, last):
            return start
        day = day_of(board.days, start)
        if day + 1 >= len(board.days.start):
            return np.int64(NEVER)
        after = np.int64(board.days.start[day + 1])


@step
def serves(board, state, r, v):
    """Tell whether ``v`` fills a place of request ``r``."""
    rows = board.requests.row_ptr
    for p in range(board.place_ptr[rows[r]], board.place_ptr[rows[r + 1]]):
        if state.place_edge[p] >= 0 and board.edges.volunteer[state.place_edge[p]] == v:
            return True
    return False


@step
def free_after(board, state, v, position, r):
    """Return when ``v`` can be at request ``r`` after the task at ``position - 1``."""
    if position == 0:
        return np.int64(0)
    at = state.task_ptr[v] + position - 1
    edge = state.task[at]
    return state.start[at] + minutes_of(board, edge) + way(board, v, request_of(board, edge), r)


@step
def push_cost(board, state, v, position, r, ends):
    """Return what the tasks from ``position`` on cost more when ``r`` ends at ``ends`` before them; -1: impossible."""
    cost = np.int64(0)
    before = r
    limited = has_day_limit(board, v)
    for z in range(position, state.timed[v]):
        at = state.task_ptr[v] + z
        edge = state.task[at]
        moved = request_of(board, edge)
        needed = ends + way(board, v, before, moved)
        if needed <= state.start[at]:
            break
        if board.team[moved]:
            return np.int64(-1)
        start = soonest(board, edge, needed)
        if start == NEVER:
            return np.int64(-1)
        if limited and day_of(board.days, start) != day_of(board.days, state.start[at]):
            return np.int64(-1)
        cost += cost_at(board, edge, start) - cost_at(board, edge, state.start[at])
        ends = start + minutes_of(board, edge)
        before = moved
    return cost


@step
def probe(board, state, edge, wanted):
    """Find the cheapest way to put an edge into its volunteer's sequence.

    Parameters
    ----------
    wanted
        The start that it must have; NEVER for any.

    Returns
    -------
    position
        Where in the sequence, -1 if nowhere.
    start
        When it would start; -1 without time.
    cost
        Cost of the edge and of the tasks that it pushes, in points.
    """
    nowhere = np.int64(-1)
    v = board.edges.volunteer[edge]
    r = request_of(board, edge)
    duration = minutes_of(board, edge)
    if state.tasks[v] >= board.capacity[v] or state.minutes[v] + duration > board.volunteers.max_minutes[v]:
        return nowhere, nowhere, nowhere
    if not board.requests.timed[r]:
        return np.int64(state.tasks[v]), nowhere, np.int64(board.edges.cost[edge])
    best = nowhere
    best_start = nowhere
    best_cost = nowhere
    for position in range(state.timed[v] + 1):
        after = free_after(board, state, v, position, r)
        if wanted != NEVER:
            if after > wanted:
                break
            after = np.int64(wanted)
        start = soonest_with_room(board, state, v, edge, after, 0, 0)
        if start == NEVER or (wanted != NEVER and start != wanted):
            break
        if position < state.timed[v]:
            at = state.task_ptr[v] + position
            if state.start[at] + minutes_of(board, state.task[at]) <= start:
                continue  # the next task is over by then: this one belongs behind it
        pushed = push_cost(board, state, v, position, r, start + duration)
        if pushed < 0:
            continue
        cost = cost_at(board, edge, start) + pushed
        if best < 0 or cost < best_cost:
            best, best_start, best_cost = np.int64(position), start, cost
    return best, best_start, best_cost


@step
def touch(state, v):
    """Write a volunteer's sequence to the journal, once a step."""
    if state.touched_at[v] == state.tick[0]:
        return
    state.touched_at[v] = state.tick[0]
    n = state.journalled[0]
    begin = state.journal_ptr[n]
    for z in range(state.tasks[v]):
        state.journal_task[begin + z] = state.task[state.task_ptr[v] + z]
        state.journal_start[begin + z] = state.start[state.task_ptr[v] + z]
    state.journal_volunteer[n] = v
    state.journal_timed[n] = state.timed[v]
    state.journal_minutes[n] = state.minutes[v]
    state.journal_ptr[n + 1] = begin + state.tasks[v]
    state.journalled[0] = n + 1


@step
def restore(state):
    """Take every volunteer in the journal back to the beginning of the step."""
    for n in range(state.journalled[0]):
        v = state.journal_volunteer[n]
        begin = state.journal_ptr[n]
        state.tasks[v] = state.journal_ptr[n + 1] - begin
        state.timed[v] = state.journal_timed[n]
        state.minutes[v] = state.journal_minutes[n]
        for z in range(state.tasks[v]):
            state.task[state.task_ptr[v] + z] = state.journal_task[begin + z]
            state.start[state.task_ptr[v] + z] = state.journal_start[begin + z]


@step
def place(board, state, edge, position, start):
    """Put an edge into its volunteer's sequence as ``probe`` found, and into a place of its row."""
    v = board.edges.volunteer[edge]
    i = board.edges.row[edge]
    touch(state, v)
    first = state.task_ptr[v]
    for z in range(state.tasks[v], position, -1):
        state.task[first + z] = state.task[first + z - 1]
        state.start[first + z] = state.start[first + z - 1]
    state.task[first + position] = edge
    state.start[first + position] = start
    state.tasks[v] += 1
    state.minutes[v] += minutes_of(board, edge)
    state.place_edge[board.place_ptr[i] + state.filled[i]] = edge
    state.filled[i] += 1
    if not board.requests.timed[board.rows.request[i]]:
        return
    state.timed[v] += 1
    for z in range(position + 1, state.timed[v]):
        needed = free_after(board, state, v, z, request_of(board, state.task[first + z]))
        if needed <= state.start[first + z]:
            break
        state.start[first + z] = soonest(board, state.task[first + z], needed)


@step
def withdraw(board, state, edge):
    """Take an edge out of its volunteer's sequence; what came behind it moves forward.

    Returns
    -------
    start
        When it started; -1 without time.
    cost
        How the cost of the tasks behind it changes, in points (<= 0).
    """
    v = board.edges.volunteer[edge]
    touch(state, v)
    first = state.task_ptr[v]
    position = 0
    while state.task[first + position] != edge:
        position += 1
    start = np.int64(state.start[first + position])
    was_timed = position < state.timed[v]
    for z in range(position, state.tasks[v] - 1):
        state.task[first + z] = state.task[first + z + 1]
        state.start[first + z] = state.start[first + z + 1]
    state.tasks[v] -= 1
    state.minutes[v] -= minutes_of(board, edge)
    cost = np.int64(0)
    if not was_timed:
        return start, cost
    state.timed[v] -= 1
    for z in range(position, state.timed[v]):
        moved = state.task[first + z]
        r = request_of(board, moved)
        if board.team[r]:
            break
        sooner = soonest_with_room(board, state, v, moved, free_after(board, state, v, z, r), z, z + 1)
        if sooner >= state.start[first + z]:
            break
        cost += cost_at(board, moved, sooner) - cost_at(board, moved, state.start[first + z])
        state.start[first + z] = sooner
    return start, cost


@in_place
def total_cost(board, state):
    """Return the cost of all assignments, in points."""
    cost = np.int64(0)
    for v in range(len(state.tasks)):
        for z in range(state.task_ptr[v], state.task_ptr[v] + state.tasks[v]):
            cost += cost_at(board, state.task[z], state.start[z])
    return cost


@kernel
def placements(board, state):
    """Return edge, start and cost of every assignment."""
    count = 0
    for v in range(len(state.tasks)):
        count += state.tasks[v]
    edge = np.empty(count, np.int64)
    start = np.empty(count, np.int32)
    cost = np.empty(count, np.int64)
    at = 0
    for v in range(len(state.tasks)):
        for z in range(state.task_ptr[v], state.task_ptr[v] + state.tasks[v]):
            edge[at] = state.task[z]
            start[at] = state.start[z]
            cost[at] = cost_at(board, state.task[z], state.start[z])
            at += 1
    return edge, start, cost
