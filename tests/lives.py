"""Offers at any point of their lives, brought there by the services themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text

import rows
from make import NOW
from matcher.domain.access import Principal
from matcher.domain.offers import Action, OfferStatus
from matcher.services import offers
from matcher.services.steps import Actor
from matcher.storage.database import Database, Session
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow, VolunteerRow

START = NOW + timedelta(hours=2)

# The shortest way to each status; None lets the offer expire.
WAYS: Final[dict[OfferStatus, tuple[Action | None, ...]]] = {
    OfferStatus.OFFERED: (),
    OfferStatus.EXPIRED: (None,),
    OfferStatus.DECLINED: (Action.DECLINE,),
    OfferStatus.WITHDRAWN: (Action.WITHDRAW,),
    OfferStatus.ACCEPTED: (Action.ACCEPT,),
    OfferStatus.RELEASED: (Action.ACCEPT, Action.RELEASE),
    OfferStatus.NO_SHOW: (Action.ACCEPT, Action.NO_SHOW),
    OfferStatus.IN_PROGRESS: (Action.ACCEPT, Action.CHECK_IN),
    OfferStatus.COMPLETED: (Action.ACCEPT, Action.CHECK_IN, Action.CHECK_OUT),
    OfferStatus.CONFIRMED: (Action.ACCEPT, Action.CHECK_IN, Action.CHECK_OUT, Action.CONFIRM),
}


@dataclass(frozen=True)
class Life:
    """An offer, and the service through which it is moved."""

    database: Database
    principal: Principal
    id: UUID
    request_no: int
    volunteer_no: int
    start: datetime

    def take(self, action: Action, *, now: datetime | None = None, **parts: Any) -> OfferRow:
        """Take a step at a time at which it is allowed, unless another is named."""
        with self.database.begin(self.principal) as session:
            actor = Actor(self.principal)
            offer, _ = offers.take(session, actor, self.id, action, now=now or self.time_of(action), **parts)
            return offer

    def time_of(self, action: Action) -> datetime:
        """Return a time at which an action is neither too early nor too late."""
        minutes = {Action.CHECK_IN: 0, Action.CHECK_OUT: 61, Action.NO_SHOW: 20, Action.CONFIRM: 90}
        return self.start + timedelta(minutes=minutes.get(action, -60))

    def reach(self, status: OfferStatus) -> "Life":
        """Bring the offer to a status."""
        for action in WAYS[status]:
            if action is None:
                run_out(self.database, self.id)
                with self.database.begin() as session:
                    offers.expire(session, limit=1000, now=NOW)
            else:
                self.take(action)
        assert self.status == status
        return self

    @property
    def row(self) -> OfferRow:
        """The offer as it is now."""
        with self.database.begin() as session:
            return session.scalars(select(OfferRow).where(OfferRow.id == self.id)).one()

    @property
    def status(self) -> OfferStatus:
        """How far the offer is."""
        return OfferStatus(self.row.status)

    @property
    def request(self) -> RequestRow:
        """The request as it is now."""
        with self.database.begin() as session:
            return session.scalars(select(RequestRow).where(RequestRow.no == self.request_no)).one()


def live(
    database: Database,
    principal: Principal,
    *,
    request: RequestRow | None = None,
    volunteer: VolunteerRow | None = None,
    start: datetime | None = START,
    **parts: Any,
) -> Life:
    """Return an offer without an answer, of a new request to a new volunteer unless others are given."""
    with database.begin() as session:
        of = request or rows.request(session, principal.client_no, status="planned")
        to = volunteer or rows.volunteer(session, principal.client_no)
        offer = rows.offer(session, of, to, starts_at=start, **parts)
        return Life(database, principal, offer.id, of.no, to.no, start or NOW)


def a_request(database: Database, principal: Principal, **parts: Any) -> RequestRow:
    """Return a request whose offers are out."""
    with database.begin() as session:
        return rows.request(session, principal.client_no, **({"status": "planned"} | parts))


def a_volunteer(database: Database, principal: Principal, **parts: Any) -> VolunteerRow:
    """Return a volunteer."""
    with database.begin() as session:
        return rows.volunteer(session, principal.client_no, **parts)


def run_out(database: Database, *ids: UUID) -> None:
    """Let the time to answer be over, without anybody having noticed."""
    with database.begin() as session:
        session.execute(
            text("UPDATE offers SET expires_at = clock_timestamp() - interval '1 second' WHERE id = ANY(:ids)"),
            {"ids": list(ids)},
        )


# Each finds what may never be, over everything that is stored.
AUDITS: Final = {
    "more places taken than there are, or fewer than are held": """
        SELECT r.no FROM requests r, unnest(r.taken, r.places) WITH ORDINALITY AS role (taken, places, position)
        LEFT JOIN LATERAL (
            SELECT count(*) AS held FROM offers o WHERE o.request_no = r.no AND o.role = role.position - 1
              AND o.status IN ('accepted', 'in-progress', 'completed', 'confirmed')
        ) AS held ON true
        WHERE role.taken <> held.held OR role.taken > role.places
    """,
    "a volunteer in two places": """
        SELECT a.no FROM offers a JOIN offers b ON a.volunteer_no = b.volunteer_no AND a.no < b.no
        WHERE a.status IN ('accepted', 'in-progress') AND b.status IN ('accepted', 'in-progress')
          AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
    """,
    "a live offer of a closed request": """
        SELECT o.no FROM offers o JOIN requests r ON r.no = o.request_no
        WHERE r.status IN ('completed', 'cancelled', 'failed') AND o.status IN ('offered', 'accepted', 'in-progress')
    """,
    "an offer out for a role that is full": """
        SELECT o.no FROM offers o JOIN requests r ON r.no = o.request_no
        WHERE o.status = 'offered' AND r.taken[o.role + 1] >= r.places[o.role + 1]
    """,
    "a live offer to nobody": """
        SELECT no FROM offers WHERE volunteer_no IS NULL AND status IN ('offered', 'accepted', 'in-progress')
    """,
    "a live offer between two who are kept apart": """
        SELECT o.no FROM offers o JOIN requests r ON r.no = o.request_no
        JOIN blocks b ON b.volunteer_no = o.volunteer_no AND b.requester = r.requester
        WHERE o.status IN ('accepted', 'in-progress') AND o.answered_at > b.created_at
    """,
    "a status that does not follow from the offers": """
        SELECT r.no FROM requests r
        LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE status = 'offered') AS offered,
                count(*) FILTER (WHERE status = 'accepted') AS promised,
                count(*) FILTER (WHERE status = 'in-progress') AS present,
                count(*) FILTER (WHERE status IN ('completed', 'confirmed')) AS served
            FROM offers WHERE request_no = r.no
        ) AS o ON true
        WHERE r.status NOT IN ('completed', 'cancelled', 'failed') AND r.status <> CASE
            WHEN o.present > 0 OR (o.served > 0 AND o.promised > 0) THEN 'in-progress'
            WHEN r.taken = r.places THEN 'filled'
            WHEN o.offered > 0 THEN 'planned'
            ELSE 'open' END
    """,
    "a history that does not lead to where the offer is": """
        SELECT o.no FROM offers o JOIN LATERAL (
            SELECT to_status, version FROM steps WHERE offer_no = o.no ORDER BY version DESC LIMIT 1
        ) AS last ON true
        WHERE last.to_status <> o.status OR last.version <> o.version
    """,
    "a history with a gap": """
        SELECT step.offer_no FROM (
            SELECT offer_no, from_status, lag(to_status) OVER w AS before, version, lag(version) OVER w AS earlier
            FROM steps WINDOW w AS (PARTITION BY offer_no ORDER BY version)
        ) AS step
        WHERE before IS NOT NULL AND (from_status <> before OR version <> earlier + 1)
    """,
    "a step without its event, or an event without its step": """
        SELECT coalesce(o.no, 0) FROM (
            SELECT o.no, o.id::text AS id, s.version, 'offer.' || s.to_status AS type
            FROM steps s JOIN offers o ON o.no = s.offer_no
        ) AS o
        FULL JOIN (SELECT subject_id, type, (data ->> 'version')::int AS version FROM events
            WHERE subject_kind = 'offer') AS e ON e.subject_id = o.id AND e.version = o.version AND e.type = o.type
        WHERE o.no IS NULL OR e.subject_id IS NULL
    """,
    "a service that is not recorded exactly once": """
        SELECT o.no FROM offers o LEFT JOIN records r ON r.offer_no = o.no
        WHERE (o.status IN ('completed', 'confirmed')) <> (r.no IS NOT NULL)
    """,
}


def audit(session: Session) -> Iterator[str]:
    """Yield what is stored and may not be."""
    for fault, statement in AUDITS.items():
        found = session.execute(text(statement)).scalars().all()
        if found:
            yield f"{fault}: {len(found)}, such as {found[0]}"


def clear(session: Session) -> None:
    """Delete whatever an audit looks at."""
    for table in ("entries", "records", "steps", "offers", "events", "blocks", "requests", "volunteers"):
        session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours


def count_events(session: Session, subject_id: str) -> dict[str, int]:
    """Count the events about one subject by their types."""
    found = session.execute(
        text("SELECT type, count(*) FROM events WHERE subject_id = :id GROUP BY type"), {"id": subject_id}
    )
    return {row[0]: row[1] for row in found}
