"""The true optimum of a tiny problem: every team of every request, every order, every day.

The objective is lexicographic: most urgency of served requests, then most urgency times places filled
beyond the least, then least cost.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

from matcher.domain.plans import Assignment, Problem
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from oracles.minutes import Minutes, both
from oracles.rules import MINUTE, Rules
from oracles.starts import Member, Starts, Team, cheapest_starts

__all__ = ["Solution", "Value", "solve", "total", "worth"]


class Value(NamedTuple):
    """What a plan is worth: more is better on each level, and the first that differs decides."""

    urgency: int
    beyond: int
    saved: int


def total(values: Iterable[Value]) -> Value:
    """Add values up, level by level."""
    levels = list(zip(*values, strict=True))
    return Value(*map(sum, levels)) if levels else Value(0, 0, 0)


@dataclass(frozen=True)
class Solution:
    """A best plan."""

    value: Value
    assignments: tuple[Assignment, ...]

    @property
    def cost(self) -> int:
        """The cost of all assignments, pinned ones included."""
        return -self.value.saved


@dataclass(frozen=True)
class _Choice:
    team: Team
    value: Value  # at the first start that the team can make


@dataclass(frozen=True)
class _Found:
    value: Value
    teams: tuple[Team, ...]
    starts: Starts


def worth(request: HelpRequest, roles_filled: Sequence[int]) -> Value:
    """Return what the people on one request are worth, their cost apart.

    People are counted, or whole roles where the request asks by role.
    """
    present = len(roles_filled)
    if request.by_role:
        present = sum(roles_filled.count(number) == role.count for number, role in enumerate(request.roles))
    beyond = present - request.min_headcount
    return Value(request.urgency, request.urgency * beyond, 0) if beyond >= 0 else Value(0, 0, 0)


def solve(problem: Problem) -> Solution:
    """Return a best plan of a tiny problem."""
    rules = Rules(problem)
    choices = sorted((_choices(rules, request) for request in problem.requests), key=len)
    reachable = [Value(0, 0, 0)]
    for options in reversed(choices):
        reachable.insert(0, total([reachable[0], _best_of(options)]))
    best = _search(rules, choices, reachable, (), None)
    if best is None:
        raise AssertionError("the plan of pinned assignments alone is always possible")
    pinned = tuple(_pinned(rules))
    value = best.value._replace(saved=best.value.saved - sum(assignment.cost for assignment in pinned))
    return Solution(value, (*pinned, *_assignments(rules, best)))


def _search(
    rules: Rules,
    choices: Sequence[Sequence[_Choice]],
    reachable: Sequence[Value],
    chosen: tuple[_Choice, ...],
    best: _Found | None,
) -> _Found | None:
    """Choose for one request after another; ``reachable`` bounds what the rest can add."""
    bound = total([*(choice.value for choice in chosen), reachable[len(chosen)]])
    if best is not None and bound <= best.value:
        return best
    teams = tuple(choice.team for choice in chosen)
    placed = cheapest_starts(rules, teams)
    if placed is None or not _is_within_limits(rules, teams):
        return best
    if len(chosen) == len(choices):
        cost, starts = placed
        value = Value(bound.urgency, bound.beyond, -cost)
        return _Found(value, teams, starts) if best is None or value > best.value else best
    for choice in choices[len(chosen)]:
        best = _search(rules, choices, reachable, (*chosen, choice), best)
    return best


def _best_of(options: Sequence[_Choice]) -> Value:
    values = [choice.value for choice in options]
    return Value(max(v.urgency for v in values), max(v.beyond for v in values), max(v.saved for v in values))


def _choices(rules: Rules, request: HelpRequest) -> list[_Choice]:
    """Return every team that could serve a request alone, and none at all, the best first."""
    pinned = [role for _, role in rules.pins.get(request.id, ())]
    choices = []
    for team in _teams(rules, request):
        value = worth(request, pinned + [role for _, role in team.members])
        if team.members and not (value.urgency and team.starts):
            continue
        start = team.starts[0][0] if team.members and request.windows is not None else None
        choices.append(_Choice(team, value._replace(saved=-team.cost(rules, start))))
    return sorted(choices, key=lambda choice: choice.value, reverse=True)


def _teams(rules: Rules, request: HelpRequest) -> Iterator[Team]:
    pinned = rules.pins.get(request.id, [])
    present = {volunteer_id for volunteer_id, _ in pinned}
    groups_of_role: list[list[tuple[Member, ...]]] = []
    for number, role in enumerate(request.roles):
        able = [
            (who, number)
            for who in rules.problem.volunteers
            if who.id not in present and rules.refusal(request, role, who) is None
        ]
        left = role.count - [filled for _, filled in pinned].count(number)
        groups_of_role.append([group for size in range(left + 1) for group in combinations(able, size)])
    for groups in product(*groups_of_role):
        members = tuple(member for group in groups for member in group)
        if len({who.id for who, _ in members}) == len(members):
            yield Team(request, members, _common_starts(rules, request, members))


def _common_starts(rules: Rules, request: HelpRequest, members: Sequence[Member]) -> Minutes:
    starts = rules.request_starts(request, 0)
    for who, number in members:
        starts = both(starts, rules.available_starts(request, request.roles[number], who))
        starts = both(starts, rules.promised_starts(request, who))
    return starts


def _is_within_limits(rules: Rules, teams: Sequence[Team]) -> bool:
    """Tell whether nobody is given more than they take on in all."""
    planned: dict[str, list[int]] = {}
    for team in teams:
        for who, _ in team.members:
            planned.setdefault(who.id, []).append(rules.duration_min(team.request, who))
    return all(_takes_on(rules, rules.volunteer_of[id_], minutes) for id_, minutes in planned.items())


def _takes_on(rules: Rules, who: Volunteer, planned: Sequence[int]) -> bool:
    minutes = [*planned, *(minutes for _, minutes in rules.pinned_use(who))]
    too_many = who.max_assignments is not None and len(minutes) > who.max_assignments
    too_long = who.max_minutes is not None and sum(minutes) > who.max_minutes
    return not (too_many or too_long)


def _pinned(rules: Rules) -> Iterator[Assignment]:
    for request in rules.problem.requests:
        for volunteer_id, role in rules.pins.get(request.id, ()):
            who, start = rules.volunteer_of[volunteer_id], rules.fixed_start.get(request.id)
            yield _assignment(rules, request, (who, role), start, is_pinned=True)


def _assignments(rules: Rules, found: _Found) -> Iterator[Assignment]:
    starts: Mapping[str, int | None] = found.starts
    for team in found.teams:
        for member in team.members:
            yield _assignment(rules, team.request, member, starts.get(team.request.id), is_pinned=False)


def _assignment(
    rules: Rules, request: HelpRequest, member: Member, start: int | None, *, is_pinned: bool
) -> Assignment:
    who, number = member
    terms = rules.cost_terms(request, request.roles[number], who, start)
    begin = None if start is None else rules.epoch + start * MINUTE
    return Assignment(
        request_id=request.id,
        volunteer_id=who.id,
        start=begin,
        end=None if begin is None else begin + rules.duration_min(request, who) * MINUTE,
        distance_m=rules.distance_m(request, who),
        travel_min=rules.travel_min(request, who),
        cost=sum(terms.values()),
        cost_terms=terms,
        role=number,
        pinned=is_pinned,
    )
