"""The search: cheapest insertion, ruin and recreate, simulated annealing.

Follows Schrimpf et al. (2000) and the slack induction of Christiaens and Vanden Berghe (2020) in
spirit: a few related requests are taken out and put back in another order, a worse plan is kept with a
probability that falls. The randomness is a xorshift generator of our own (Marsaglia, 2003), so that
compiled and plain Python walk the same way.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.arrays import NEVER
from matcher.matching.kernels.board import Board, cost_at, place, probe, request_of, restore, serves, withdraw
from matcher.matching.kernels.compilation import in_place, routine, step
from matcher.matching.kernels.sorting import sort_by_key

__all__ = ["Work", "anneal", "construct", "fill", "new_work", "random_below", "random_unit"]

NOTHING = -(2**62)
SKIP = 0.03
MOST_RUINED = 12


class Crew(NamedTuple):
    """People for a team: their edges, and where each goes in the volunteer's sequence."""

    edge: NDArray[np.int64]
    position: NDArray[np.int64]
    start: NDArray[np.int64]


class Work(NamedTuple):
    """Space that the search uses again at each step."""

    crew: Crew
    best_crew: Crew
    ruined: NDArray[np.int64]
    ruined_again: NDArray[np.int64]
    key: NDArray[np.float64]
    saved_start: NDArray[np.int32]
    saved_edge: NDArray[np.int64]
    marked: NDArray[np.int64]  # step at which a request was last chosen


def new_work(board: Board) -> Work:
    """Return work space for a board."""
    places = np.diff(board.place_ptr[board.requests.row_ptr])
    widest = int(places.max(initial=0)) + 1
    return Work(
        crew=Crew(*(np.zeros(widest, np.int64) for _ in Crew._fields)),
        best_crew=Crew(*(np.zeros(widest, np.int64) for _ in Crew._fields)),
        ruined=np.zeros(MOST_RUINED, np.int64),
        ruined_again=np.zeros(MOST_RUINED, np.int64),
        key=np.zeros(MOST_RUINED),
        saved_start=np.zeros(MOST_RUINED, np.int32),
        saved_edge=np.zeros(widest * MOST_RUINED, np.int64),
        marked=np.full(len(places), -1, np.int64),
    )


