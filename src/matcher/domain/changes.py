"""What may still change of a request once somebody has promised to come."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from matcher.domain.errors import MatcherError, Text
from matcher.domain.windows import Interval

__all__ = ["PlacesTakenError", "PromisedTimeError", "check_places", "check_times", "fits"]


class PlacesTakenError(MatcherError):
    """A change would leave fewer places than are taken."""

    code = "places-taken"


class PromisedTimeError(MatcherError):
    """A change would leave out a time for which somebody has promised to come."""

    code = "time-promised"


def check_places(taken: Sequence[int], places: Sequence[int]) -> None:
    """Refuse a change that cuts places which are taken; both have one entry a role.

    Raises
    ------
    PlacesTakenError
        If it does.
    """
    for role, count in enumerate(taken):
        left = places[role] if role < len(places) else 0
        if count > left:
            raise PlacesTakenError(
                Text(
                    en=(
                        "{taken} volunteers have taken places of role {role}; the change would leave {left}."
                        " Withdraw their offers first."
                    ),
                    zh="角色 {role} 已有 {taken} 人接单，修改后只剩 {left} 个名额。请先撤回相应邀约。",
                    values={"role": role, "taken": count, "left": left},
                )
            )


def check_times(
    promised: Iterable[tuple[datetime, datetime]], windows: Sequence[Interval] | None, duration_min: int
) -> None:
    """Refuse a change that leaves out a promised time, or makes it longer or shorter.

    Raises
    ------
    PromisedTimeError
        If it does.
    """
    for start, end in promised:
        if not fits(start, end, windows, duration_min):
            raise PromisedTimeError(
                Text(
                    en=(
                        "A volunteer has promised to come at {start} for {minutes} minutes, which the change leaves"
                        " out. Withdraw that offer first."
                    ),
                    zh="已有志愿者承诺于 {start} 服务 {minutes} 分钟，修改后不再符合。请先撤回该邀约。",
                    values={"start": start.isoformat(), "minutes": round((end - start).total_seconds() / 60)},
                )
            )


def fits(start: datetime, end: datetime, windows: Sequence[Interval] | None, duration_min: int) -> bool:
    """Tell whether a time is still one at which the request can be served."""
    if (end - start).total_seconds() != duration_min * 60:
        return False
    return windows is None or any(window.start <= start and end <= window.end for window in windows)
