"""The commands as an operator starts them: processes of their own, on one data directory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MATCHER = (sys.executable, "-m", "matcher.cli.main")


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """Return the settings of every command, as the environment holds them."""
    ours = {"data_dir": data_dir, "kernels": False, "solver_workers": 1, **settings}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MATCHER_")}
    return kept | {f"MATCHER_{name.upper()}": str(value) for name, value in ours.items()}


def run(data_dir: Path, *arguments: str) -> str:
    """Run a command to its end, and return what it printed."""
    command = [*_MATCHER, *arguments]
    return subprocess.run(command, env=environment(data_dir), stdout=subprocess.PIPE, text=True, check=True).stdout


@contextmanager
def started(data_dir: Path, *arguments: str, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that runs until it is told to stop; kill it if it was not."""
    process = subprocess.Popen([*_MATCHER, *arguments], env=environment(data_dir, **settings), stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
