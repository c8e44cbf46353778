"""``matcher verify``: an independent proof that a plan keeps every rule."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from matcher.cli import exits, sources
from matcher.cli.exits import ExitCode
from matcher.matching import verify as proof

__all__ = ["verify"]


def verify(
    problem_file: Annotated[Path, typer.Argument(metavar="PROBLEM", help="What was matched; - is standard input.")],
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="What came out.")],
) -> None:
    """Prove that a plan keeps every rule of its problem, or list the rules that it breaks.

    The proof shares no code with the solver. A problem that does not say when it was matched (now) is
    taken as of this moment.

    **Example**

        matcher verify problem.json plan.json
    """
    clock = datetime.now(UTC)  # noqa: TID251 - the command line is an edge
    problem = sources.ProblemFile(problem_file).read(now=clock)
    plan = sources.read_plan(plan_file)
    found = proof.violations(problem, plan)
    if found:
        exits.stop(ExitCode.FAILED, f"the plan breaks {len(found)} rules\n{exits.listed(found)}")
    typer.echo(f"{len(plan.assignments):,} assignments, {len(plan.unassigned):,} left open: every rule is kept.")
