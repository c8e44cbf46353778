"""Publishing the plan of a run that is over: asked for, held against the rows of now, and put to the volunteers."""

import gzip
import json
from typing import Final
from uuid import UUID

from matcher.domain.access import Principal
from matcher.domain.errors import MatcherError
from matcher.domain.runs import PUBLISHING, PlanMissingError, RunStatus
from matcher.services import run_offers
from matcher.services import runs as use_cases
from matcher.services.run_plans import Checked
from matcher.storage import queue, runs
from matcher.storage.database import Session
from matcher.storage.publishing import Published
from matcher.storage.runs import RunRow
from matcher.storage.snapshot import Scene

__all__ = ["CHECK", "TASK", "find", "finish", "give_up", "publish"]

CHECK: Final = "matcher.services.run_checking:check"
TASK: Final = "runs.publish"


def publish(session: Session, principal: Principal, id_: UUID) -> RunRow:
    """Put the plan of a run to its volunteers: a worker does so. Repeating it changes nothing.

    Raises
    ------
    NotFoundError
        If there is no such run within the principal's regions.
    PlanMissingError
        If it has no plan.
    """
    row = use_cases.get_for_update(session, principal, id_)
    if row.problem_hash is None or not RunStatus(row.status).is_final:
        raise PlanMissingError
    if row.published_at is None and row.stage != PUBLISHING:
        runs.begin_publication(session, row)
        queue.defer(session, TASK, run_no=row.no, key_no=principal.key_no)
    return row


def find(session: Session, run_no: int) -> tuple[bytes, Scene] | None:
    """Return the plan that is to be published and what it is about; None if that is done."""
    row = runs.find_by_no(session, run_no)
    if row is None or row.stage != PUBLISHING or row.plan is None:
        return None
    assignments = json.loads(gzip.decompress(row.plan))["assignments"]
    asked = sorted({item["request_id"] for item in assignments})
    people = sorted({item["volunteer_id"] for item in assignments})
    return row.plan, use_cases.scene_of(row, requests=tuple(asked), volunteers=tuple(people))


def finish(session: Session, run_no: int, checked: Checked, *, key_no: int | None) -> Published | None:
    """Make offers of what still holds of a plan; None if that was done before."""
    row = runs.hold_publication(session, run_no)
    if row is None:
        return None
    published = run_offers.make(
        session, row, checked.placements, seen=checked.offers, key_no=key_no, left_out=checked.left_out
    )
    runs.end_publication(session, row, run_offers.as_values(published))
    run_offers.tell(session, row, published)
    return published


def give_up(session: Session, run_no: int, error: MatcherError | None = None) -> None:
    """Leave a plan unpublished; it can be tried again."""
    row = runs.hold_publication(session, run_no)
    if row is not None:
        runs.end_publication(session, row, {"error": use_cases.told(error)})
