"""A flow that follows the day: requests and volunteers come and go, and it stays optimal, with its proof.

The cost of a change is a few shortest paths, however large the city is. `matcher.matching.solver` solves
the same problem from nothing and is the oracle of the tests.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from matcher.matching import solver
from matcher.matching.kernels import flow, updates
from matcher.matching.kernels.flow import FlowState, Network
from matcher.matching.kernels.updates import Reverse

__all__ = ["LiveFlow"]

Arrays = TypeVar("Arrays", Network, FlowState, Reverse)


@dataclass(slots=True)
class LiveFlow:
    """An optimal flow under change.

    Rows and volunteers have numbers, given in the order in which they come and never given twice. Arrays
    are longer than what is in use and double when they are full.
    """

    row_count: int = 0
    volunteer_count: int = 0
    edge_count: int = 0
    _network: Network = field(default_factory=lambda: _empty_network(8, 8, 64))
    _state: FlowState = field(init=False)
    _reverse: Reverse = field(init=False)

    def __post_init__(self) -> None:
        self._state = flow.new_state(self._network)
        self._reverse = _empty_reverse(len(self._network.capacity), len(self._network.cost))

    def add_volunteer(self, capacity: int, costs: Mapping[int, int]) -> int:
        """Take in a volunteer who could serve some rows, each at a cost; return their number."""
        rows = np.fromiter(costs, np.int64, len(costs))
        lengths = self._network.stop[rows] - self._network.ptr[rows]
        self._reserve(volunteers=1, edges=int(lengths.sum()) + len(rows))
        j = self.volunteer_count
        self.volunteer_count += 1
        self._network.capacity[j] = capacity
        self.edge_count = int(
            updates.add_volunteer(
                self._network,
                self._state,
                self._reverse,
                j,
                rows,
                np.fromiter(costs.values(), np.int64, len(costs)),
                self.edge_count,
            )
        )
        return j

    def add_row(
        self, supply: int, penalty: int, costs: Mapping[int, int], *, spare: int = 0, spare_penalty: int = 0
    ) -> int:
        """Take in a row of ``supply`` units with the cost of each volunteer who could serve it; return its number.

        Units that stay open cost ``spare_penalty`` each for the first ``spare`` of them, ``penalty`` for the others.
        """
        self._reserve(rows=1, edges=len(costs))
        network, i = self._network, self.row_count
        ordered = sorted((cost, j) for j, cost in costs.items())
        first, stop = self.edge_count, self.edge_count + len(ordered)
        network.row[first:stop] = i
        network.cost[first:stop] = [cost for cost, _ in ordered]
        network.volunteer[first:stop] = [j for _, j in ordered]
        network.ptr[i], network.stop[i] = first, stop
        network.supply[i], network.penalty[i] = supply, penalty
        network.spare[i], network.spare_penalty[i] = min(spare, supply), spare_penalty
        self.edge_count, self.row_count = stop, i + 1
        updates.add_row(network, self._state, self._reverse, i)
        return i

    def remove_row(self, i: int) -> None:
        """Take a row out."""
        updates.remove_row(self._network, self._state, self._reverse, i)

    def remove_volunteer(self, j: int) -> None:
        """Take a volunteer out."""
        updates.remove_volunteer(self._network, self._state, j)

    def change_capacity(self, j: int, capacity: int) -> None:
        """Let a volunteer take on more, or less."""
        updates.change_capacity(self._network, self._state, self._reverse, j, capacity)

    def part(self, i: int, j: int) -> None:
        """Never bring these two together again: a refusal."""
        updates.part(self._network, self._state, self._reverse, self._edge(i, j))

    def settle(self, i: int, j: int) -> None:
        """Take a served unit out with its volunteer's time: an acceptance.

        Raises
        ------
        ValueError
            If the volunteer does not serve the row.
        """
        edge = self._edge(i, j)
        if not self._state.used[edge]:
            raise ValueError(f"volunteer {j} does not serve row {i}")
        updates.settle(self._network, self._state, self._reverse, edge)

    def served(self) -> list[tuple[int, int]]:
        """Return the pairs of row and volunteer that the flow brings together."""
        used = np.flatnonzero(self._state.used[: self.edge_count])
        return list(zip(self._network.row[used].tolist(), self._network.volunteer[used].tolist(), strict=True))

    def serves(self, i: int) -> list[int]:
        """Return who serves a row."""
        first, stop = self._network.ptr[i], self._network.stop[i]
        return [int(j) for j in self._network.volunteer[first:stop][self._state.used[first:stop] == 1]]

    def price(self, j: int) -> int:
        """Return what one more volunteer like ``j`` would gain at most: the dual price, not yet the extreme one."""
        return -int(self._state.v[j])

    def proven_objective(self) -> int:
        """Return cost plus penalties of the flow, or raise if its potentials do not prove it optimal.

        Raises
        ------
        CertificateError
            If primal and dual differ.
        """
        network = self.network()
        u, v = self._state.u[: self.row_count], self._state.v[: self.volunteer_count]
        return solver.proven_objective(network, u, v, self._state.used)

    def network(self) -> Network:
        """Return the problem as it is now; its edges lie anywhere in their arrays."""
        network, rows = self._network, self.row_count
        return Network(
            ptr=network.ptr[:rows],
            stop=network.stop[:rows],
            row=network.row,
            volunteer=network.volunteer,
            cost=network.cost,
            supply=network.supply[:rows],
            spare=network.spare[:rows],
            penalty=network.penalty[:rows],
            spare_penalty=network.spare_penalty[:rows],
            capacity=network.capacity[: self.volunteer_count],
        )

    def _edge(self, i: int, j: int) -> int:
        first, stop = int(self._network.ptr[i]), int(self._network.stop[i])
        found = np.flatnonzero(self._network.volunteer[first:stop] == j)
        if not len(found):
            raise ValueError(f"volunteer {j} is no candidate of row {i}")
        return first + int(found[0])

    def _reserve(self, *, rows: int = 0, volunteers: int = 0, edges: int = 0) -> None:
        """Make room; what is there keeps its place."""
        wanted = (self.row_count + rows, self.volunteer_count + volunteers, self.edge_count + edges)
        have = (len(self._network.supply), len(self._network.capacity), len(self._network.cost))
        if all(want <= has for want, has in zip(wanted, have, strict=True)):
            return
        sizes = [has if want <= has else max(want, 2 * has) for want, has in zip(wanted, have, strict=True)]
        network = _empty_network(*sizes)
        self._network = _into(network, self._network)
        self._state = _into(flow.new_state(network), self._state)
        self._reverse = _into(_empty_reverse(sizes[1], sizes[2]), self._reverse)


def _into(longer: Arrays, shorter: Arrays) -> Arrays:
    """Copy what is there to the front of longer arrays."""
    pairs: Iterable[tuple[Any, Any]] = zip(longer, shorter, strict=True)
    for ours, theirs in pairs:
        ours[: len(theirs)] = theirs
    return longer


def _empty_network(rows: int, volunteers: int, edges: int) -> Network:
    return Network(
        ptr=np.zeros(rows, np.int64),
        stop=np.zeros(rows, np.int64),
        row=np.zeros(edges, np.int32),
        volunteer=np.zeros(edges, np.int32),
        cost=np.zeros(edges, np.int32),
        supply=np.zeros(rows, np.int64),
        spare=np.zeros(rows, np.int64),
        penalty=np.zeros(rows, np.int64),
        spare_penalty=np.zeros(rows, np.int64),
        capacity=np.zeros(volunteers, np.int64),
    )


def _empty_reverse(volunteers: int, edges: int) -> Reverse:
    return Reverse(np.full(volunteers, -1, np.int64), np.full(edges, -1, np.int64), np.full(edges, -1, np.int64))
