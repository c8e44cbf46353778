"""A bar on standard error while the solver works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

__all__ = ["Report", "bar", "part_of_whole"]

Report = Callable[[str, float], None]

# Where each stage of a match begins and ends in the whole, roughly by its usual time.
_STAGES = {
    "reading": (0.0, 0.02),
    "problem": (0.02, 0.04),
    "candidates": (0.04, 0.08),
    "prune": (0.08, 0.1),
    "flow": (0.1, 0.12),
    "schedule": (0.12, 0.85),
    "certify": (0.85, 0.92),
    "explain": (0.92, 1.0),
}


@contextmanager
def bar(console: Console, first: str, *, is_shown: bool) -> Iterator[Report]:
    """Yield a function that takes a stage of a match and how much of it is done, 0 to 1."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(40), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not is_shown) as progress:
        task = progress.add_task(first, total=1.0)

        def report(stage: str, fraction: float) -> None:
            progress.update(task, description=stage, completed=part_of_whole(stage, fraction))

        yield report
        progress.update(task, description="done", completed=1.0)


def part_of_whole(stage: str, fraction: float) -> float:
    """Return how much of a match is done once a stage has come so far; an unknown stage counts as the first."""
    begin, end = _STAGES.get(stage, (0.0, 0.0))
    return begin + (end - begin) * fraction
