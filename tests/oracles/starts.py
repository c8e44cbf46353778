"""The cheapest common starts of chosen teams, exactly.

Left-most starts are a least fixpoint, since each start is a monotone function of the others, and delay
never gets cheaper with time. Where two services of one volunteer clash, one of them comes first: both
orders are tried. Where a day holds too much of a volunteer, one of its services moves past that day:
each is tried.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from oracles.minutes import Minutes, first, since
from oracles.rules import Rules

__all__ = ["Member", "Starts", "Team", "cheapest_starts"]

Member = tuple[Volunteer, int]  # with the number of the role
Starts = dict[str, int]
Order = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Team:
    """The people chosen for one request beside its pinned ones, by role, and the starts they all can make."""

    request: HelpRequest
    members: tuple[Member, ...]
    starts: Minutes

    def cost(self, rules: Rules, start: int | None) -> int:
        """Return the points of all members."""
        return sum(rules.cost(self.request, self.request.roles[role], who, start) for who, role in self.members)


def cheapest_starts(rules: Rules, teams: Sequence[Team]) -> tuple[int, Starts] | None:
    """Return the least cost of teams with their starts, or None if they cannot all take place."""
    untimed = sum(team.cost(rules, None) for team in teams if team.request.windows is None)
    timed = {team.request.id: team for team in teams if team.members and team.request.windows is not None}
    found = _search(rules, timed, {id_: team.starts for id_, team in timed.items()}, frozenset())
    return None if found is None else (found[0] + untimed, found[1])


def _search(
    rules: Rules, teams: Mapping[str, Team], allowed: Mapping[str, Minutes], order: Order
) -> tuple[int, Starts] | None:
    starts = _leftmost(rules, teams, allowed, order)
    if starts is None:
        return None
    clash = next(_clashes(rules, teams, starts), None)
    if clash is not None:
        branches = [_search(rules, teams, allowed, order | {way}) for way in (clash, clash[::-1])]
        return min(filter(None, branches), key=lambda branch: branch[0], default=None)
    crowded = _crowded_day(rules, teams, starts)
    if crowded is None:
        return sum(team.cost(rules, starts[id_]) for id_, team in teams.items()), starts
    day, ids = crowded
    later = [{**allowed, id_: since(allowed[id_], rules.midnight_after(day))} for id_ in ids]
    branches = [_search(rules, teams, moved, order) for moved in later]
    return min(filter(None, branches), key=lambda branch: branch[0], default=None)


def _leftmost(rules: Rules, teams: Mapping[str, Team], allowed: Mapping[str, Minutes], order: Order) -> Starts | None:
    """Return the first starts that keep the order, or None (also where the order runs in a circle)."""
    starts: Starts = {}
    lower = dict.fromkeys(teams, 0)
    while True:
        for id_ in teams:
            start = first(allowed[id_], lower[id_])
            if start is None:
                return None
            starts[id_] = start
        raised = dict(lower)
        for before, after in order:
            raised[after] = max(raised[after], starts[before] + _apart(rules, teams[before], teams[after]))
        if raised == lower:
            return starts
        lower = raised


def _shared(one: Team, other: Team) -> list[Volunteer]:
    ids = {who.id for who, _ in other.members}
    return [who for who, _ in one.members if who.id in ids]


def _apart(rules: Rules, before: Team, after: Team) -> int:
    """Return the least minutes from one start to the other, for everybody who serves both."""
    return max(
        rules.duration_min(before.request, who) + rules.way_min(who, before.request.point, after.request.point)
        for who in _shared(before, after)
    )


def _clashes(rules: Rules, teams: Mapping[str, Team], starts: Starts) -> Iterator[tuple[str, str]]:
    for one, other in combinations(teams, 2):
        if not _shared(teams[one], teams[other]):
            continue
        after_one = starts[one] + _apart(rules, teams[one], teams[other])
        after_other = starts[other] + _apart(rules, teams[other], teams[one])
        if starts[other] < after_one and starts[one] < after_other:
            yield one, other


def _crowded_day(rules: Rules, teams: Mapping[str, Team], starts: Starts) -> tuple[date, list[str]] | None:
    """Return a day on which somebody does more than their limit, with the requests that could move."""
    on_day: defaultdict[tuple[str, date], list[str]] = defaultdict(list)
    people = {who.id: who for team in teams.values() for who, _ in team.members}
    for id_, team in teams.items():
        for who, _ in team.members:
            on_day[who.id, rules.day(starts[id_])].append(id_)
    for (volunteer_id, day), ids in on_day.items():
        who = people[volunteer_id]
        pinned = [minutes for start, minutes in rules.pinned_use(who) if start is not None and rules.day(start) == day]
        minutes = sum(pinned) + sum(rules.duration_min(teams[id_].request, who) for id_ in ids)
        count = len(pinned) + len(ids)
        too_many = who.max_assignments_per_day is not None and count > who.max_assignments_per_day
        if too_many or (who.max_minutes_per_day is not None and minutes > who.max_minutes_per_day):
            return day, ids
    return None
