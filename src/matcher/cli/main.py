"""The command and its parts; ``matcher --help`` teaches the rest."""

from typing import Any

import typer
from typer.core import TyperGroup

from matcher import __version__
from matcher.cli import demo, exits, generate, keys, match, migrate, openapi, records, serve, verify, warm, worker

__all__ = ["app"]


class _Commands(TyperGroup):
    """The commands, none of which shows a traceback for what a person can mend."""

    def invoke(self, ctx: Any) -> Any:
        with exits.readable():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def describe() -> None:
    """Match neighbourhood help requests with volunteers: who helps whom, when, with a proof.

    **Start here**

        matcher demo                             match a real day, see the plan
        matcher generate --size S -o city.json   make a city up
        matcher match city.json -o plan.json     match it
        matcher verify city.json plan.json       prove that no rule is broken

    **Exit codes**

    - 0: done
    - 2: bad usage or bad input; standard error says where and what was expected
    - 3: the solver failed, a plan breaks a rule, records were changed, or openapi.yaml is out of date
    - 130: interrupted
    """


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


app.command()(match.match)
app.command()(generate.generate)
app.command()(verify.verify)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(migrate.migrate)
app.command()(demo.demo)
app.command()(warm.warm)
app.add_typer(keys.app, name="keys")
app.add_typer(records.app, name="records")
app.add_typer(openapi.app, name="openapi")


if __name__ == "__main__":
    app(prog_name="matcher")
