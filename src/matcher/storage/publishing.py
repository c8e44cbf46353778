"""Putting a plan to its volunteers: all offers of it in one statement, without those that hold no more."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import text

from matcher.storage.database import Session

__all__ = ["LeftOut", "Placement", "Published", "publish"]

_NO_HURRY: Final = text("SET LOCAL statement_timeout = '10min'")

# In the order in which offers are locked everywhere: requests, then volunteers, each by number.
_LOCK_REQUESTS: Final = text(
    "SELECT count(*) FROM (SELECT FROM requests WHERE no = ANY(:nos) ORDER BY no FOR NO KEY UPDATE) AS locked"
)
_LOCK_VOLUNTEERS: Final = text(
    "SELECT count(*) FROM (SELECT FROM volunteers WHERE no = ANY(:nos) ORDER BY no FOR NO KEY UPDATE) AS locked"
)

_STANDS: Final = (
    "(other.status IN ('accepted', 'in-progress') OR (other.status = 'offered' AND other.expires_at > now()))"
)

_PUBLISH: Final = text(
    """
    WITH placement AS (
        SELECT placement.*, ordinality AS position
        FROM ROWS FROM (jsonb_to_recordset(CAST(:placements AS jsonb)) AS (
            request_id text, request_no bigint, request_version integer, request_content text,
            volunteer_id text, volunteer_no bigint, volunteer_version integer,
            role smallint, starts_at timestamptz, ends_at timestamptz, distance_m integer, travel_min integer,
            cost integer, cost_terms jsonb, lifetime_s float
        )) WITH ORDINALITY AS placement
    ), judged AS (
        SELECT placement.*, CASE
            WHEN request.no IS NULL OR NOT request.verified OR request.status NOT IN ('open', 'planned')
                THEN 'request-closed'
            WHEN request.version <> placement.request_version
                AND encode(request.content_hash, 'hex') IS DISTINCT FROM placement.request_content
                THEN 'request-changed'
            WHEN volunteer.no IS NULL OR volunteer.paused THEN 'volunteer-paused'
            WHEN volunteer.version <> placement.volunteer_version THEN 'volunteer-changed'
            WHEN placement.starts_at <= now() THEN 'too-late'
            WHEN EXISTS (
                SELECT FROM offers AS other
                WHERE other.request_no = placement.request_no AND other.volunteer_no = placement.volunteer_no
                  AND (
                    other.status IN ('offered', 'accepted', 'in-progress', 'declined', 'released', 'no-show')
                    OR (other.status = 'expired' AND (other.starts_at IS NULL OR other.starts_at > now()))
                  )
            ) THEN 'asked-before'
            WHEN EXISTS (
                SELECT FROM blocks
                WHERE blocks.volunteer_no = placement.volunteer_no AND blocks.requester = request.requester
            ) THEN 'blocked'
            WHEN EXISTS (
                SELECT FROM offers AS other
                WHERE other.volunteer_no = placement.volunteer_no AND {stands}
                  AND other.no <> ALL (CAST(:seen AS bigint[]))
            ) THEN 'volunteer-busy'
            WHEN EXISTS (
                SELECT FROM offers AS other
                WHERE other.request_no = placement.request_no AND {stands}
                  AND other.starts_at IS DISTINCT FROM placement.starts_at
            ) THEN 'start-changed'
        END AS conflict,
        request.places[placement.role + 1] - greatest(request.taken[placement.role + 1], (
            SELECT count(*) FROM offers AS other
            WHERE other.request_no = placement.request_no AND other.role = placement.role AND {stands}
        )) AS left_places
        FROM placement
        LEFT JOIN requests AS request ON request.no = placement.request_no AND request.client_no = :client_no
        LEFT JOIN volunteers AS volunteer
            ON volunteer.no = placement.volunteer_no AND volunteer.client_no = :client_no
    ), ranked AS (
        SELECT judged.*, row_number() OVER (
            PARTITION BY request_no, role, conflict IS NULL ORDER BY cost, position
        ) AS rank
        FROM judged
    ), decided AS (
        SELECT ranked.*, coalesce(conflict, CASE WHEN rank > coalesce(left_places, 0) THEN 'filled' END) AS code
        FROM ranked
    ), offered AS (
        INSERT INTO offers (
            client_no, region, request_no, volunteer_no, run_no, wave, role, status, starts_at, ends_at, distance_m,
            travel_min, cost, cost_terms, expires_at
        )
        SELECT request.client_no, request.region, request_no, volunteer_no, :run_no,
            1 + coalesce((SELECT max(wave) FROM offers AS other WHERE other.request_no = decided.request_no), 0),
            role, 'offered', starts_at, ends_at, distance_m, travel_min, cost, cost_terms,
            least(now() + make_interval(secs => lifetime_s), starts_at)
        FROM decided JOIN requests AS request ON request.no = decided.request_no
        WHERE code IS NULL
        ORDER BY position
        RETURNING no, id, client_no, region, request_no, volunteer_no, version
    ), stepped AS (
        INSERT INTO steps (offer_no, client_no, region, version, to_status, key_no)
        SELECT no, client_no, region, version, 'offered', :key_no FROM offered ORDER BY no
    ), planned AS (
        UPDATE requests SET status = 'planned', version = version + 1, updated_at = now()
        WHERE status = 'open' AND no IN (SELECT request_no FROM offered)
        RETURNING no, client_no, region, external_id, version
    ), told AS (
        INSERT INTO events (client_no, region, type, subject_kind, subject_id, key_no, data)
        SELECT client_no, region, type, subject_kind, subject_id, :key_no, data
        FROM (
            SELECT offered.client_no, offered.region, 'offer.offered' AS type, 'offer' AS subject_kind,
                offered.id::text AS subject_id, jsonb_build_object(
                    'status', 'offered', 'version', offered.version, 'request_id', decided.request_id,
                    'volunteer_id', decided.volunteer_id, 'run_id', CAST(:run_id AS text)
                ) AS data, offered.no AS position
            FROM offered JOIN decided USING (request_no, volunteer_no)
            UNION ALL
            SELECT client_no, region, 'request.planned', 'request', external_id,
                jsonb_build_object('status', 'planned', 'version', version), no
            FROM planned
        ) AS event
        ORDER BY subject_kind, position
    )
    SELECT request_id, volunteer_id, code FROM decided WHERE code IS NOT NULL ORDER BY position
    """.replace("{stands}", _STANDS)
)


class Placement(NamedTuple):
    """One assignment of a plan, with the rows behind it as they were when it was made."""

    request_id: str
    request_no: int
    request_version: int
    request_content: str | None
    volunteer_id: str
    volunteer_no: int
    volunteer_version: int
    role: int
    starts_at: str | None
    ends_at: str | None
    distance_m: int | None
    travel_min: int | None
    cost: int
    cost_terms: Mapping[str, int]
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An assignment that holds no more, and why."""

    request_id: str
    volunteer_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Published:
    """How many offers were made of a plan, and what was left out."""

    offers: int
    left_out: Sequence[LeftOut]


def publish(
    session: Session,
    placements: Sequence[Placement],
    *,
    client_no: int,
    run_no: int,
    run_id: str,
    key_no: int | None,
    seen: Sequence[int],
) -> Published:
    """Make offers of placements, as far as they still hold, and say of their requests that they are planned.

    Parameters
    ----------
    seen
        Numbers of the offers that the plan reckoned with. A volunteer who holds another one by now
        is left out: their ways and limits were reckoned without it.
    """
    # Fifty thousand offers take the time that they take.
    session.execute(_NO_HURRY)
    session.execute(_LOCK_REQUESTS, {"nos": sorted({item.request_no for item in placements})})
    session.execute(_LOCK_VOLUNTEERS, {"nos": sorted({item.volunteer_no for item in placements})})
    left_out = session.execute(
        _PUBLISH,
        {
            "placements": json.dumps([item._asdict() for item in placements], ensure_ascii=False),
            "client_no": client_no,
            "run_no": run_no,
            "run_id": run_id,
            "key_no": key_no,
            "seen": list(seen),
        },
    )
    found = [LeftOut(*row) for row in left_out]
    return Published(len(placements) - len(found), found)
