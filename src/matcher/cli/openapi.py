"""``matcher openapi``: the description of the API as a file in the repository."""

from pathlib import Path
from typing import Annotated

import typer

from matcher.api import openapi as service
from matcher.cli import exits, output
from matcher.cli.exits import ExitCode

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Write the description of the API, or check the one that is there.")

File = Annotated[Path, typer.Argument(help="The file.")]
DEFAULT = Path("openapi.yaml")


@app.command()
def write(file: File = DEFAULT) -> None:
    """Write the description of the API; - is standard output."""
    output.write(file, lambda stream: stream.write(service.render()))


@app.command()
def check(file: File = DEFAULT) -> None:
    """Say whether the file is what the service would write, by exit code 0 or 3."""
    if file.read_text(encoding="utf-8") != service.render():
        exits.stop(ExitCode.FAILED, f"{file} is out of date. Run: matcher openapi write {file}")
