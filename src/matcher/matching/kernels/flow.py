"""Min-cost flow by successive shortest paths with potentials (Ahuja, Magnanti, Orlin, section 9.7).

The network: row ``i`` supplies ``supply[i]`` units; an edge carries at most one unit at its cost;
volunteer ``j`` takes up to ``capacity[j]`` units; what a row cannot place stays open. Open units of a row
cost ``spare_penalty`` each for the first ``spare`` of them and ``penalty`` for the others (a convex cost,
as ``spare_penalty <= penalty``).

Invariants between insertions, which make the flow optimal for what has been inserted:

* reduced cost ``cost - u - v`` is >= 0 on empty edges and <= 0 on used ones;
* ``v <= 0``, and ``v == 0`` where a volunteer has capacity left;
* ``u`` of a row lies between what its last open unit cost and what the next one would.

Rows are sorted by cost and ``v <= 0``, so every scan of a row stops at the best path found so far.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.kernels.compilation import in_place, kernel, step

__all__ = ["FlowState", "Network", "certificate", "exact_prices", "insert_unit", "new_state", "solve"]

INFINITY = 2**62


class Network(NamedTuple):
    """The problem of the flow; the edges of a row, from ``ptr`` up to ``stop``, sorted by cost."""

    ptr: NDArray[np.int64]
    stop: NDArray[np.int64]
    row: NDArray[np.int32]  # row of each edge
    volunteer: NDArray[np.int32]
    cost: NDArray[np.int32]
    supply: NDArray[np.int64]
    spare: NDArray[np.int64]
    penalty: NDArray[np.int64]
    spare_penalty: NDArray[np.int64]
    capacity: NDArray[np.int64]


class FlowState(NamedTuple):
    """Flow, potentials and work space; the work space is clean between insertions."""

    u: NDArray[np.int64]  # potential of each row
    v: NDArray[np.int64]  # potential of each volunteer
    used: NDArray[np.uint8]  # of each edge
    load: NDArray[np.int64]  # units at each volunteer
    open: NDArray[np.int64]  # open units of each row
    head: NDArray[np.int64]  # used edges of a volunteer as a doubly linked list
    following: NDArray[np.int64]
    preceding: NDArray[np.int64]
    row_distance: NDArray[np.int64]
    volunteer_distance: NDArray[np.int64]
    row_parent: NDArray[np.int64]  # edge by which the path came
    volunteer_parent: NDArray[np.int64]
    settled: NDArray[np.uint8]
    row_touched: NDArray[np.int32]
    volunteer_touched: NDArray[np.int32]
    heap_key: NDArray[np.int64]
    heap_node: NDArray[np.int64]  # row >= 0, volunteer -1 - j


@kernel
def new_state(network):
    """Return the empty flow."""
    rows = len(network.supply)
    volunteers = len(network.capacity)
    edges = len(network.cost)
    return FlowState(
        np.zeros(rows, np.int64),
        np.zeros(volunteers, np.int64),
        np.zeros(edges, np.uint8),
        np.zeros(volunteers, np.int64),
        np.zeros(rows, np.int64),
        np.full(volunteers, -1, np.int64),
        np.full(edges, -1, np.int64),
        np.full(edges, -1, np.int64),
        np.full(rows, INFINITY, np.int64),
        np.full(volunteers, INFINITY, np.int64),
        np.full(rows, -1, np.int64),
        np.full(volunteers, -1, np.int64),
        np.zeros(volunteers, np.uint8),
        np.empty(rows, np.int32),
        np.empty(volunteers, np.int32),
        np.empty(2 * edges + rows + volunteers + 16, np.int64),
        np.empty(2 * edges + rows + volunteers + 16, np.int64),
    )


@step
def heap_push(key, node, size, new_key, new_node):
    """Add an entry to a binary min-heap and return its new size."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if key[parent] <= new_key:
            break
        key[child] = key[parent]
        node[child] = node[parent]
        child = parent
    key[child] = new_key
    node[child] = new_node
    return size + 1


