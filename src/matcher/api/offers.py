"""``/v1/offers``: volunteers are asked, and everything that follows from their answer."""

from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from matcher.api import conditional, idempotency, languages, offer_body, pages, problems, pushes, queries, responses
from matcher.api.access import Allowed
from matcher.api.conditional import IfNoneMatch
from matcher.api.dependencies import NowDep, StateDep
from matcher.api.idempotency import CallDep
from matcher.api.offer_body import AskBody, AskedBody, Offer, OfferStep, ReasonedStepBody, StepBody
from matcher.api.pages import CursorQuery, LimitQuery, PageBody
from matcher.api.pushes import AcceptLanguage, CrsQuery
from matcher.api.queries import RegionQuery
from matcher.api.strict import StrictRoute
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import Fault, InvalidBodyError, Text
from matcher.domain.limits import Budget
from matcher.domain.offers import STEPS, Action, OfferStatus
from matcher.services import asking, offer_views, offers
from matcher.services.asking import Question
from matcher.services.steps import Actor
from matcher.storage.offers import Filter

__all__ = ["router"]

router = APIRouter(prefix="/v1/offers", tags=["offers"], route_class=StrictRoute)

_Reader = Annotated[Principal, Allowed(Scope.OFFERS_READ)]
_Writer = Annotated[Principal, Allowed(Scope.OFFERS_WRITE)]
_Answerer = Annotated[Principal, Allowed(Scope.OFFERS_ANSWER, budget=Budget.ANSWERS)]
_Station = Annotated[Principal, Allowed(Scope.OFFERS_WRITE, budget=Budget.ANSWERS)]

_NO_STORE: Final = {"cache-control": "no-store"}
_ETAG: Final = {"ETag": {"schema": {"type": "string"}}}
_BODY: Final = ("malformed-json", "too-large", "unsupported-media-type", "invalid-body", "invalid-parameter")


def _responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "Done, now or before.", "headers": _ETAG},
        **problems.responses(*_BODY, "not-found", "illegal-transition", *codes, "overloaded"),
    }


@router.post(
    "",
    operation_id="askVolunteers",
    summary="Ask volunteers by name",
    status_code=201,
    response_model=AskedBody,
    responses=problems.responses(
        *_BODY,
        "not-found",
        "filled",
        "request-closed",
        "request-unverified",
        "start-differs",
        "nobody-eligible",
        "idempotency-key-in-use",
        "idempotency-key-reused",
        "overloaded",
    ),
)
def ask_volunteers(
    state: StateDep,
    principal: _Writer,
    now: NowDep,
    call: CallDep,
    body: AskBody,
    crs: CrsQuery = None,
    accept_language: AcceptLanguage = "",
) -> Response:
    """Offer a place of a request to volunteers, at once. Each is held to the rules of matching.

    Whoever cannot be asked is named with the reason; if that is everybody, nothing is done and the
    answer is a 409. The offers of one call are one wave: once every place is taken, those of the
    others are withdrawn.
    """
    question = Question(
        request_id=body.request_id,
        volunteer_ids=body.volunteer_ids,
        role=body.role,
        start=body.start,
        lifetime=None if body.answer_within_min is None else timedelta(minutes=body.answer_within_min),
    )
    with state.database.begin(principal) as session:

        def act() -> Response:
            asked = asking.ask(session, principal, question, now=now)
            views = offer_views.of(session, principal, [(offer, asked.request, False) for offer in asked.offers])
            told = offer_body.present_asked(
                asked, views, pushes.crs_of(crs, principal), language=languages.preferred(accept_language)
            )
            return responses.of(told, status=201, headers=_NO_STORE)

        return idempotency.once(session, principal, call, act)


