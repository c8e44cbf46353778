"""The command as people run it: a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs ``matcher`` with arguments in an empty folder."""

    def run_matcher(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "matcher.cli.main", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=tmp_path, check=False)

    return run_matcher
