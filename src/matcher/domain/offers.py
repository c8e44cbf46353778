"""An offer and its life: which step may follow which, as data.

Code, documentation and tests read the one table below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final

from matcher.domain.errors import InvalidProblemError, MatcherError, Text

__all__ = [
    "CHECK_IN_EARLY",
    "COUNTED",
    "HOLDING",
    "LIVE",
    "NEXT",
    "NOT_ASKED_LABELS",
    "NO_SHOW_AFTER",
    "SERVED",
    "STATUS_LABELS",
    "STEPS",
    "Action",
    "AskedAgainError",
    "BlockedError",
    "CapacityReachedError",
    "DeclineReason",
    "FilledError",
    "NobodyEligibleError",
    "NotAsked",
    "OfferStatus",
    "RefusedStepError",
    "RequestClosedError",
    "Side",
    "StartDiffersError",
    "Step",
    "TooEarlyError",
    "TooLateError",
    "TransitionError",
    "UnverifiedError",
    "VolunteerBusyError",
    "WithdrawReason",
    "check",
]


class OfferStatus(StrEnum):
    """How far an offer is."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    RELEASED = "released"
    NO_SHOW = "no-show"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"


class DeclineReason(StrEnum):
    """Why a volunteer says no; none is ever held against them."""

    TIME = "time"
    FAR = "far"
    HEALTH = "health"
    ABILITY = "ability"
    SCOPE = "scope"
    UNWILLING = "unwilling"
    OTHER = "other"


class WithdrawReason(StrEnum):
    """Why an offer does not hold any more, by nobody's fault."""

    STATION = "station"
    FILLED = "filled"
    START_DIFFERS = "start-differs"
    REQUEST_CLOSED = "request-closed"
    REQUEST_CHANGED = "request-changed"
    VOLUNTEER_PAUSED = "volunteer-paused"
    BLOCKED = "blocked"
    ERASED = "erased"


class NotAsked(StrEnum):
    """Why a volunteer is not asked, beside the reasons of matching."""

    UNKNOWN = "unknown-volunteer"
    ALREADY_ASKED = "already-asked"
    REFUSED_BEFORE = "refused-before"
    BLOCKED = "blocked"


class Side(StrEnum):
    """For whom station staff take a step that is somebody else's."""

    VOLUNTEER = "volunteer"
    REQUESTER = "requester"


class Action(StrEnum):
    """What a caller can do with an offer."""

    ACCEPT = "accept"
    DECLINE = "decline"
    RELEASE = "release"
    CHECK_IN = "check-in"
    CHECK_OUT = "check-out"
    WITHDRAW = "withdraw"
    NO_SHOW = "no-show"
    CONFIRM = "confirm"


_S = OfferStatus


@dataclass(frozen=True, slots=True)
class Step:
    """Where an action leads, and whose it is."""

    to: OfferStatus
    side: Side


STEPS: Final[Mapping[Action, Step]] = {
    Action.ACCEPT: Step(_S.ACCEPTED, Side.VOLUNTEER),
    Action.DECLINE: Step(_S.DECLINED, Side.VOLUNTEER),
    Action.RELEASE: Step(_S.RELEASED, Side.VOLUNTEER),
    Action.CHECK_IN: Step(_S.IN_PROGRESS, Side.VOLUNTEER),
    Action.CHECK_OUT: Step(_S.COMPLETED, Side.VOLUNTEER),
    Action.WITHDRAW: Step(_S.WITHDRAWN, Side.REQUESTER),
    Action.NO_SHOW: Step(_S.NO_SHOW, Side.REQUESTER),
    Action.CONFIRM: Step(_S.CONFIRMED, Side.REQUESTER),
}

# Silence is no refusal: an expired offer can still be accepted while a place is left.
NEXT: Final[Mapping[OfferStatus, tuple[OfferStatus, ...]]] = {
    _S.OFFERED: (_S.ACCEPTED, _S.DECLINED, _S.EXPIRED, _S.WITHDRAWN),
    _S.EXPIRED: (_S.ACCEPTED, _S.DECLINED),
    _S.ACCEPTED: (_S.IN_PROGRESS, _S.RELEASED, _S.NO_SHOW, _S.WITHDRAWN),
    _S.IN_PROGRESS: (_S.COMPLETED, _S.RELEASED),
    _S.COMPLETED: (_S.CONFIRMED,),
    _S.DECLINED: (),
    _S.WITHDRAWN: (),
    _S.RELEASED: (),
    _S.NO_SHOW: (),
    _S.CONFIRMED: (),
}

# Holds a place of its request, and the volunteer's time.
HOLDING: Final = (_S.ACCEPTED, _S.IN_PROGRESS)
# May still lead to a service by itself.
LIVE: Final = (_S.OFFERED, *HOLDING)

# The service was given: the place stays taken, and the day counts.
SERVED: Final = (_S.COMPLETED, _S.CONFIRMED)
# Counts against what a volunteer takes on in a day.
COUNTED: Final = (*HOLDING, *SERVED)

# Nobody is said not to have come before this time after the start; until then a yes is not too late either.
NO_SHOW_AFTER: Final = timedelta(minutes=15)
# Nobody checks in earlier than this before the start.
CHECK_IN_EARLY: Final = timedelta(minutes=30)

