"""Shadow prices of the relaxation, and from them where one more volunteer would be worth most.

On the scheduled plan they are prices of the bound: the relaxation leaves time between assignments out.
"""

from collections import defaultdict
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.domain.plans import Prices, Shortage
from matcher.matching.objective import Objective
from matcher.matching.problem import Compiled
from matcher.matching.solver import Flow

__all__ = ["prices", "shortage"]


def prices(compiled: Compiled, flow: Flow) -> Prices:
    """Return what one place less of each request would save, and what one more volunteer like each would gain."""
    of_request = np.zeros(compiled.instance.request_count, np.int64)
    np.maximum.at(of_request, compiled.instance.rows.request, flow.u)
    requests, volunteers = compiled.problem.requests, compiled.problem.volunteers
    return Prices(
        requests={request.id: price for request, price in zip(requests, of_request.tolist(), strict=True)},
        volunteers={who.id: price for who, price in zip(volunteers, (-flow.v).tolist(), strict=True)},
    )


def shortage(
    compiled: Compiled, objective: Objective, flow: Flow, served: NDArray[np.bool_], filled: NDArray[np.int32]
) -> tuple[Shortage, ...]:
    """Return unserved urgency and the value of one more volunteer by region, scarcest skill and day.

    The value is in urgency: the most that one volunteer with the skill, at the place and the time of one of the
    requests of the group, would add to what the relaxation serves.
    """
    requests = compiled.instance.requests
    unserved: defaultdict[tuple[str | None, str | None, date | None], int] = defaultdict(int)
    value: defaultdict[tuple[str | None, str | None, date | None], int] = defaultdict(int)
    for r in np.flatnonzero(~served):
        request = compiled.problem.requests[r]
        rows = range(int(requests.row_ptr[r]), int(requests.row_ptr[r + 1]))
        open_rows = [i for i in rows if filled[i] < compiled.instance.rows.places[i]]
        row = max(open_rows, key=lambda i: (int(flow.u[i]), -i))
        need = compiled.scarcest_need(row)
        day = compiled.timeline.instant(int(requests.earliest[r])).date() if requests.timed[r] else None
        key = request.region, None if need is None else need.code, day
        unserved[key] += request.urgency
        value[key] = max(value[key], int(flow.u[row]) // objective.per_urgency)
    groups = [Shortage(*key, urgency, value[key]) for key, urgency in unserved.items()]
    return tuple(sorted(groups, key=lambda group: (-group.unserved_urgency, str(group))))