@step
def heap_pop(key, node, size):
    """Drop the least entry of a binary min-heap and return its new size."""
    size -= 1
    last_key = key[size]
    last_node = node[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and key[child + 1] < key[child]:
            child += 1
        if key[child] >= last_key:
            break
        key[parent] = key[child]
        node[parent] = node[child]
        parent = child
    key[parent] = last_key
    node[parent] = last_node
    return size


@step
def link(state, j, edge):
    """Put an edge into use at its volunteer."""
    first = state.head[j]
    state.used[edge] = 1
    state.following[edge] = first
    state.preceding[edge] = -1
    if first != -1:
        state.preceding[first] = edge
    state.head[j] = edge


@step
def unlink(state, j, edge):
    """Take an edge out of use at its volunteer."""
    state.used[edge] = 0
    before = state.preceding[edge]
    after = state.following[edge]
    if before != -1:
        state.following[before] = after
    else:
        state.head[j] = after
    if after != -1:
        state.preceding[after] = before


@step
def next_penalty(network, state, i):
    """Return what one more open unit of a row costs."""
    return network.spare_penalty[i] if state.open[i] < network.spare[i] else network.penalty[i]


@step
def insert_unit(network, state, source):
    """Send one more unit from row ``source`` along a shortest path; it ends at a volunteer or stays open somewhere.

    Dijkstra over reduced costs, alternating between rows (empty edges forward) and full volunteers (used edges
    backward). A volunteer with capacity left and the open units of a row are ends.
    """
    u, v = state.u, state.v
    row_distance, volunteer_distance = state.row_distance, state.volunteer_distance
    touched_volunteers = 0
    touched_rows = 1
    size = 0
    row_distance[source] = 0
    state.row_touched[0] = source
    best = next_penalty(network, state, source) - u[source]
    end_volunteer = -1
    end_row = source
    i = source
    while True:
        base = row_distance[i] - u[i]
        for edge in range(network.ptr[i], network.stop[i]):
            reached = base + network.cost[edge]
            if reached >= best:
                break
            if state.used[edge]:
                continue
            j = network.volunteer[edge]
            if state.settled[j]:
                continue
            reached -= v[j]
            if reached < best and reached < volunteer_distance[j]:
                if volunteer_distance[j] == INFINITY:
                    state.volunteer_touched[touched_volunteers] = j
                    touched_volunteers += 1
                volunteer_distance[j] = reached
                state.volunteer_parent[j] = edge
                if state.load[j] < network.capacity[j]:
                    best = reached
                    end_volunteer = j
                else:
                    size = heap_push(state.heap_key, state.heap_node, size, reached, np.int64(-1 - j))
        next_row = -1
        while size > 0:
            reached = state.heap_key[0]
            node = state.heap_node[0]
            if reached >= best:
                break
            size = heap_pop(state.heap_key, state.heap_node, size)
            if node >= 0:
                if reached > row_distance[node]:
                    continue
                next_row = node
                break
            j = -1 - node
            if state.settled[j] or reached > volunteer_distance[j]:
                continue
            state.settled[j] = 1
            edge = state.head[j]
            while edge != -1:
                other = network.row[edge]
                away = reached - (network.cost[edge] - u[other] - v[j])
                if away < row_distance[other]:
                    if row_distance[other] == INFINITY:
                        state.row_touched[touched_rows] = other
                        touched_rows += 1
                    row_distance[other] = away
                    state.row_parent[other] = edge
                    stay_open = away + next_penalty(network, state, other) - u[other]
                    if stay_open < best:
                        best = stay_open
                        end_volunteer = -1
                        end_row = other
                    if away < best:
                        size = heap_push(state.heap_key, state.heap_node, size, away, np.int64(other))
                edge = state.following[edge]
        if next_row == -1:
            break
        i = next_row
    for t in range(touched_volunteers):
        j = state.volunteer_touched[t]
        if state.settled[j]:
            v[j] -= best - volunteer_distance[j]
            state.settled[j] = 0
    for t in range(touched_rows):
        i = state.row_touched[t]
        if row_distance[i] < best:
            u[i] += best - row_distance[i]
    augment(network, state, source, end_volunteer, end_row)
    for t in range(touched_volunteers):
        volunteer_distance[state.volunteer_touched[t]] = INFINITY
    for t in range(touched_rows):
        row_distance[state.row_touched[t]] = INFINITY


@step
def augment(network, state, source, end_volunteer, end_row):
    """Flip the edges of the path from its end back to ``source``."""
    if end_volunteer >= 0:
        j = end_volunteer
        state.load[j] += 1
    else:
        state.open[end_row] += 1
        if end_row == source:
            return
        edge = state.row_parent[end_row]
        j = network.volunteer[edge]
        unlink(state, j, edge)
    while True:
        edge = state.volunteer_parent[j]
        link(state, j, edge)
        i = network.row[edge]
        if i == source:
            return
        edge = state.row_parent[i]
        j = network.volunteer[edge]
        unlink(state, j, edge)


@kernel
def solve(network, order):
    """Insert every unit of every row, in the given order of rows, and return the optimal state."""
    state = new_state(network)
    for i in order:
        for _ in range(network.supply[i]):
            insert_unit(network, state, i)
    return state


@in_place
def certificate(network, u, v, used):
    """Check the dual for feasibility and return both sides of the duality, each as (high, low) with 31 low bits.

    Returns
    -------
    broken
        Number of violated dual constraints; 0 for valid potentials.
    primal_high, primal_low, dual_high, dual_low
        The values are ``high * 2**31 + low``: exact where a single int64 would overflow.
    """
    low_mask = np.int64(2**31 - 1)
    broken = 0
    primal_high = primal_low = dual_high = dual_low = np.int64(0)
    for j in range(len(v)):
        broken += v[j] > 0
        value = v[j]
        dual_high += (value >> 31) * network.capacity[j]
        dual_low += (value & low_mask) * network.capacity[j]
    for i in range(len(u)):
        broken += u[i] > network.penalty[i]
        placed = 0
        for edge in range(network.ptr[i], network.stop[i]):
            reduced = network.cost[edge] - u[i] - v[network.volunteer[edge]]
            if used[edge]:
                placed += 1
                primal_low += network.cost[edge]
            if reduced < 0:
                dual_high += reduced >> 31
                dual_low += reduced & low_mask
        unplaced = network.supply[i] - placed
        broken += unplaced < 0
        cheap = min(unplaced, network.spare[i])
        primal_high += (network.spare_penalty[i] >> 31) * cheap + (network.penalty[i] >> 31) * (unplaced - cheap)
        primal_low += (network.spare_penalty[i] & low_mask) * cheap + (network.penalty[i] & low_mask) * (
            unplaced - cheap
        )
        # The least of open cost minus u per open unit: each cheap unit gains where u is above its penalty.
        saving = min(np.int64(0), network.spare_penalty[i] - u[i])
        dual_high += (u[i] >> 31) * network.supply[i] + (saving >> 31) * network.spare[i]
        dual_low += (u[i] & low_mask) * network.supply[i] + (saving & low_mask) * network.spare[i]
    return broken, primal_high, primal_low, dual_high, dual_low


@kernel
def exact_prices(network, u, v, used, open_units):
    """Turn valid potentials into the extreme ones: shortest distances from the sink in the residual network.

    ``-v`` is then exactly what one more unit of capacity at a volunteer gains, ``u`` what one unit less of a row
    saves. Dijkstra over the reduced costs of the potentials given, which are >= 0.

    Returns
    -------
    u, v
        New arrays.
    """
    rows = len(u)
    volunteers = len(v)
    # Labels are potentials themselves: of a row -u, of a volunteer v, of the sink 0; they only fall.
    row_label = np.empty(rows, np.int64)
    volunteer_label = np.zeros(volunteers, np.int64)
    row_done = np.zeros(rows, np.uint8)
    volunteer_done = np.zeros(volunteers, np.uint8)
    by_volunteer = np.zeros(volunteers + 1, np.int64)
    for edge in range(len(used)):
        if used[edge]:
            by_volunteer[network.volunteer[edge] + 1] += 1
    for j in range(volunteers):
        by_volunteer[j + 1] += by_volunteer[j]
    used_edge = np.empty(by_volunteer[volunteers], np.int64)
    fill = by_volunteer[:-1].copy()
    for edge in range(len(used)):
        if used[edge]:
            j = network.volunteer[edge]
            used_edge[fill[j]] = edge
            fill[j] += 1
    capacity = 2 * len(used) + rows + volunteers + 16
    key = np.empty(capacity, np.int64)
    node = np.empty(capacity, np.int64)
    size = 0
    for i in range(rows):
        row_label[i] = INFINITY
        if open_units[i] > 0:
            last = network.spare_penalty[i] if open_units[i] <= network.spare[i] else network.penalty[i]
            row_label[i] = -last
            size = heap_push(key, node, size, row_label[i] + u[i], np.int64(i))
    for j in range(volunteers):
        if by_volunteer[j + 1] > by_volunteer[j]:
            size = heap_push(key, node, size, -v[j], np.int64(-1 - j))
    while size > 0:
        reached = key[0]
        at = node[0]
        size = heap_pop(key, node, size)
        if at >= 0:
            if row_done[at] or reached > row_label[at] + u[at]:
                continue
            row_done[at] = 1
            for edge in range(network.ptr[at], network.stop[at]):
                label = row_label[at] + network.cost[edge]
                if label >= 0:
                    break
                j = network.volunteer[edge]
                if not used[edge] and label < volunteer_label[j]:
                    volunteer_label[j] = label
                    size = heap_push(key, node, size, label - v[j], np.int64(-1 - j))
        else:
            j = -1 - at
            if volunteer_done[j] or reached > volunteer_label[j] - v[j]:
                continue
            volunteer_done[j] = 1
            for t in range(by_volunteer[j], by_volunteer[j + 1]):
                edge = used_edge[t]
                i = network.row[edge]
                label = volunteer_label[j] - network.cost[edge]
                if label < row_label[i]:
                    row_label[i] = label
                    size = heap_push(key, node, size, label + u[i], np.int64(i))
    new_u = np.empty(rows, np.int64)
    for i in range(rows):
        new_u[i] = u[i] if row_label[i] == INFINITY else -row_label[i]
    return new_u, volunteer_label
