"""Where results go: a file, whole or not at all, or standard output."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

__all__ = ["STANDARD", "write"]

STANDARD = Path("-")


def write(path: Path, fill: Callable[[TextIO], object]) -> None:
    """Call ``fill`` with the open file; a reader of ``path`` never sees half of it.

    ``-`` is standard output. What is no ordinary file, such as ``/dev/null``, is written in place.
    """
    if path == STANDARD:
        fill(sys.stdout)
        sys.stdout.flush()
    elif path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8") as device:
            fill(device)
    else:
        _replace(path.resolve(), fill)


def _replace(path: Path, fill: Callable[[TextIO], object]) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            fill(file)
            file.flush()
            os.fsync(descriptor)
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