@router.get(
    "",
    operation_id="listOffers",
    summary="List offers",
    response_model=PageBody[Offer],
    responses=problems.responses("invalid-cursor", "invalid-parameter", "unknown-region"),
)
def list_offers(
    state: StateDep,
    principal: _Reader,
    region: RegionQuery = None,
    status: OfferStatus | None = None,
    request_id: Annotated[str | None, Query(max_length=128)] = None,
    volunteer_id: Annotated[str | None, Query(max_length=128)] = None,
    run_id: UUID | None = None,
    crs: CrsQuery = None,
    limit: LimitQuery = 50,
    cursor: CursorQuery = None,
) -> Response:
    """Offers within the key's regions, the oldest first. Places are cells, whatever the status."""
    queries.check_region(region)
    wanted = Filter(region=region, status=status, request_id=request_id, run_id=run_id)
    with state.database.begin(principal) as session:
        page = offer_views.list_page(
            session, principal, wanted, volunteer_id=volunteer_id, cursor=pages.read_cursor(cursor), limit=limit
        )
    system = pushes.crs_of(crs, principal)
    body = PageBody[Offer](data=[offer_body.present(view, system) for view in page.rows], next_cursor=page.next_cursor)
    return responses.of(body, headers=_NO_STORE)


@router.get(
    "/{offer_id}",
    operation_id="getOffer",
    summary="Get an offer",
    response_model=Offer,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The caller has it already."},
        **problems.responses("not-found", "invalid-parameter", "too-many-requests"),
    },
)
def get_offer(
    state: StateDep,
    principal: _Reader,
    offer_id: UUID,
    crs: CrsQuery = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Look an offer up. While the volunteer is coming or there, with the exact place; each look at it is written down.

    A key that has seen too many exact places in a day is refused.
    """
    with state.database.begin(principal) as session:
        offer, request, is_due = offers.find(session, principal, offer_id)
        if conditional.is_known(if_none_match, offer.version + is_due):
            return conditional.not_modified(offer.version + is_due)
        view, shown = offer_views.reveal(
            session, principal, offer, request, is_due=is_due, budget=state.settings.reveal_budget
        )
    shown.check()
    return _answer(offer_body.present(view, pushes.crs_of(crs, principal)))


class StepsBody(BaseModel):
    """What happened to an offer, in order."""

    data: list[OfferStep]


@router.get(
    "/{offer_id}/steps",
    operation_id="listOfferSteps",
    summary="List the steps of an offer",
    response_model=StepsBody,
    responses=problems.responses("not-found", "invalid-parameter"),
)
def list_steps(state: StateDep, principal: _Reader, offer_id: UUID) -> Response:
    """Tell what happened to an offer, when, and for whom it was done."""
    with state.database.begin(principal) as session:
        steps = offer_views.history(session, principal, offer_id)
    return responses.of(StepsBody(data=[offer_body.present_step(step) for step in steps]), headers=_NO_STORE)


@router.post(
    "/{offer_id}/accept",
    operation_id="acceptOffer",
    summary="Accept an offer",
    response_model=Offer,
    responses=_responses(
        "filled",
        "request-closed",
        "blocked",
        "asked-again",
        "start-differs",
        "volunteer-busy",
        "capacity-reached",
        "too-late",
    ),
)
def accept_offer(
    state: StateDep,
    principal: _Answerer,
    now: NowDep,
    offer_id: UUID,
    body: StepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Say yes, once, while a place is left: also after the offer has expired.

    The answer holds the exact place. When the last place is taken, the other offers of the request
    are withdrawn at the same moment.
    """
    return _step(state, principal, now, offer_id, Action.ACCEPT, body, crs)


@router.post(
    "/{offer_id}/decline",
    operation_id="declineOffer",
    summary="Decline an offer",
    response_model=Offer,
    responses=_responses(),
)
def decline_offer(
    state: StateDep,
    principal: _Answerer,
    now: NowDep,
    offer_id: UUID,
    body: ReasonedStepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Say no. It is never held against anybody, and the volunteer is not asked for this request again."""
    return _step(state, principal, now, offer_id, Action.DECLINE, body, crs)


@router.post(
    "/{offer_id}/release",
    operation_id="releaseOffer",
    summary="Drop out",
    response_model=Offer,
    responses=_responses(),
)
def release_offer(
    state: StateDep,
    principal: _Answerer,
    now: NowDep,
    offer_id: UUID,
    body: ReasonedStepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Give notice after a yes. The place is open again."""
    return _step(state, principal, now, offer_id, Action.RELEASE, body, crs)


@router.post(
    "/{offer_id}/check-in",
    operation_id="checkIn",
    summary="Check in",
    response_model=Offer,
    responses=_responses("too-early"),
)
def check_in(
    state: StateDep,
    principal: _Answerer,
    now: NowDep,
    offer_id: UUID,
    body: StepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Begin the service, from 30 minutes before its start on. The minutes count from now."""
    return _step(state, principal, now, offer_id, Action.CHECK_IN, body, crs)


@router.post(
    "/{offer_id}/check-out",
    operation_id="checkOut",
    summary="Check out",
    response_model=Offer,
    responses=_responses(),
)
def check_out(
    state: StateDep,
    principal: _Answerer,
    now: NowDep,
    offer_id: UUID,
    body: StepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """End the service. A record holds its whole minutes; the last one to leave completes the request."""
    return _step(state, principal, now, offer_id, Action.CHECK_OUT, body, crs)


@router.post(
    "/{offer_id}/withdraw",
    operation_id="withdrawOffer",
    summary="Withdraw an offer",
    response_model=Offer,
    responses=_responses(),
)
def withdraw_offer(
    state: StateDep,
    principal: _Station,
    now: NowDep,
    offer_id: UUID,
    body: StepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Take an offer back, answered or not, as the requester's side."""
    return _step(state, principal, now, offer_id, Action.WITHDRAW, body, crs)


@router.post(
    "/{offer_id}/no-show",
    operation_id="reportNoShow",
    summary="Report that nobody came",
    response_model=Offer,
    responses=_responses("too-early"),
)
def report_no_show(
    state: StateDep,
    principal: _Station,
    now: NowDep,
    offer_id: UUID,
    body: StepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Say that the volunteer has not come, from 15 minutes after the start on. The place is open again."""
    return _step(state, principal, now, offer_id, Action.NO_SHOW, body, crs)


@router.post(
    "/{offer_id}/confirm",
    operation_id="confirmService",
    summary="Confirm a service",
    response_model=Offer,
    responses=_responses(),
)
def confirm_service(
    state: StateDep,
    principal: _Station,
    now: NowDep,
    offer_id: UUID,
    body: StepBody | None = None,
    crs: CrsQuery = None,
) -> Response:
    """Confirm, as the requester's side, that the service was given; the record says so."""
    return _step(state, principal, now, offer_id, Action.CONFIRM, body, crs)


def _step(
    state: StateDep,
    principal: Principal,
    now: NowDep,
    offer_id: UUID,
    action: Action,
    body: StepBody | None,
    crs: CrsQuery,
) -> Response:
    side = None if body is None else body.on_behalf_of
    if side not in (None, STEPS[action].side):
        raise InvalidBodyError([_wrong_side(action)])
    reason = body.reason if isinstance(body, ReasonedStepBody) else None
    with state.database.begin(principal) as session:
        offer, request = offers.take(session, Actor(principal, side), offer_id, action, reason=reason, now=now)
        # The step counts, whether or not the key may see one more place.
        view, _ = offer_views.reveal(
            session, principal, offer, request, is_due=False, budget=state.settings.reveal_budget
        )
    return _answer(offer_body.present(view, pushes.crs_of(crs, principal)))


def _wrong_side(action: Action) -> Fault:
    return Fault(
        "/on_behalf_of",
        "wrong-side",
        Text(
            en="This step can be taken on behalf of the {side} alone.",
            zh="此操作只能代表 {side} 进行。",
            values={"side": STEPS[action].side},
        ),
    )


def _answer(offer: Offer) -> Response:
    return responses.of(offer, headers={"etag": conditional.etag(offer.version), **_NO_STORE})
