"""``matcher generate``: a synthetic city as a problem file."""

from pathlib import Path
from typing import Annotated

import typer

from matcher.cli import output
from matcher.simulation import city, city_body
from matcher.simulation.city import SIZES

__all__ = ["generate"]


def _known(size: str) -> str:
    if size not in SIZES:
        raise typer.BadParameter(f"expected one of {', '.join(SIZES)}")
    return size


def generate(
    size: Annotated[str, typer.Option(help="How large, and how scarce help is.", callback=_known)] = "S",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same city.")] = 0,
    file: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write; - is standard output.")
    ] = output.STANDARD,
) -> None:
    """Write a synthetic city as a problem: the one behind the published figures.

    S, M, L and XL are cities with more supply than demand: 1,000 requests and 5,000 volunteers up to
    200,000 and 1,000,000. St, Mt and Lt have less supply than demand; in Sx, Mx and Lx a storm crowds
    everything into two days.

    **Examples**

        matcher generate --size M --output city.json
        matcher generate --size St | matcher match - --output plan.json
    """
    output.ensure_possible(file)
    problem = city.generate(size, seed)
    output.write(file, lambda stream: city_body.write_body(problem, stream))
