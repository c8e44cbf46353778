"""Runs: asked for, taken up by a worker, ended by it or by whoever asked, and published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from matcher.domain import regions
from matcher.domain.access import Principal
from matcher.domain.errors import Fault, MatcherError, NotFoundError, OutsideGrantError, Text
from matcher.domain.events import EventType, SubjectKind
from matcher.domain.offers import TransitionError
from matcher.domain.plans import Options, Weights
from matcher.domain.runs import PlanMissingError, RunActiveError, RunMode, RunStatus
from matcher.services import run_offers
from matcher.services.run_plans import Solved
from matcher.storage import events, queue, runs
from matcher.storage.database import Session
from matcher.storage.pages import Cursor, Page
from matcher.storage.publishing import Published
from matcher.storage.runs import Claim, RunRow
from matcher.storage.snapshot import Scene

__all__ = [
    "SOLVE",
    "SOLVE_TASK",
    "Order",
    "Work",
    "cancel",
    "claim",
    "create",
    "fail",
    "finish",
    "get",
    "get_for_update",
    "get_plan",
    "get_problem",
    "give_up",
    "list_page",
    "report",
    "scene_of",
    "told",
]

SOLVE: Final = "matcher.services.run_solving:solve"
SOLVE_TASK: Final = "runs.solve"

_ENDS: Final[Mapping[RunStatus, EventType]] = {
    RunStatus.SUCCEEDED: EventType.RUN_SUCCEEDED,
    RunStatus.FAILED: EventType.RUN_FAILED,
    RunStatus.CANCELLED: EventType.RUN_CANCELLED,
}
_CRASHED: Final = Text(
    en="The run was tried several times and never came to an end. Tell us its id.",
    zh="该运行多次尝试均未完成。反馈时请附上运行编号。",
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to do; ``options`` are those of a problem, in the wire form."""

    region: str
    mode: RunMode
    horizon_start: datetime
    horizon_end: datetime
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """A run that a worker has taken up."""

    claim: Claim
    scene: Scene
    options: Options


def create(session: Session, principal: Principal, order: Order) -> RunRow:
    """Ask for a run: a worker takes it up once the transaction has committed.

    Raises
    ------
    UnknownRegionError, OutsideGrantError
        If there is no such region, or the key does not hold for it.
    RunActiveError
        If a run of a region that overlaps is not over yet.
    """
    regions.get(order.region)
    if not principal.covers(order.region):
        raise OutsideGrantError([Fault("/region", "region-outside-grant", _outside(order.region))])
    row = RunRow(
        client_no=principal.client_no,
        key_no=principal.key_no,
        region=order.region,
        mode=order.mode,
        horizon_start=order.horizon_start,
        horizon_end=order.horizon_end,
        options=dict(order.options),
    )
    if not runs.add(session, row):
        active = runs.find_active(session, order.region, client_no=principal.client_no)
        raise RunActiveError(None if active is None else str(active))
    queue.defer(session, SOLVE_TASK, run_no=row.no)
    return row


def get(session: Session, principal: Principal, id_: UUID) -> RunRow:
    """Return a run without its plan.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(runs.find(session, id_, client_no=principal.client_no, regions=principal.regions))


def get_for_update(session: Session, principal: Principal, id_: UUID) -> RunRow:
    """Return a run without its plan, held for the rest of the transaction.

    Raises
    ------
    NotFoundError
        If there is none within the principal's regions.
    """
    return _found(runs.get_for_update(session, id_, client_no=principal.client_no, regions=principal.regions))


def list_page(
    session: Session,
    principal: Principal,
    *,
    region: str | None,
    status: RunStatus | None,
    cursor: Cursor | None,
    limit: int,
) -> Page[RunRow]:
    """Return a page of the runs within the principal's regions, the oldest first."""
    return runs.list_page(
        session,
        client_no=principal.client_no,
        regions=principal.regions,
        region=region,
        status=status,
        cursor=cursor,
        limit=limit,
    )


def get_plan(session: Session, principal: Principal, id_: UUID) -> bytes:
    """Return the gzipped plan of a run.

    Raises
    ------
    NotFoundError
        If there is no such run within the principal's regions.
    PlanMissingError
        If it has no plan.
    """
    get(session, principal, id_)
    plan = runs.find_plan(session, id_, client_no=principal.client_no, regions=principal.regions)
    if plan is None:
        raise PlanMissingError
    return plan


def get_problem(session: Session, principal: Principal, id_: UUID) -> bytes:
    """Return the gzipped problem of a run.

    Raises
    ------
    NotFoundError
        If there is no such run within the principal's regions, or its problem was deleted after its time.
    PlanMissingError
        If it has no plan, and so no problem, yet.
    """
    row = get(session, principal, id_)
    problem = runs.find_problem(session, row.no, client_no=principal.client_no)
    if problem is None and row.problem_hash is None:
        raise PlanMissingError
    if problem is None:
        raise NotFoundError(
            Text(
                en="The problem of this run is not kept any more: it held places. Its plan is still there.",
                zh="该运行的问题数据含有位置信息，已按保留期限删除；方案仍然保留。",
            )
        )
    return problem


