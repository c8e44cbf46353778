"""Random flow networks, small and nasty: ties, zero costs, empty rows, volunteers without capacity."""

import numpy as np
from hypothesis import strategies as st

from matcher.matching.kernels.flow import Network

__all__ = ["network_of", "networks"]


def network_of(
    edges: list[tuple[int, int, int]],
    *,
    supply: list[int],
    spare: list[int],
    penalty: list[int],
    capacity: list[int],
) -> Network:
    """Return the network of (row, volunteer, cost) edges; the penalty of a spare place is a third of the full one."""
    ordered = sorted(edges, key=lambda edge: (edge[0], edge[2], edge[1]))
    row = np.array([edge[0] for edge in ordered], np.int32)
    ptr = np.zeros(len(supply) + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=len(supply)), out=ptr[1:])
    return Network(
        ptr=ptr[:-1],
        stop=ptr[1:],
        row=row,
        volunteer=np.array([edge[1] for edge in ordered], np.int32),
        cost=np.array([edge[2] for edge in ordered], np.int32),
        supply=np.array(supply, np.int64),
        spare=np.minimum(spare, supply).astype(np.int64),
        penalty=np.array(penalty, np.int64),
        spare_penalty=np.array(penalty, np.int64) // 3,
        capacity=np.array(capacity, np.int64),
    )


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw a network of up to 7 rows and 7 volunteers."""
    rows, volunteers = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    pairs = draw(st.sets(st.tuples(st.integers(0, rows - 1), st.integers(0, volunteers - 1)), max_size=30))
    costs = st.integers(0, 3) | st.integers(0, 10_000)
    small = st.integers(0, 3)
    return network_of(
        [(i, j, draw(costs)) for i, j in sorted(pairs)],
        supply=draw(st.lists(small, min_size=rows, max_size=rows)),
        spare=draw(st.lists(small, min_size=rows, max_size=rows)),
        penalty=draw(st.lists(st.integers(0, 12) | st.integers(0, 10**9), min_size=rows, max_size=rows)),
        capacity=draw(st.lists(small, min_size=volunteers, max_size=volunteers)),
    )
