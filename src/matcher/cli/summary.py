"""A plan as tables that a person reads: what it reaches, why the rest stays open, what is short where."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from matcher.domain.plans import Plan, Problem, Unassigned
from matcher.domain.reasons import LABELS, Reason
from matcher.simulation.policies import Choice

__all__ = ["beside", "figures", "open_requests", "shortages", "table"]

_ORDER = {reason: place for place, reason in enumerate(Reason)}


def figures(plan: Plan) -> Table:
    """Return the plan in numbers, each beside its bound where it has one."""
    summary = plan.summary
    made = table("The plan", "", "plan", "")
    made.add_row("requests served", f"{summary.served_requests:,}", f"of {summary.requests:,}")
    made.add_row(
        "urgency served",
        f"{summary.served_urgency:,}",
        f"no plan reaches more than {summary.urgency_bound:,}: gap {summary.gap:.2%}",
    )
    people = len({item.volunteer_id for item in plan.assignments})
    made.add_row("places filled", f"{summary.filled_places:,}", f"by {people:,} volunteers")
    for name, value in _distances(item.distance_m for item in plan.assignments):
        made.add_row(name, value, "")
    made.add_row("cost", f"{summary.total_cost:,}", _cost_note(plan))
    made.add_row("proof", summary.proof, f"{summary.candidates:,} candidates, {summary.backend}")
    made.add_row(
        "time",
        f"{sum(summary.timings_s.values()):.2f} s",
        ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in summary.timings_s.items() if seconds >= 0.005),
    )
    return made


def beside(problem: Problem, plan: Plan, by_hand: Sequence[Choice]) -> Table:
    """Return the plan beside what sending the nearest, in the order of the calls, would reach."""
    served = {choice.request for choice in by_hand}
    urgency = sum(problem.requests[r].urgency for r in served)
    made = table("Beside matching by hand", "", "plan", "nearest first", "difference")
    for name, ours, theirs in (
        ("requests served", plan.summary.served_requests, len(served)),
        ("urgency served", plan.summary.served_urgency, urgency),
        ("places filled", plan.summary.filled_places, len(by_hand)),
    ):
        made.add_row(name, f"{ours:,}", f"{theirs:,}", f"{ours / theirs - 1:+.1%}" if theirs else "")
    ours_m = _distances(item.distance_m for item in plan.assignments)
    theirs_m = _distances(None if choice.distance_m < 0 else choice.distance_m for choice in by_hand)
    for (name, our_distance), (_, their_distance) in zip(ours_m, theirs_m, strict=False):
        made.add_row(name, our_distance, their_distance, "")
    return made


def _distances(metres: Iterable[int | None]) -> list[tuple[str, str]]:
    known = sorted(distance for distance in metres if distance is not None)
    if not known:
        return []
    return [
        ("median distance", f"{known[len(known) // 2] / 1000:.1f} km"),
        ("95 % are within", f"{known[len(known) * 95 // 100] / 1000:.1f} km"),
    ]


def _cost_note(plan: Plan) -> str:
    """Return the bound of the cost, which means something only once no more urgency can be served."""
    summary = plan.summary
    if summary.cost_bound is None or summary.cost_gap is None:
        return ""
    return f"no plan as urgent costs less than {summary.cost_bound:,}: gap {summary.cost_gap:.2%}"


def open_requests(plan: Plan) -> Table:
    """Return why requests stay open, by the last hurdle that their best volunteers came to."""
    requests: Counter[Reason | None] = Counter()
    places: Counter[Reason | None] = Counter()
    for item in plan.unassigned:
        hurdle = _last_hurdle(item)
        requests[hurdle] += 1
        places[hurdle] += item.missing_headcount
    made = table("What stays open", "why", "")
    made.add_column("requests", justify="right")
    made.add_column("places", justify="right")
    for hurdle, count in requests.most_common():
        english, chinese = LABELS[hurdle] if hurdle else ("not explained", "未说明")
        made.add_row(english, chinese, f"{count:,}", f"{places[hurdle]:,}")
    return made


def _last_hurdle(item: Unassigned) -> Reason | None:
    """Return how far the best volunteers came, in the role that came least far."""
    by_role: defaultdict[int | None, list[Reason]] = defaultdict(list)
    for reason in item.reasons:
        by_role[reason.role].append(reason.code)
    furthest = [max(codes, key=_ORDER.__getitem__) for codes in by_role.values()]
    return min(furthest, key=_ORDER.__getitem__, default=None)


def shortages(plan: Plan, names: Mapping[str, str], *, most: int = 8) -> Table:
    """Return what is short where, the worst first; ``names`` gives regions their names."""
    made = table("What is short", "region", "skill", "day")
    made.add_column("unserved urgency", justify="right")
    made.add_column("one more would serve", justify="right")
    worst = sorted(plan.shortage, key=lambda item: item.unserved_urgency, reverse=True)
    for item in worst[:most]:
        region = names.get(item.region or "", item.region or "–")
        day = item.day.isoformat() if item.day else "–"
        made.add_row(region, item.skill or "–", day, f"{item.unserved_urgency:,}", f"{item.value_of_one_more:,}")
    return made


def table(title: str, *columns: str) -> Table:
    """Return an empty table whose title stands on the left."""
    made = Table(title=title, title_justify="left")
    for column in columns:
        # Chinese has no spaces to break at: without this, a narrow terminal would cut it off.
        made.add_column(column, overflow="fold")
    return made