def cancel(session: Session, principal: Principal, id_: UUID) -> RunRow:
    """End a run: at once if nobody has taken it up, else with the best plan so far. Repeating it changes nothing.

    Raises
    ------
    NotFoundError
        If there is no such run within the principal's regions.
    TransitionError
        If it is over already.
    """
    row = get_for_update(session, principal, id_)
    status = RunStatus(row.status)
    if status is RunStatus.CANCELLED or (row.cancel_requested and not status.is_final):
        return row
    if status.is_final:
        raise TransitionError(status, RunStatus.CANCELLED, ())
    if status is RunStatus.QUEUED:
        runs.cancel(session, row)
        _tell(session, row, EventType.RUN_CANCELLED, principal=principal)
    else:
        runs.ask_to_end(session, row)
    return row


def claim(session: Session, run_no: int) -> Work | None:
    """Take a run up for a worker, from whoever had it before; None if it is over."""
    row = runs.claim(session, run_no)
    if row is None:
        return None
    if row.attempt == 1:
        _tell(session, row, EventType.RUN_STARTED)
    return Work(Claim(row.no, row.attempt), scene_of(row), _options(row.options))


def report(session: Session, work: Work, *, stage: str, fraction: float) -> bool | None:
    """Write how far a run is, and tell whether it is to end; None if another worker has it."""
    return runs.report(session, work.claim, stage=stage, fraction=fraction)


def finish(session: Session, work: Work, solved: Solved) -> Published | None:
    """End a run with its plan, and publish it if that was asked for: all of it or nothing.

    Returns
    -------
    Published or None
        What was published; None if another worker has the run, or had it before: nothing is
        written then.
    """
    row = runs.hold(session, work.claim)
    if row is None:
        return None
    status = RunStatus.CANCELLED if row.cancel_requested else RunStatus.SUCCEEDED
    published = Published(0, ())
    values: dict[str, Any] = {
        "problem_hash": solved.problem_hash,
        "plan": solved.plan,
        "summary": dict(solved.summary),
        "fraction": 1.0,
    }
    is_public = status is RunStatus.SUCCEEDED and row.mode == RunMode.PUBLISH
    if is_public:
        published = run_offers.make(session, row, solved.placements, seen=solved.offers, key_no=row.key_no)
        values |= run_offers.as_values(published)
    runs.end(session, row, status, values)
    runs.add_snapshot(session, row, solved.problem)
    _tell(session, row, _ENDS[status])
    if is_public:
        run_offers.tell(session, row, published)
    return published


def fail(session: Session, work: Work, error: MatcherError | None) -> None:
    """End a run without a plan, for an error or for too many tries; nothing happens if another worker has it."""
    row = runs.hold(session, work.claim)
    if row is not None:
        kept = told(error)
        runs.end(session, row, RunStatus.FAILED, {"error": kept})
        _tell(session, row, EventType.RUN_FAILED, reason=kept["code"])


def give_up(session: Session, run_no: int) -> None:
    """End a run that was tried too often."""
    work = claim(session, run_no)
    if work is not None:
        fail(session, work, None)


def scene_of(
    row: RunRow, *, requests: tuple[str, ...] | None = None, volunteers: tuple[str, ...] | None = None
) -> Scene:
    """Return what a run looks at; with ids, at no others."""
    return Scene(row.client_no, row.region, row.horizon_start, row.horizon_end, requests, volunteers)


def told(error: MatcherError | None) -> dict[str, str]:
    """Return what ended a run as it is kept, in both languages; None stands for too many tries."""
    known = error or MatcherError(_CRASHED)
    return {"code": known.code, "en": known.detail.in_language("en"), "zh": known.detail.in_language("zh-CN")}


def _found(row: RunRow | None) -> RunRow:
    if row is None:
        raise NotFoundError(Text(en="There is no run with this id.", zh="没有该编号的匹配运行。"))
    return row


def _outside(region: str) -> Text:
    return Text(
        en="The key does not hold for the region {region}. Use one that does.",
        zh="密钥不包含区域 {region}。请使用包含该区域的密钥。",
        values={"region": region},
    )


def _options(wire: Mapping[str, Any]) -> Options:
    return Options(**{**wire, "weights": Weights(**wire["weights"])})


def _tell(
    session: Session, row: RunRow, type_: EventType, *, principal: Principal | None = None, reason: str | None = None
) -> None:
    data = {"status": str(row.status), "version": row.version, "mode": str(row.mode)}
    events.publish(
        session,
        type_,
        client_no=row.client_no,
        region=row.region,
        subject_kind=SubjectKind.RUN,
        subject_id=str(row.id),
        principal=principal,
        data=data if reason is None else {**data, "reason": reason},
    )
