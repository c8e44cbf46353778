"""``matcher demo``: the main job on real input, by the running service."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from matcher import settings
from matcher.api.match import to_plan
from matcher.cli import exits, output, progress, service, sources, station, summary
from matcher.cli.exits import ExitCode
from matcher.cli.progress import Report
from matcher.cli.service import Service, ServiceError
from matcher.domain.plans import Plan, Problem
from matcher.matching import verify
from matcher.services.plan_body import PlanBody
from matcher.simulation import policies, zhengzhou

__all__ = ["demo"]

EXAMPLE = Path(__file__).parents[3] / "examples" / "zhengzhou-2021" / "problem.json"
POLL_S = 0.25
PREFECTURES = {code: name for code, (name, _, _) in zhengzhou.PREFECTURES.items()}


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop the service at the end.")] = False,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; a free one if it is taken.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the plan goes; else demo-plan.json in MATCHER_DATA_DIR."),
    ] = None,
    problem_file: Annotated[
        Path, typer.Option("--problem", exists=True, dir_okay=False, help="Match this instead.")
    ] = EXAMPLE,
) -> None:
    """Match a real day by the running service, and leave the service running.

    The day is 25 July 2021 in flooded northern Henan: 1,042 calls for help and 107 offers out of public
    posts, and 700 generated volunteers around them (examples/zhengzhou-2021/README.md). The service starts
    with its database, gets the problem over HTTP, and its plan is shown beside what matching by hand would
    reach. Then the same day is kept by the service, as that of a new client system: imported, matched, and
    put to the volunteers as offers. Nobody is really asked.

    **Examples**

        matcher demo
        matcher demo --once --output plan.json
    """
    console = Console(highlight=False)
    wanted = settings.load()
    plan_file = file or wanted.data_dir / "demo-plan.json"
    plan_file.parent.mkdir(parents=True, exist_ok=True)
    output.ensure_possible(plan_file)
    chosen = service.free_port(wanted.host, wanted.port if port is None else port)
    try:
        with _stoppable(), service.running(wanted.host, chosen, wanted.data_dir / "demo-service.log") as running:
            console.print("Starting the service with its database; the very first start compiles for half a minute.")
            with console.status("The service starts.") as status:
                running.wait_ready(lambda reason: status.update(f"The service starts: {reason}"))
            console.print(f"The service runs at {running.url}")
            problem, plan = _match(running, problem_file, plan_file, console)
            _show(problem, plan, console)
            console.print(f"The plan is in {plan_file}")
            now = datetime.now(UTC)  # noqa: TID251 - the command line is an edge
            accept = station.keep(running.url, json.loads(problem_file.read_bytes()), wanted, console, now=now)
            if not once:
                _stay(running, console, accept)
    except ServiceError as error:
        exits.stop(ExitCode.FAILED, str(error))


def _stay(running: Service, console: Console, accept: str | None) -> None:
    if accept is not None:
        console.print("Accept the first offer for its volunteer, within the next day:")
        console.print(accept, soft_wrap=True)
    console.print(f"The service runs on at {running.url}")
    console.print(f"Its documentation is at {running.url}/docs")
    console.print("Ctrl-C ends it.")
    try:
        running.process.wait()
    except KeyboardInterrupt:
        console.print("Ending the service.")
    else:
        raise ServiceError(f"the service ended by itself; its last words:\n{running.tail()}")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo as Ctrl-C does, so that the service ends in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _match(running: Service, problem_file: Path, plan_file: Path, console: Console) -> tuple[Problem, Plan]:
    body = problem_file.read_bytes()
    problem = sources.ProblemFile(problem_file).read(now=datetime.now(UTC))  # noqa: TID251 - the command line is an edge
    console.print(f"{problem_file.name}: {len(problem.requests):,} requests, {len(problem.volunteers):,} volunteers")
    with progress.bar(console, "sending", is_shown=True) as report:
        answer = _ask(running.url, body, report)
    plan_body = PlanBody.model_validate(answer)
    output.write(plan_file, lambda stream: stream.write(plan_body.model_dump_json(indent=2, exclude_unset=True) + "\n"))
    return problem, to_plan(plan_body)


def _ask(url: str, body: bytes, report: Report) -> Any:
    """Send the problem, follow its result and return the plan.

    Raises
    ------
    ServiceError
        If the service refuses or fails.
    """
    with httpx.Client(base_url=url, timeout=30.0) as client:
        headers = {"content-type": "application/json", "prefer": "respond-async"}
        accepted = client.post("/v1/match", content=body, headers=headers)
        _refuse_problem(accepted)
        while True:
            polled = client.get(accepted.headers["location"])
            _refuse_problem(polled)
            result = polled.json()
            if result["status"] == "done":
                return result["plan"]
            if result["status"] == "failed":
                raise ServiceError(f"the service failed to match: {result['problem']['detail']}")
            if result.get("progress"):
                report(result["progress"]["stage"], result["progress"]["fraction"])
            time.sleep(POLL_S)


def _refuse_problem(answer: httpx.Response) -> None:
    if answer.is_error:
        raise ServiceError(f"the service answered {answer.status_code}: {answer.json()['detail']}")


def _show(problem: Problem, plan: Plan, console: Console) -> None:
    console.print(summary.figures(plan))
    console.print(summary.beside(problem, plan, policies.nearest_first(problem)))
    console.print(summary.open_requests(plan))
    console.print(summary.shortages(plan, PREFECTURES))
    found = verify.violations(problem, plan)
    if found:
        exits.stop(ExitCode.FAILED, f"the plan breaks {len(found)} rules\n{exits.listed(found)}")
    console.print(f"An independent check found all {len(plan.assignments):,} assignments to keep every rule.")
