"""The figures as tables."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.compare import SECONDS, Measured

__all__ = ["print_report"]

Figure = tuple[str, Callable[[Measured], str]]

TIMES: tuple[Figure, ...] = (
    ("size", lambda m: m.size),
    ("requests × volunteers", lambda m: f"{m.requests:,} × {m.volunteers:,}"),
    ("edges", lambda m: f"{m.edges:,}"),
    ("candidates", lambda m: f"{m.candidates_s:.3f} s"),
    ("numpy + k-d tree", lambda m: _times(m.candidates_numpy_s, m.candidates_s)),
    ("flow, certificate, prices", lambda m: f"{m.flow_s * 1000:.1f} ms"),
    ("OR-tools, solve alone", lambda m: _times(m.ortools_s, m.flow_s)),
    ("unit flow", lambda m: f"{m.unit_flow_s * 1000:.1f} ms"),
    ("scipy sparse matching", lambda m: _times(m.scipy_unit_s, m.unit_flow_s)),
    ("arrays → first plan", lambda m: f"{m.plan_s:.3f} s"),
    ("in OR-tools flows", lambda m: f"{m.plan_s / m.ortools_s:.2f}"),
    ("peak memory", lambda m: f"{m.peak_mib:.0f} MiB"),
)
PLANS: tuple[Figure, ...] = (
    ("size", lambda m: m.size),
    ("urgency asked", lambda m: f"{m.urgency:,}"),
    ("bound", lambda m: f"{m.bound:,}"),
    ("first plan, gap", lambda m: _gap(m.first_plan, m)),
    *((f"after {seconds:g} s, gap", lambda m, t=t: _after(m, t)) for t, seconds in enumerate(SECONDS)),
    ("nearest first, by arrival", lambda m: _share(m.greedy_arrival, m)),
    ("nearest first, by urgency", lambda m: _share(m.greedy_urgency, m)),
    ("ours beside arrival", lambda m: f"{m.after[0][1] / m.greedy_arrival - 1:+.1%}"),
    ("ours beside urgency", lambda m: f"{m.after[0][1] / m.greedy_urgency - 1:+.1%}"),
)


def print_report(console: Console, measured: Sequence[Measured]) -> None:
    """Print times with ratios to the peers, then what the plans serve."""
    for title, figures in (("Times (a ratio is the peer's time over ours)", TIMES), ("Served urgency", PLANS)):
        table = Table(title=title)
        (name, show), *rest = figures
        table.add_column(name)
        for m in measured:
            table.add_column(show(m), justify="right")
        for name, show in rest:
            table.add_row(name, *(show(m) for m in measured))
        console.print(table)


def _times(other: float, ours: float) -> str:
    return f"{other:.3f} s = {other / ours:,.1f}×"


def _gap(served: int, m: Measured) -> str:
    return f"{served:,} ({(m.bound - served) / m.bound:.3%})"


def _after(m: Measured, t: int) -> str:
    _, served, cost_gap = m.after[t]
    return _gap(served, m) + ("" if cost_gap is None else f", cost {cost_gap:.2%}")


def _share(served: int, m: Measured) -> str:
    return f"{served:,} ({served / m.bound:.1%})"
