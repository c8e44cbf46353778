"""Leave out what no plan can use, so that the bound of the flow is tight.

A candidate for a team stays only if they can be there at a start at which the team can be complete; a
request with too few candidates loses them all; a volunteer's capacity is what their minutes and candidates
allow at most.
"""

import numpy as np
from numpy.typing import NDArray

from matcher.matching.arrays import NEVER, Edges, Instance
from matcher.matching.kernels import pruning

__all__ = ["VolunteerEdges", "capacities", "durations", "is_team", "prune"]

VolunteerEdges = tuple[NDArray[np.int64], NDArray[np.int64]]


def is_team(instance: Instance) -> NDArray[np.bool_]:
    """Tell which requests have people who start together: several places or roles, or a start that is pinned."""
    requests = instance.requests
    places = np.add.reduceat(np.append(instance.rows.places, 0), requests.row_ptr[:-1]) if instance.request_count else 0
    return np.asarray((places > 1) | (np.diff(requests.row_ptr) > 1) | (requests.fixed < NEVER), np.bool_)


def prune(instance: Instance, edges: Edges) -> Edges:
    """Return the edges that some plan may use."""
    requests, rows = instance.requests, instance.rows
    team = is_team(instance)
    keep = np.ones(len(edges.volunteer), np.bool_)
    if team.any():
        keep = pruning.team_edges(requests, rows, instance.volunteers, instance.days, edges, team).astype(np.bool_)
    by_row = np.bincount(edges.row[keep], minlength=instance.row_count)
    whole = (by_row >= rows.places) & (rows.places > 0)
    by_role = requests.by_role[rows.request]
    reached = np.where(by_role, whole, by_row)
    enough = np.bincount(rows.request, weights=reached, minlength=instance.request_count) >= requests.minimum
    row_stays = enough[rows.request] & (whole | ~by_role)
    return kept(edges, keep & row_stays[edges.row])


def kept(edges: Edges, keep: NDArray[np.bool_]) -> Edges:
    """Return the edges where ``keep`` is true."""
    if keep.all():
        return edges
    ptr = np.zeros_like(edges.ptr)
    np.cumsum(np.bincount(edges.row[keep], minlength=len(ptr) - 1), out=ptr[1:])
    columns = {name: getattr(edges, name)[keep] for name in ("volunteer", "cost", "start", "distance_m", "row")}
    own = {name: getattr(edges, name)[keep] for name in ("minutes", "given") if len(getattr(edges, name))}
    return edges._replace(ptr=ptr, **columns, **own)


def durations(instance: Instance, edges: Edges) -> NDArray[np.int32]:
    """Return how long each volunteer takes for each request, in minutes: shape (edges,)."""
    return edges.minutes if len(edges.minutes) else instance.requests.duration[instance.rows.request[edges.row]]


def capacities(instance: Instance, edges: Edges) -> tuple[NDArray[np.int64], VolunteerEdges]:
    """Return how many assignments each volunteer can take at most, and the edges by volunteer."""
    requests, volunteers = instance.requests, instance.volunteers
    ptr, listed = pruning.by_volunteer(edges.volunteer, instance.volunteer_count)
    minutes = durations(instance, edges)
    days = len(instance.days.start) if requests.timed.all() else 0
    capacity = pruning.capacities(
        ptr, listed, minutes, volunteers.max_assignments, volunteers.max_minutes, volunteers.day_assignments, days
    )
    return capacity, (ptr, listed)
