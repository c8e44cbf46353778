"""Asking volunteers by name: an offer for each who can come, and a reason for each who cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from matcher.domain import dispatch
from matcher.domain.access import Principal
from matcher.domain.errors import Fault, InvalidBodyError, NotFoundError, Text
from matcher.domain.offers import (
    COUNTED,
    LIVE,
    NOT_ASKED_LABELS,
    FilledError,
    NobodyEligibleError,
    NotAsked,
    OfferStatus,
    RequestClosedError,
    StartDiffersError,
    UnverifiedError,
)
from matcher.domain.reasons import LABELS, Reason
from matcher.domain.requests import FINAL
from matcher.services import candidates, standings, steps
from matcher.services.standings import Standing
from matcher.services.steps import Actor
from matcher.storage import events, offers, scopes
from matcher.storage.database import Session
from matcher.storage.offers import OfferRow, RequestRow, VolunteerRow

__all__ = ["Asked", "Question", "Refused", "ask"]

_NOT_FOUND: Final = Text(en="There is no such request.", zh="没有该求助。")
_REFUSALS: Final = (OfferStatus.DECLINED, OfferStatus.RELEASED)


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked what.

    ``start`` is None for a request without time. ``lifetime`` is None for what the rules of
    dispatch allow.
    """

    request_id: str
    volunteer_ids: Sequence[str]
    role: int = 0
    start: datetime | None = None
    lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A volunteer who was not asked."""

    volunteer_id: str
    reason: NotAsked | Reason

    @property
    def detail(self) -> Text:
        """Why, as a sentence."""
        en, zh = NOT_ASKED_LABELS[self.reason] if isinstance(self.reason, NotAsked) else LABELS[self.reason]
        return Text(en=en, zh=zh)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question: one wave of offers, and who could not be asked."""

    request: RequestRow
    wave: int
    offers: Sequence[OfferRow]
    refused: Sequence[Refused]


def ask(session: Session, principal: Principal, question: Question, *, now: datetime) -> Asked:
    """Offer a place of a request to volunteers.

    Raises
    ------
    NotFoundError
        If the request does not exist in the principal's regions.
    InvalidBodyError
        If the request has no such role, or cannot begin then.
    RefusedStepError
        If nobody can be asked at the moment: it is closed, not verified, or has no place left.
    NobodyEligibleError
        If none of the volunteers can be asked.
    """
    request_no = offers.find_request(
        session, question.request_id, client_no=principal.client_no, regions=principal.regions
    )
    if request_no is None:
        raise NotFoundError(_NOT_FOUND)
    with scopes.crossing(session):
        (standing,) = standings.load(session, [request_no])
        _check_start(standing.request, question, now)
        standings.expire(session, [standing], now=now)
        _check(standing, question)
        volunteers = offers.hold_volunteers(session, principal.client_no, question.volunteer_ids)
        judged = {
            id_: _judge(session, principal, standing, question, volunteers.get(id_), now) for id_ in _ids(question)
        }
        refused = [Refused(id_, reason) for id_, reason in judged.items() if reason is not None]
        if len(refused) == len(judged):
            raise NobodyEligibleError([_fault(question, each) for each in refused])
        chosen = [volunteers[id_] for id_, reason in judged.items() if reason is None]
        made = _offer(session, principal, standing, question, chosen, now)
    return Asked(standing.request, made[0].wave, made, refused)


def _ids(question: Question) -> Mapping[str, None]:
    return dict.fromkeys(question.volunteer_ids)


def _check_start(request: RequestRow, question: Question, now: datetime) -> None:
    if question.role >= len(request.places):
        raise InvalidBodyError(
            [Fault("/role", "unknown-role", Text(en="The request has no such role.", zh="该求助没有此角色。"))]
        )
    if (request.windows is None) != (question.start is None):
        raise InvalidBodyError(
            [
                Fault(
                    "/start",
                    "start",
                    Text(
                        en="Give a start if the request has windows, and none if it has not.",
                        zh="求助有时间窗时须给出开始时间，没有时不得给出。",
                    ),
                )
            ]
        )
    if question.start is not None and not _fits(request, question.start, now):
        raise InvalidBodyError(
            [
                Fault(
                    "/start",
                    "outside-windows",
                    Text(
                        en="The service has to begin after now and lie inside one window of the request.",
                        zh="服务须在当前时间之后开始，并完全位于求助的一个时间窗内。",
                    ),
                )
            ]
        )


def _fits(request: RequestRow, start: datetime, now: datetime) -> bool:
    end = start + timedelta(minutes=request.duration_min)
    return start > now and any(
        datetime.fromisoformat(window["start"]) <= start and end <= datetime.fromisoformat(window["end"])
        for window in request.windows or ()
    )


def _check(standing: Standing, question: Question) -> None:
    request = standing.request
    if request.status in FINAL:
        raise RequestClosedError
    if not request.verified:
        raise UnverifiedError
    if request.taken[question.role] >= request.places[question.role]:
        raise FilledError
    if any(offer.starts_at != question.start for offer in standing.having(*COUNTED)):
        raise StartDiffersError


def _judge(
    session: Session,
    principal: Principal,
    standing: Standing,
    question: Question,
    volunteer: VolunteerRow | None,
    now: datetime,
) -> NotAsked | Reason | None:
    """Return why a volunteer is not asked, or None."""
    if volunteer is None:
        return NotAsked.UNKNOWN
    theirs = {OfferStatus(offer.status) for offer in standing.offers if offer.volunteer_no == volunteer.no}
    if theirs.intersection(LIVE):
        return NotAsked.ALREADY_ASKED
    if theirs.intersection(_REFUSALS):
        return NotAsked.REFUSED_BEFORE
    if offers.is_blocked(session, volunteer.no, standing.request.requester):
        return NotAsked.BLOCKED
    return candidates.check(session, principal, standing.request, volunteer, question.role, question.start, now)


def _offer(
    session: Session,
    principal: Principal,
    standing: Standing,
    question: Question,
    volunteers: Sequence[VolunteerRow],
    now: datetime,
) -> list[OfferRow]:
    request = standing.request
    wave = max((offer.wave for offer in standing.offers), default=0) + 1
    end = None if question.start is None else question.start + timedelta(minutes=request.duration_min)
    made = [
        OfferRow(
            client_no=request.client_no,
            region=request.region,
            request_no=request.no,
            volunteer_no=volunteer.no,
            wave=wave,
            role=question.role,
            status=OfferStatus.OFFERED,
            starts_at=question.start,
            ends_at=end,
            cost_terms={},
            version=1,
        )
        for volunteer in volunteers
    ]
    offers.add(session, made, lifetime=_lifetime(question, now))
    actor = Actor(principal)
    firsts = [steps.first(offer, actor) for offer in made]
    offers.add_steps(session, firsts)
    events.publish_many(
        session,
        [
            steps.describe(request, offer, volunteer.external_id, first, actor)
            for offer, volunteer, first in zip(made, volunteers, firsts, strict=True)
        ],
    )
    standings.settle(session, [standing.with_offers(made)], actor, now=now)
    return made


def _lifetime(question: Question, now: datetime) -> timedelta:
    """Return how long the offers stand, which is never beyond the start of the service."""
    if question.lifetime is None:
        return dispatch.lifetime(question.start, now=now)
    return question.lifetime if question.start is None else min(question.lifetime, question.start - now)


def _fault(question: Question, refused: Refused) -> Fault:
    position = list(question.volunteer_ids).index(refused.volunteer_id)
    return Fault(f"/volunteer_ids/{position}", refused.reason, refused.detail)
