"""An offer and its life: which step may follow which, as data.

Code, documentation and tests read the one table below.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from matcher.domain.errors import MatcherError, Text

__all__ = [
    "HOLDING",
    "LIVE",
    "NEXT",
    "STATUS_LABELS",
    "DeclineReason",
    "FilledError",
    "OfferStatus",
    "TransitionError",
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


_S = OfferStatus

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


class FilledError(MatcherError):
    """Every place of the request is taken."""

    code = "filled"

    def __init__(self) -> None:
        super().__init__(Text(en="Every place of this request is taken.", zh="该求助的名额已满。"))

    def __reduce__(self) -> tuple[type["FilledError"], tuple[object, ...]]:
        return type(self), ()


def check(current: OfferStatus, to: OfferStatus) -> None:
    """Refuse a step that the table does not know.

    Raises
    ------
    TransitionError
        If ``to`` does not follow ``current``.
    """
    if to not in NEXT[current]:
        raise TransitionError(current, to, NEXT[current])
