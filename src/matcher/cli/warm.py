"""``matcher warm``: compile once, so that no later start has to wait."""

import time

import typer

from matcher.matching import warming

__all__ = ["warm"]


def warm() -> None:
    """Compile the kernels and keep them on disk; about half a minute the first time, a second later on."""
    warming.warm(time.monotonic)
    typer.echo("The kernels are compiled.")