NOT_ASKED_LABELS: Final[Mapping[NotAsked, tuple[str, str]]] = {
    NotAsked.UNKNOWN: ("there is no such volunteer", "没有该志愿者"),
    NotAsked.ALREADY_ASKED: ("the volunteer has been asked, and may still come", "该志愿者已收到邀约"),
    NotAsked.REFUSED_BEFORE: ("the volunteer has said no to this request before", "该志愿者曾婉拒该求助"),
    NotAsked.BLOCKED: ("the volunteer and the requester are kept apart", "该志愿者与求助人已设置回避"),
}

STATUS_LABELS: Final[Mapping[OfferStatus, str]] = {
    _S.OFFERED: "已派单",
    _S.ACCEPTED: "已接单",
    _S.DECLINED: "已婉拒",
    _S.EXPIRED: "超时未接",
    _S.WITHDRAWN: "已撤回",
    _S.RELEASED: "已退出",
    _S.NO_SHOW: "未到场",
    _S.IN_PROGRESS: "服务中",
    _S.COMPLETED: "已完成",
    _S.CONFIRMED: "已确认",
}


class TransitionError(MatcherError):
    """An offer cannot take this step from where it is; ``allowed`` are the steps that it can."""

    code = "illegal-transition"

    def __init__(self, current: StrEnum, to: StrEnum, allowed: tuple[StrEnum, ...]) -> None:
        self.current, self.to, self.allowed = current, to, allowed
        names = ", ".join(allowed)
        super().__init__(
            Text(
                en="This cannot go from {current} to {to}; from there it can go to: {allowed}.",
                zh="不能从 {current} 变为 {to}；当前允许：{allowed}。",
                values={"current": current, "to": to, "allowed": names or "-"},
            )
        )

    def __reduce__(self) -> tuple[type["TransitionError"], tuple[object, ...]]:
        return type(self), (self.current, self.to, self.allowed)


class RefusedStepError(MatcherError):
    """A step that the table knows, but that does not hold at the moment."""

    sentence: ClassVar[Text]

    def __init__(self) -> None:
        super().__init__(self.sentence)

    def __reduce__(self) -> tuple[type["RefusedStepError"], tuple[object, ...]]:
        return type(self), ()


class FilledError(RefusedStepError):
    """Every place of the request is taken."""

    code = "filled"
    sentence = Text(en="Every place of this request is taken.", zh="该求助的名额已满。")


class RequestClosedError(RefusedStepError):
    """The request is closed."""

    code = "request-closed"
    sentence = Text(en="The request is closed: nobody is needed any more.", zh="该求助已关闭，不再需要志愿者。")


class UnverifiedError(RefusedStepError):
    """The request has not been verified."""

    code = "request-unverified"
    sentence = Text(en="Verify the request first: until then nobody is asked.", zh="请先核实该求助，核实前不派单。")


class BlockedError(RefusedStepError):
    """The volunteer and the requester are kept apart."""

    code = "blocked"
    sentence = Text(
        en="This volunteer and this requester are kept apart.", zh="该志愿者与求助人已设置回避，不能派单或接单。"
    )


class AskedAgainError(RefusedStepError):
    """The volunteer has a newer offer for the same request."""

    code = "asked-again"
    sentence = Text(
        en="The volunteer has been asked for this request again since: answer the newer offer.",
        zh="该志愿者已就此求助收到更新的邀约，请答复最新的邀约。",
    )


class StartDiffersError(RefusedStepError):
    """Somebody else has accepted, at another start."""

    code = "start-differs"
    sentence = Text(
        en="Others have accepted this request for another start, and all of them start together.",
        zh="其他志愿者已接受该求助的另一开始时间，须同时开始。",
    )


class VolunteerBusyError(RefusedStepError):
    """The volunteer is somewhere else then, or on the way."""

    code = "volunteer-busy"
    sentence = Text(
        en="The volunteer has promised to be elsewhere at that time, travel included.",
        zh="志愿者该时段已有安排（含路途时间）。",
    )


class CapacityReachedError(RefusedStepError):
    """The volunteer would take on more than they want."""

    code = "capacity-reached"
    sentence = Text(
        en="It would be more than the volunteer takes on, in all or on that day.", zh="将超出志愿者设定的服务上限。"
    )


class TooEarlyError(RefusedStepError):
    """It is too early for this step."""

    code = "too-early"
    sentence = Text(
        en="It is too early: checking in begins 30 minutes before the start, a no-show is one 15 minutes after it.",
        zh="时间过早：开始前 30 分钟起可签到，开始后 15 分钟仍未到场才可记为未到场。",
    )


class TooLateError(RefusedStepError):
    """The service has begun without the volunteer."""

    code = "too-late"
    sentence = Text(en="It is too late: the service has begun.", zh="服务已经开始，无法再接单。")


class NobodyEligibleError(InvalidProblemError):
    """None of the volunteers can be asked; the faults say why, each by itself."""

    code = "nobody-eligible"


def check(current: OfferStatus, to: OfferStatus) -> None:
    """Refuse a step that the table does not know.

    Raises
    ------
    TransitionError
        If ``to`` does not follow ``current``.
    """
    if to not in NEXT[current]:
        raise TransitionError(current, to, NEXT[current])
