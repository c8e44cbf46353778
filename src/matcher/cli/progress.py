"""A bar on standard error while the solver works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

__all__ = ["Report", "bar"]

Report = Callable[[str, float], None]


@contextmanager
def bar(console: Console, first: str, *, is_shown: bool) -> Iterator[Report]:
    """Yield a function that takes a stage and the done part of the whole, 0 to 1."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(40), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not is_shown) as progress:
        task = progress.add_task(first, total=1.0)

        def report(stage: str, fraction: float) -> None:
            progress.update(task, description=stage, completed=fraction)

        yield report
        progress.update(task, description="done", completed=1.0)
