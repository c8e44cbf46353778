"""The cost terms of one assignment, as they are told to the caller; the kernels add up the same ones."""

from collections.abc import Mapping

from matcher.matching.problem import Compiled

__all__ = ["cost_terms"]


def cost_terms(compiled: Compiled, row: int, v: int, distance_m: int, start: int) -> Mapping[str, int]:
    """Return the points of each term of a pair without given cost.

    Parameters
    ----------
    distance_m
        -1 where unknown.
    start
        Minute of the start, -1 without time.
    """
    instance = compiled.instance
    requests, rows, volunteers = instance.requests, instance.rows, instance.volunteers
    weights = compiled.problem.options.weights
    r = int(rows.request[row])
    late = min(max(start - int(requests.earliest[r]), 0), 1440) if requests.timed[r] else 0
    spare = sum(
        int(has & ~required & mask).bit_count()
        for has, required, mask in zip(
            volunteers.has[v].tolist(), rows.required[row].tolist(), instance.skill_mask.tolist(), strict=True
        )
    )
    request, volunteer = compiled.problem.requests[r], compiled.problem.volunteers[v]
    is_stranger = bool(request.preferred_volunteers) and volunteer.id not in request.preferred_volunteers
    return {
        "travel": weights.travel * max(distance_m, 0) // 5000,
        "delay": weights.delay * late // 1440,
        "overqualification": weights.overqualification * min(spare, 20) // 20,
        "load": int(volunteers.load_points[v]),
        "preference": weights.preference if is_stranger else 0,
    }
