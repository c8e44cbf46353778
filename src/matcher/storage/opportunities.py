"""The search for open requests outwards from a home: in the index alone, the most urgent first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, text

from matcher.domain.geo import Point
from matcher.storage import grid
from matcher.storage.database import Session
from matcher.storage.grid import METRES
from matcher.storage.prepared import Prepared

__all__ = ["Field", "Sought", "scan"]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a volunteer looks for.

    ``reach_m`` is how far they travel; a request may lie up to ``slack_m`` nearer than it is told.
    ``travel`` are points for five kilometres.
    """

    skill_codes: Sequence[str]
    reach_m: int
    slack_m: int
    travel: int


@dataclass(frozen=True, slots=True)
class Field:
    """The requests around a home, as far as was looked, that may do.

    ``nos`` are theirs with ``urgencies`` and least ``costs`` of travel, the most urgent first, then by cost.
    ``count`` requests were looked at, the farthest ``degrees`` away on the grid, and ``nowhere`` more
    that have no place. ``least_urgency`` is that of the last one where all were looked at by urgency.
    """

    nos: Sequence[int]
    urgencies: Sequence[int]
    costs: Sequence[int]
    count: int
    degrees: float
    nowhere: int
    least_urgency: int


_CHOSEN: Final = """
    SELECT array_agg(no ORDER BY urgency DESC, cost, no) AS nos,
        array_agg(urgency ORDER BY urgency DESC, cost, no) AS urgencies,
        array_agg(cost ORDER BY urgency DESC, cost, no) AS costs,
        (SELECT count(*) FROM near) AS looked_at, (SELECT coalesce(max(degrees), 0) FROM near) AS degrees,
        (SELECT count(*) FROM nowhere) AS nowhere, (SELECT coalesce(min(urgency), 0) FROM near) AS least_urgency
    FROM found
"""
# Nobody lacks a bit who has the skill: who has them all probably has the skills.
_FITS: Final = "skill_bits & ~(SELECT matcher_signature(CAST(:codes AS text[]))) = 0"
_NOWHERE: Final = """
    nowhere AS MATERIALIZED (
        SELECT no, urgency, skill_bits
        FROM requests
        WHERE client_no = :client AND region ^@ ANY(CAST(:regions AS text[]))
            AND latitude IS NULL AND status IN ('open', 'planned')
        ORDER BY no
        LIMIT :limit
    )
"""
_AROUND: Final = Prepared(
    text(f"""
    WITH near AS MATERIALIZED (
        SELECT no, urgency, skill_bits, latitude - :latitude AS north, longitude - :longitude AS east,
            point(longitude, latitude) <-> point(:longitude, :latitude) AS degrees
        FROM requests
        WHERE client_no = :client AND region ^@ ANY(CAST(:regions AS text[]))
            AND latitude IS NOT NULL AND status IN ('open', 'planned')
        ORDER BY point(longitude, latitude) <-> point(:longitude, :latitude)
        LIMIT :limit
    ), {_NOWHERE}, placed AS MATERIALIZED (
        SELECT no, urgency, skill_bits, greatest(0, {METRES} - :slack)::bigint AS metres FROM near
    ), found AS (
        SELECT no, urgency, :travel * metres / 5000 AS cost FROM placed WHERE {_FITS} AND metres <= :reach
        UNION ALL
        SELECT no, urgency, 0 FROM nowhere WHERE {_FITS}
    )
    {_CHOSEN}
""").bindparams(  # noqa: S608 - our own text
        *(bindparam(name, type_=BigInteger) for name in ("travel", "slack", "reach", "beyond", "limit"))
    )
)
_ANYWHERE: Final = Prepared(
    text(f"""
    WITH near AS MATERIALIZED (
        SELECT no, urgency, skill_bits, 0::float AS degrees
        FROM requests
        WHERE client_no = :client AND region ^@ ANY(CAST(:regions AS text[])) AND status IN ('open', 'planned')
        ORDER BY urgency DESC, no
        LIMIT :limit
    ), nowhere AS (
        SELECT no FROM near WHERE false
    ), found AS (
        SELECT no, urgency, 0 AS cost FROM near WHERE {_FITS}
    )
    {_CHOSEN}
""").bindparams(bindparam("limit", type_=BigInteger))  # noqa: S608 - our own text
)


def scan(
    session: Session, client_no: int, point: Point | None, sought: Sought, *, regions: Sequence[str], limit: int
) -> Field:
    """Look at the nearest open requests within the regions, at most ``limit`` of them, and return those that may do.

    What may do lies within reach and asks for no skill that is missing (rarely also for one that is).
    Requests without a place are looked at besides, ``limit`` of them again at most; from a home without a
    place, all open ones are, the most urgent first.
    """
    parameters: dict[str, Any] = {
        "client": client_no,
        "regions": list(regions),
        "codes": list(sought.skill_codes),
        "limit": limit,
    }
    if point is None:
        [row] = _ANYWHERE.rows(session, **parameters)
    else:
        parameters |= {"travel": sought.travel, "slack": sought.slack_m, "reach": sought.reach_m}
        [row] = _AROUND.rows(session, **parameters, **grid.parameters(point))
    return Field(
        row.nos or [],
        row.urgencies or [],
        row.costs or [],
        row.looked_at,
        row.degrees,
        row.nowhere,
        row.least_urgency,
    )
