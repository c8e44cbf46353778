"""Kernels: a flow that stays optimal while requests and volunteers come and go.

Each change breaks the optimality of the flow at one place, and one shortest path for each unit that is
touched mends it: a unit that lost its volunteer looks for another one (`flow.insert_unit`), a volunteer
with time to spare looks for the unit that gains most (`pull`, the same search from the other side). Between
changes the invariants of `flow` hold, so that the certificate proves every state.

A removed row keeps no units and no edges; a removed volunteer keeps its edges at a price that nobody pays.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.matching.kernels.compilation import in_place, step
from matcher.matching.kernels.flow import INFINITY, heap_pop, heap_push, insert_unit, link, unlink

__all__ = [
    "Reverse",
    "add_row",
    "add_volunteer",
    "change_capacity",
    "part",
    "remove_row",
    "remove_volunteer",
    "settle",
]

# Lower than any price, and far enough from the end of int64 to be added up.
NEVER = -(2**60)


class Reverse(NamedTuple):
    """All edges of each volunteer, as a doubly linked list."""

    head: NDArray[np.int64]  # of each volunteer
    following: NDArray[np.int64]  # of each edge
    preceding: NDArray[np.int64]


@step
def enlist(reverse, j, edge):
    """Put an edge into the list of its volunteer."""
    first = reverse.head[j]
    reverse.following[edge] = first
    reverse.preceding[edge] = -1
    if first != -1:
        reverse.preceding[first] = edge
    reverse.head[j] = edge


@step
def delist(reverse, j, edge):
    """Take an edge out of the list of its volunteer."""
    before = reverse.preceding[edge]
    after = reverse.following[edge]
    if before != -1:
        reverse.following[before] = after
    else:
        reverse.head[j] = after
    if after != -1:
        reverse.preceding[after] = before


@step
def last_penalty(network, state, i):
    """Return what the last open unit of a row costs."""
    return network.spare_penalty[i] if state.open[i] <= network.spare[i] else network.penalty[i]


@step
def pull(network, state, reverse, target):
    """Give one unit more to a volunteer with capacity to spare, if anybody gains by it; tell whether.

    Dijkstra backwards over reduced costs, alternating between volunteers (empty edges backward) and rows (used
    edges forward). An open unit ends the search, and so does a volunteer who would be relieved. A path that
    gains nothing ends it too: the price of the volunteer is 0 then.
    """
    u, v = state.u, state.v
    row_distance, volunteer_distance = state.row_distance, state.volunteer_distance
    touched_volunteers = 1
    touched_rows = 0
    size = 0
    volunteer_distance[target] = 0
    state.volunteer_touched[0] = target
    best = -v[target]
    end_volunteer = -1
    end_row = -1
    j = target
    while True:
        base = volunteer_distance[j] - v[j]
        edge = reverse.head[j]
        while edge != -1:
            if not state.used[edge]:
                i = network.row[edge]
                reached = base + network.cost[edge] - u[i]
                if reached < best and reached < row_distance[i]:
                    if row_distance[i] == INFINITY:
                        state.row_touched[touched_rows] = i
                        touched_rows += 1
                    row_distance[i] = reached
                    state.row_parent[i] = edge
                    if state.open[i] > 0:
                        served = reached + u[i] - last_penalty(network, state, i)
                        if served < best:
                            best = served
                            end_row = i
                            end_volunteer = -1
                    size = heap_push(state.heap_key, state.heap_node, size, reached, np.int64(i))
            edge = reverse.following[edge]
        next_volunteer = -1
        while size > 0:
            reached = state.heap_key[0]
            node = state.heap_node[0]
            if reached >= best:
                break
            size = heap_pop(state.heap_key, state.heap_node, size)
            if node < 0:
                if reached > volunteer_distance[-1 - node]:
                    continue
                next_volunteer = -1 - node
                break
            if reached > row_distance[node]:
                continue
            for edge in range(network.ptr[node], network.stop[node]):
                if not state.used[edge]:
                    continue
                other = network.volunteer[edge]
                away = reached - (network.cost[edge] - u[node] - v[other])
                if away < volunteer_distance[other]:
                    if volunteer_distance[other] == INFINITY:
                        state.volunteer_touched[touched_volunteers] = other
                        touched_volunteers += 1
                    volunteer_distance[other] = away
                    state.volunteer_parent[other] = edge
                    relieved = away - v[other]
                    if relieved < best:
                        best = relieved
                        end_volunteer = other
                        end_row = -1
                    if away < best:
                        size = heap_push(state.heap_key, state.heap_node, size, away, np.int64(-1 - other))
        if next_volunteer == -1:
            break
        j = next_volunteer
    for t in range(touched_volunteers):
        j = state.volunteer_touched[t]
        if volunteer_distance[j] < best:
            v[j] += best - volunteer_distance[j]
        volunteer_distance[j] = INFINITY
    for t in range(touched_rows):
        i = state.row_touched[t]
        if row_distance[i] < best:
            u[i] -= best - row_distance[i]
        row_distance[i] = INFINITY
    if end_row == -1 and end_volunteer == -1:
        return False
    state.load[target] += 1
    if end_row >= 0:
        state.open[end_row] -= 1
        i = end_row
    else:
        state.load[end_volunteer] -= 1
        edge = state.volunteer_parent[end_volunteer]
        unlink(state, end_volunteer, edge)
        i = np.int64(network.row[edge])
    while True:
        edge = state.row_parent[i]
        j = network.volunteer[edge]
        link(state, j, edge)
        if j == target:
            return True
        edge = state.volunteer_parent[j]
        unlink(state, j, edge)
        i = np.int64(network.row[edge])


@step
def fill(network, state, reverse, j):
    """Use what a volunteer has to spare, until nobody gains by it."""
    while state.v[j] < 0 and state.load[j] < network.capacity[j]:
        if not pull(network, state, reverse, j):
            return


@in_place
def add_row(network, state, reverse, i):
    """Take in row ``i``, whose edges, supply and penalties are in place, and send its units."""
    best = network.spare_penalty[i] if network.spare[i] > 0 else network.penalty[i]
    for edge in range(network.ptr[i], network.stop[i]):
        j = network.volunteer[edge]
        enlist(reverse, j, edge)
        best = min(best, network.cost[edge] - state.v[j])
    state.u[i] = best
    state.open[i] = 0
    for _ in range(network.supply[i]):
        insert_unit(network, state, i)


@in_place
def remove_row(network, state, reverse, i):
    """Take row ``i`` out; whoever served it serves what gains most by it."""
    first, stop = network.ptr[i], network.stop[i]
    network.stop[i] = first
    network.supply[i] = 0
    network.spare[i] = 0
    state.open[i] = 0
    for edge in range(first, stop):
        j = network.volunteer[edge]
        delist(reverse, j, edge)
        if state.used[edge]:
            unlink(state, j, edge)
            state.load[j] -= 1
            fill(network, state, reverse, j)


@in_place
def add_volunteer(network, state, reverse, j, rows, costs, edge_count):
    """Take in volunteer ``j`` with an edge to each of ``rows``; the edges of these rows move to the end.

    Returns
    -------
    int
        The number of places for edges that are in use now.
    """
    price = np.int64(0)
    for t in range(len(rows)):
        i = rows[t]
        first, stop = network.ptr[i], network.stop[i]
        network.ptr[i] = edge_count
        is_placed = False
        for edge in range(first, stop + 1):
            if not is_placed and (edge == stop or network.cost[edge] >= costs[t]):
                is_placed = True
                network.row[edge_count] = i
                network.volunteer[edge_count] = j
                network.cost[edge_count] = costs[t]
                state.used[edge_count] = 0
                enlist(reverse, j, edge_count)
                edge_count += 1
            if edge < stop:
                move(network, state, reverse, edge, edge_count)
                edge_count += 1
        network.stop[i] = edge_count
        price = min(price, costs[t] - state.u[i])
    state.v[j] = price
    fill(network, state, reverse, j)
    return edge_count


@step
def move(network, state, reverse, edge, place):
    """Give an edge another number."""
    j = network.volunteer[edge]
    network.row[place] = network.row[edge]
    network.volunteer[place] = j
    network.cost[place] = network.cost[edge]
    delist(reverse, j, edge)
    enlist(reverse, j, place)
    state.used[place] = 0
    if state.used[edge]:
        unlink(state, j, edge)
        link(state, j, place)


@step
def shed(network, state, j, capacity):
    """Let a volunteer take on so much at most; what is too much looks for somebody else."""
    network.capacity[j] = capacity
    while state.load[j] > capacity:
        # The price falls until the first of the used edges is free to go.
        edge = state.head[j]
        least = edge
        gain = -INFINITY
        while edge != -1:
            reduced = network.cost[edge] - state.u[network.row[edge]] - state.v[j]
            if reduced > gain:
                gain = reduced
                least = edge
            edge = state.following[edge]
        state.v[j] += gain
        unlink(state, j, least)
        state.load[j] -= 1
        insert_unit(network, state, np.int64(network.row[least]))


@in_place
def change_capacity(network, state, reverse, j, capacity):
    """Let a volunteer take on more, or less."""
    shed(network, state, j, capacity)
    fill(network, state, reverse, j)


@in_place
def remove_volunteer(network, state, j):
    """Take volunteer ``j`` out; whoever loses them looks for somebody else."""
    shed(network, state, j, 0)
    state.v[j] = NEVER


@in_place
def part(network, state, reverse, edge):
    """Take an edge out for good: these two are not brought together any more."""
    i, j = np.int64(network.row[edge]), np.int64(network.volunteer[edge])
    was_used = state.used[edge]
    if was_used:
        unlink(state, j, edge)
        state.load[j] -= 1
    drop(network, state, reverse, edge)
    if was_used:
        fill(network, state, reverse, j)
        insert_unit(network, state, i)


@in_place
def settle(network, state, reverse, edge):
    """Take a used edge out with its unit and its capacity: it is agreed on, and moves no more."""
    i, j = np.int64(network.row[edge]), np.int64(network.volunteer[edge])
    unlink(state, j, edge)
    state.load[j] -= 1
    network.capacity[j] -= 1
    network.supply[i] -= 1
    network.spare[i] = min(network.spare[i], network.supply[i])
    drop(network, state, reverse, edge)


@step
def drop(network, state, reverse, edge):
    """Close the gap that an unused edge leaves in its row."""
    i = network.row[edge]
    delist(reverse, network.volunteer[edge], edge)
    for later in range(edge + 1, network.stop[i]):
        move(network, state, reverse, later, later - 1)
    network.stop[i] -= 1