@in_place
def random_unit(rng):
    """Return a number in [0, 1) and advance the generator, whose state is the one word of ``rng``."""
    x = rng[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    rng[0] = x
    return np.float64(x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@in_place
def random_below(rng, n):
    """Return a whole number in [0, n)."""
    return int(random_unit(rng) * n)


@step
def worth(board, state, r):
    """Return the value of request ``r`` as it is filled now, in points of the search."""
    filled = 0
    whole = 0
    for i in range(board.requests.row_ptr[r], board.requests.row_ptr[r + 1]):
        filled += state.filled[i]
        whole += state.filled[i] == board.rows.places[i] and board.rows.places[i] > 0
    reached = whole if board.requests.by_role[r] else filled
    minimum = board.requests.minimum[r]
    if reached < minimum:
        return np.int64(0)
    value = board.extra_value[r] * (reached - minimum)
    if minimum > 0:
        value += board.value[r]
    return value


@routine
def remove_request(board, state, r):
    """Take every assignment of a request back and return the change of the objective."""
    change = -worth(board, state, r)
    for i in range(board.requests.row_ptr[r], board.requests.row_ptr[r + 1]):
        for q in range(state.filled[i]):
            p = board.place_ptr[i] + q
            edge = state.place_edge[p]
            start, cost = withdraw(board, state, edge)
            change += cost_at(board, edge, start) - cost
            state.place_edge[p] = -1
        state.filled[i] = 0
    state.common_start[r] = NEVER
    return change


@step
def insert_single(board, state, r, only_flow, skip, rng):
    """Insert a request of one place where it costs least; return the change of the objective or NOTHING."""
    i = board.requests.row_ptr[r]
    best = np.int64(-1)
    best_position = np.int64(-1)
    best_start = np.int64(-1)
    best_cost = np.int64(0)
    for edge in range(board.edges.ptr[i], board.edges.ptr[i + 1]):
        if best >= 0 and board.edges.cost[edge] >= best_cost:
            break
        if only_flow and not board.flow[edge]:
            continue
        if skip > 0 and random_unit(rng) < skip:
            continue
        position, start, cost = probe(board, state, edge, np.int64(NEVER))
        if position >= 0 and (best < 0 or cost < best_cost):
            best, best_position, best_start, best_cost = np.int64(edge), position, start, cost
    if best < 0:
        return np.int64(NOTHING)
    place(board, state, best, best_position, best_start)
    return worth(board, state, r) - best_cost


@routine
def choose_crew(board, state, r, start, only_flow, skip, rng, crew):
    """Choose people for the open places of a team at one start, beside those who are there already.

    Parameters
    ----------
    start
        NEVER where the request has no time.
    crew
        ``Crew`` to write the people to.

    Returns
    -------
    people
        How many were chosen; 0 if too few can come.
    gain
        Change of the objective if they are placed.
    """
    people = 0
    cost = np.int64(0)
    whole = 0
    there = 0
    left = board.requests.row_ptr[r + 1] - board.requests.row_ptr[r]
    for k in range(board.requests.row_ptr[r], board.requests.row_ptr[r + 1]):
        i = board.scarce_first[k]
        left -= 1
        there += state.filled[i]
        missing = board.rows.places[i] - state.filled[i]
        if missing <= 0:
            whole += board.rows.places[i] > 0
            continue
        before = people
        before_cost = cost
        for edge in range(board.edges.ptr[i], board.edges.ptr[i + 1]):
            if only_flow and not board.flow[edge]:
                continue
            if skip > 0 and random_unit(rng) < skip:
                continue
            v = board.edges.volunteer[edge]
            taken = there > 0 and serves(board, state, r, v)
            for q in range(people):
                if board.edges.volunteer[crew.edge[q]] == v:
                    taken = True
            if taken:
                continue
            position, at, edge_cost = probe(board, state, edge, start)
            if position >= 0:
                crew.edge[people] = edge
                crew.position[people] = position
                crew.start[people] = at
                people += 1
                cost += edge_cost
                if people - before == missing:
                    break
        if board.requests.by_role[r]:
            if people - before < missing:
                people = before
                cost = before_cost
                if whole + left < board.requests.minimum[r]:
                    return 0, np.int64(0)
            else:
                whole += 1
    reached = whole if board.requests.by_role[r] else there + people
    minimum = board.requests.minimum[r]
    if reached < minimum or people == 0:
        return 0, np.int64(0)
    gain = board.extra_value[r] * (reached - minimum) - cost
    if minimum > 0:
        gain += board.value[r]
    return people, gain


@step
def place_crew(board, state, crew, people):
    """Put the first ``people`` of a crew where they were found to fit: nobody appears twice, so all still fit."""
    for q in range(people):
        place(board, state, crew.edge[q], crew.position[q], crew.start[q])


@step
def sampled_start(board, r, sample, samples, rng):
    """Return a start to try for a team: window openings first, then people's first starts and random minutes."""
    requests = board.requests
    first, last = requests.window_ptr[r], requests.window_ptr[r + 1]
    if requests.fixed[r] != NEVER:
        return np.int64(requests.fixed[r])
    if not requests.timed[r]:
        return np.int64(NEVER)
    if sample < last - first and sample * 2 < samples:
        return np.int64(requests.window_start[first + sample])
    rows = requests.row_ptr[r + 1] - requests.row_ptr[r]
    i = requests.row_ptr[r] + random_below(rng, rows)
    degree = board.edges.ptr[i + 1] - board.edges.ptr[i]
    if degree > 0 and sample % 2 == 0:
        return np.int64(board.edges.start[board.edges.ptr[i] + random_below(rng, degree)])
    w = first + random_below(rng, last - first)
    room = requests.window_end[w] - requests.duration[r] - requests.window_start[w]
    return np.int64(requests.window_start[w] + (random_below(rng, room + 1) if room > 0 else 0))


@step
def insert_team(board, state, r, only_flow, skip, rng, samples, work):
    """Insert a team at the best of some sampled common starts; return the change of the objective or NOTHING."""
    best_people = 0
    best_gain = np.int64(NOTHING)
    best_start = np.int64(NEVER)
    if board.requests.fixed[r] != NEVER or not board.requests.timed[r]:
        samples = 1
    for sample in range(samples):
        start = sampled_start(board, r, sample, samples, rng)
        people, gain = choose_crew(board, state, r, start, only_flow, skip, rng, work.crew)
        if people > 0 and gain > best_gain:
            best_people, best_gain, best_start = people, gain, start
            for q in range(people):
                work.best_crew.edge[q] = work.crew.edge[q]
                work.best_crew.position[q] = work.crew.position[q]
                work.best_crew.start[q] = work.crew.start[q]
    if best_people == 0:
        return np.int64(NOTHING)
    place_crew(board, state, work.best_crew, best_people)
    state.common_start[r] = best_start
    return best_gain


@routine
def insert_request(board, state, r, only_flow, skip, rng, samples, work):
    """Insert a request that has no assignments; return the change of the objective, or NOTHING if it does not fit."""
    if board.team[r]:
        return insert_team(board, state, r, only_flow, skip, rng, samples, work)
    return insert_single(board, state, r, only_flow, skip, rng)


@step
def is_empty(board, state, r):
    """Tell whether a request has no assignment of the search."""
    for i in range(board.requests.row_ptr[r], board.requests.row_ptr[r + 1]):
        if state.filled[i] > 0:
            return False
    return True


@in_place
def construct(board, state, order, only_flow, rng, samples, work):
    """Insert the empty requests of ``order`` one after the other and return the change of the objective."""
    gain = np.int64(0)
    for r in order:
        if is_empty(board, state, r):
            change = insert_request(board, state, r, only_flow, 0.0, rng, samples, work)
            if change != NOTHING:
                gain += change
    return gain


@in_place
def fill(board, state, order, rng, work):
    """Fill open places of teams that are placed already, whatever it costs, and return how many."""
    added = 0
    for r in order:
        if board.team[r] and not is_empty(board, state, r):
            people, _ = choose_crew(board, state, r, np.int64(state.common_start[r]), False, 0.0, rng, work.crew)
            place_crew(board, state, work.crew, people)
            added += people
    return added


@step
def related(board, state, seed, wanted, marked, mark, ruined, rng):
    """Walk from request ``seed`` over shared volunteers and collect up to ``wanted`` requests in ``ruined``."""
    ruined[0] = seed
    marked[seed] = mark
    found = 1
    tries = 0
    while found < wanted and tries < 3 * wanted:
        tries += 1
        a = ruined[random_below(rng, found)]
        i = board.requests.row_ptr[a] + random_below(rng, board.requests.row_ptr[a + 1] - board.requests.row_ptr[a])
        degree = board.edges.ptr[i + 1] - board.edges.ptr[i]
        if degree == 0:
            continue
        u = random_unit(rng)
        v = board.edges.volunteer[board.edges.ptr[i] + int(degree * u * u)]
        if state.tasks[v] > 0 and random_unit(rng) < 0.8:
            edge = state.task[state.task_ptr[v] + random_below(rng, state.tasks[v])]
        else:
            first = board.by_volunteer_ptr[v]
            edge = board.by_volunteer[first + random_below(rng, board.by_volunteer_ptr[v + 1] - first)]
        b = request_of(board, edge)
        if marked[b] != mark:
            marked[b] = mark
            ruined[found] = b
            found += 1
    return found


@step
def recreate_key(board, r, mode, rng):
    """Return the sort key by which ruined requests are put back: random, value, scarcity, or value per minute."""
    noise = random_unit(rng)
    places = 0
    degree = 0
    for i in range(board.requests.row_ptr[r], board.requests.row_ptr[r + 1]):
        places += board.rows.places[i]
        degree += board.edges.ptr[i + 1] - board.edges.ptr[i]
    value = board.value[r] if board.requests.minimum[r] > 0 else board.extra_value[r]
    if mode == 0:
        return noise
    if mode == 1:
        return -value * (0.7 + 0.6 * noise)
    if mode == 2:
        return degree * (0.5 + noise)
    return -value / (max(board.requests.duration[r], 1) * max(places, 1)) * (0.7 + 0.6 * noise)


@in_place
def anneal(board, state, steps, temperature, active, unserved, rng, samples, work):
    """Ruin and recreate for a number of steps at one temperature (points of the search).

    Parameters
    ----------
    active
        Requests that may be taken out.
    unserved
        Requests to begin with half of the time.
    work
        ``Work``: space that is used again.

    Returns
    -------
    Change of the objective, in points of the search.
    """
    gain = np.int64(0)
    ruined, ruined_again, key = work.ruined, work.ruined_again, work.key
    for _ in range(steps):
        state.tick[0] += 1
        state.journalled[0] = 0
        seed = active[random_below(rng, len(active))]
        if len(unserved) > 0 and random_unit(rng) < 0.5:
            seed = unserved[random_below(rng, len(unserved))]
        count = related(board, state, seed, 1 + random_below(rng, MOST_RUINED), work.marked, state.tick[0], ruined, rng)
        change = np.int64(0)
        at = 0
        mode = random_below(rng, 4)
        for q in range(count):
            r = ruined[q]
            work.saved_start[q] = state.common_start[r]
            for p in range(board.place_ptr[board.requests.row_ptr[r]], board.place_ptr[board.requests.row_ptr[r + 1]]):
                work.saved_edge[at] = state.place_edge[p]
                at += 1
            change += remove_request(board, state, r)
            key[q] = recreate_key(board, r, mode, rng)
            ruined_again[q] = r
        sort_by_key(key, ruined_again, count)
        for q in range(count):
            inserted = insert_request(board, state, ruined_again[q], False, SKIP, rng, samples, work)
            if inserted != NOTHING:
                change += inserted
        if change >= temperature * math.log(random_unit(rng) + 1e-300):
            gain += change
        else:
            restore(state)
            at = 0
            for q in range(count):
                r = ruined[q]
                state.common_start[r] = work.saved_start[q]
                for i in range(board.requests.row_ptr[r], board.requests.row_ptr[r + 1]):
                    state.filled[i] = 0
                    for p in range(board.place_ptr[i], board.place_ptr[i + 1]):
                        state.place_edge[p] = work.saved_edge[at]
                        state.filled[i] += work.saved_edge[at] >= 0
                        at += 1
    return gain
