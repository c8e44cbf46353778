"""``matcher match``: a problem in, an explained plan out, without any service."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from matcher.api.match import from_plan
from matcher.cli import exits, output, progress, summary
from matcher.cli.exits import ExitCode
from matcher.cli.sources import ProblemFile, ProblemTables, Source
from matcher.domain.geo import Crs
from matcher.domain.plans import Options, Plan, Problem
from matcher.matching import pipeline, verify
from matcher.matching.solver import Backend

__all__ = ["BackendName", "match"]


class BackendName(StrEnum):
    """Which code finds candidates and flow; both reach the same optimum."""

    AUTO = "auto"
    KERNEL = "kernel"
    SCIPY = "scipy"


_BACKENDS: dict[BackendName, Backend | None] = {
    BackendName.AUTO: None,
    BackendName.KERNEL: "kernel",
    BackendName.SCIPY: "scipy",
}

Table = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="CSV or NDJSON.", rich_help_panel="Tables")
]


def match(
    problem_file: Annotated[
        Path | None, typer.Argument(metavar="PROBLEM", help="A body of POST /v1/match; - is standard input.")
    ] = None,
    *,
    file: Annotated[
        Path, typer.Option("--output", "-o", help="Where the plan goes; - is standard output.")
    ] = output.STANDARD,
    requests: Table = None,
    volunteers: Table = None,
    pairs: Table = None,
    now: Annotated[
        str | None, typer.Option(help="When the plan is made, RFC 3339; else the clock.", rich_help_panel="Tables")
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Zone of weekly hours.", rich_help_panel="Tables")] = "Asia/Shanghai",
    crs: Annotated[Crs, typer.Option(help="Coordinate system.", rich_help_panel="Tables")] = Crs.GCJ02,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Chooses between equal searches.")] = None,
    time_limit: Annotated[float | None, typer.Option(min=0.05, max=300, help="Seconds of search.")] = None,
    iterations: Annotated[
        int | None, typer.Option(min=0, max=1_000_000_000, help="Steps of search; the plan is then the same each time.")
    ] = None,
    explain: Annotated[bool | None, typer.Option("--explain/--no-explain", help="Say why requests stay open.")] = None,
    backend: Annotated[BackendName, typer.Option(help="Which code solves.")] = BackendName.AUTO,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Prove that the plan keeps every rule.")] = True,
    show_progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show a bar; else only on a terminal.")
    ] = None,
) -> None:
    """Match a problem and write the plan.

    The problem is a JSON file as POST /v1/match takes it, or two tables. The plan is JSON; standard error
    shows progress and a summary. Options given here go before those in the file.

    **Examples**

        matcher match problem.json -o plan.json
        matcher generate --size St | matcher match - --time-limit 2 -o plan.json
        matcher match --requests calls.csv --volunteers people.ndjson --crs wgs84

    **Columns of the requests**

    id, latitude, longitude, crs, region, windows, duration_min, skills, headcount, min_headcount, urgency, gender,
    adults_only, needs_insurance, trainings, preferred_volunteers, excluded_volunteers, requested_at

    **Columns of the volunteers**

    id, latitude, longitude, crs, region, max_distance_km, max_travel_min, travel_mode, skills, trainings,
    insured_until, gender, birth_year, guardian_consent, paused, weekly, extra, except, time_zone, busy,
    max_assignments, max_minutes, max_assignments_per_day, max_minutes_per_day, recent_minutes

    **Columns of the pairs** (the only candidates, if given)

    request_id, volunteer_id, distance_km, travel_min, duration_min, cost

    Only the ids are required; an empty cell is a field left out. Lists are written with a bar between them:

    - skills of a request with their least level: nursing:2|first-aid
    - skills of a volunteer, with the last day of the certificate: nursing:3@2027-06-30|first-aid
    - windows, extra, except, busy: 2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00|…
    - weekly: mon-fri 18:00-21:00 workdays|sat,sun 09:00-12:00

    In NDJSON every line is an object as in the lists of the JSON body; only there can a request have roles.
    """
    output.ensure_possible(file)
    head = {"now": now, "time_zone": time_zone, "crs": crs.value}
    source = _source(problem_file, requests, volunteers, pairs, head)
    clock = datetime.now(UTC)  # noqa: TID251 - the command line is an edge
    problem = source.read(now=clock)
    problem = replace(problem, options=_options(problem.options, seed, time_limit, iterations, explain=explain))
    console = Console(stderr=True, highlight=False)
    is_shown = console.is_terminal if show_progress is None else show_progress
    with source.located(), progress.bar(console, "reading", is_shown=is_shown) as report:
        plan = pipeline.solve(problem, clock=time.perf_counter, report=report, backend=_BACKENDS[backend])
    body = from_plan(plan, time_zone=problem.time_zone)
    output.write(file, lambda stream: stream.write(body.model_dump_json(indent=2, exclude_unset=True) + "\n"))
    console.print(summary.figures(plan))
    if plan.unassigned:
        console.print(summary.open_requests(plan))
    if check:
        _check(problem, plan)


def _source(
    problem: Path | None, requests: Path | None, volunteers: Path | None, pairs: Path | None, head: dict[str, Any]
) -> Source:
    if problem is not None and (requests or volunteers or pairs):
        raise typer.BadParameter("give a problem file or tables, not both", param_hint="PROBLEM")
    if problem is not None:
        return ProblemFile(problem)
    if requests is None or volunteers is None:
        raise typer.BadParameter("give a problem file, or both --requests and --volunteers", param_hint="PROBLEM")
    return ProblemTables(requests, volunteers, pairs, head=head)


def _options(
    options: Options, seed: int | None, time_limit: float | None, iterations: int | None, *, explain: bool | None
) -> Options:
    given: dict[str, Any] = {"seed": seed, "time_limit_s": time_limit, "iterations": iterations, "explain": explain}
    return replace(options, **{name: value for name, value in given.items() if value is not None})


def _check(problem: Problem, plan: Plan) -> None:
    found = verify.violations(problem, plan)
    if found:
        exits.stop(ExitCode.FAILED, f"the plan breaks {len(found)} rules; please report this\n{exits.listed(found)}")
