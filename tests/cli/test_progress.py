"""The bar only ever moves on."""

import io
from itertools import pairwise

from rich.console import Console

import make
from matcher.cli import progress
from matcher.matching import pipeline


def test_every_stage_of_the_solver_moves_the_bar_on() -> None:
    told: list[float] = []
    problem = make.problem([make.request()], [make.volunteer()])
    ticks = iter(range(10_000))
    pipeline.solve(
        problem,
        clock=lambda: float(next(ticks)),
        report=lambda stage, fraction: told.append(progress.part_of_whole(stage, fraction)),
    )
    assert all(before <= after for before, after in pairwise(told))
    assert told[-1] == 1.0


def test_a_bar_that_is_not_shown_writes_nothing() -> None:
    written = io.StringIO()
    with progress.bar(Console(file=written), "reading", is_shown=False) as report:
        report("schedule", 0.5)
    assert written.getvalue() == ""


def test_a_bar_that_is_shown_ends_full() -> None:
    written = io.StringIO()
    with progress.bar(Console(file=written, force_terminal=True), "reading", is_shown=True) as report:
        report("schedule", 0.5)
    assert "done" in written.getvalue()
    assert "100%" in written.getvalue()
