"""The search for candidates outwards from a place: in the index alone, and by the least that each can cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, text

from matcher.domain.geo import Point
from matcher.storage import grid
from matcher.storage.database import Session
from matcher.storage.grid import METRES
from matcher.storage.prepared import Prepared

__all__ = ["Bound", "Ring", "scan"]


@dataclass(frozen=True, slots=True)
class Bound:
    """How the least cost of a volunteer is worked out before anything else is known of them.

    ``travel`` are points for five kilometres, ``load`` for ten hours served lately; ``slack_m`` is
    by how much a distance may turn out shorter for those who live outside the ``exact`` regions.
    """

    travel: int
    load: int
    slack_m: int
    exact: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ring:
    """Those around a place, as far as was looked, who may do.

    ``nos`` are theirs by least cost, ``bounds`` these least costs. ``count`` volunteers were looked
    at, the farthest ``degrees`` away on the grid; ``nowhere`` more have no place, of whom the last did
    ``busiest_min`` minutes lately. Nobody travels farther than ``reach_m``; None if somebody may.
    """

    nos: list[int]
    bounds: list[int]
    count: int
    degrees: float
    nowhere: int
    busiest_min: int
    reach_m: int | None


# Points are whole, and rounded down.
_AROUND: Final = Prepared(
    text(f"""
    WITH near AS MATERIALIZED (
        SELECT no, region, recent_minutes, max_distance_m, skill_bits, latitude - :latitude AS north,
            longitude - :longitude AS east, point(longitude, latitude) <-> point(:longitude, :latitude) AS degrees
        FROM volunteers
        WHERE client_no = :client AND latitude IS NOT NULL
        ORDER BY point(longitude, latitude) <-> point(:longitude, :latitude)
        LIMIT :limit
    ), placed AS MATERIALIZED (
        SELECT no, recent_minutes, skill_bits, max_distance_m,
            greatest(
                0, {METRES} - CASE WHEN region ^@ ANY(CAST(:exact AS text[])) THEN 0 ELSE :slack END
            )::bigint AS metres
        FROM near
    ), nowhere AS MATERIALIZED (
        SELECT no, recent_minutes, skill_bits
        FROM volunteers
        WHERE client_no = :client AND latitude IS NULL
        ORDER BY recent_minutes, no
        LIMIT :limit
    ), needed AS MATERIALIZED (
        SELECT matcher_signature(CAST(:codes AS text[])) AS bits
    ), found AS (
        SELECT no, :travel * metres / 5000 + :load * least(recent_minutes, 600) / 600 AS bound
        FROM placed
        WHERE skill_bits & (SELECT bits FROM needed) = (SELECT bits FROM needed)
            AND (max_distance_m IS NULL OR metres <= max_distance_m)
        UNION ALL
        SELECT no, :load * least(recent_minutes, 600) / 600
        FROM nowhere
        WHERE skill_bits & (SELECT bits FROM needed) = (SELECT bits FROM needed)
    )
    SELECT array_agg(no ORDER BY bound, no) AS nos, array_agg(bound ORDER BY bound, no) AS bounds,
        (SELECT count(*) FROM near) AS looked_at, (SELECT coalesce(max(degrees), 0) FROM near) AS degrees,
        (SELECT count(*) FROM nowhere) AS nowhere, (SELECT max(recent_minutes) FROM nowhere) AS busiest,
        (SELECT max_distance_m FROM volunteers WHERE client_no = :client ORDER BY max_distance_m DESC LIMIT 1) AS reach
    FROM found
""").bindparams(  # noqa: S608 - our own text
        *(bindparam(name, type_=BigInteger) for name in ("travel", "load", "slack", "beyond", "limit"))
    )
)
_ANYWHERE: Final = Prepared(
    text("""
    WITH near AS MATERIALIZED (
        SELECT no, recent_minutes, skill_bits
        FROM volunteers
        WHERE client_no = :client
        ORDER BY region, external_id
        LIMIT :limit
    ), needed AS MATERIALIZED (
        SELECT matcher_signature(CAST(:codes AS text[])) AS bits
    ), found AS (
        SELECT no, :load * least(recent_minutes, 600) / 600 AS bound
        FROM near
        WHERE skill_bits & (SELECT bits FROM needed) = (SELECT bits FROM needed)
    )
    SELECT array_agg(no ORDER BY bound, no) AS nos, array_agg(bound ORDER BY bound, no) AS bounds,
        (SELECT count(*) FROM near) AS looked_at, 0 AS degrees, 0 AS nowhere, NULL AS busiest, NULL AS reach
    FROM found
""").bindparams(bindparam("load", type_=BigInteger), bindparam("limit", type_=BigInteger))
)


def scan(
    session: Session, client_no: int, point: Point | None, skill_codes: Sequence[str], bound: Bound, *, limit: int
) -> Ring:
    """Look at the nearest volunteers, at most ``limit`` of them, and return those who may do by least cost.

    It reads the index alone. Who may do has the skills (rarely also somebody who has not), and a radius
    that reaches. Volunteers without a place come by what they did lately, ``limit`` of them again at most;
    where the request itself has no place, so does everybody.
    """
    parameters: dict[str, Any] = {"client": client_no, "codes": list(skill_codes), "limit": limit, "load": bound.load}
    if point is None:
        [row] = _ANYWHERE.rows(session, **parameters)
    else:
        parameters |= {
            "travel": bound.travel,
            "slack": bound.slack_m,
            "exact": list(bound.exact),
            **grid.parameters(point),
        }
        [row] = _AROUND.rows(session, **parameters)
    return Ring(row.nos or [], row.bounds or [], row.looked_at, row.degrees, row.nowhere, row.busiest or 0, row.reach)
