"""Where results go: a file, whole or not at all, or standard output."""

import errno
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

__all__ = ["STANDARD", "ensure_possible", "write"]

STANDARD = Path("-")


def ensure_possible(path: Path) -> None:
    """Find out that a result cannot be written before the work for it is done.

    Raises
    ------
    OSError
        If the folder is not there or may not be written to, or the path is a folder itself.
    """
    folder = path.resolve().parent
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path == STANDARD or (path.exists() and not path.is_file()):
        return
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def write(path: Path, fill: Callable[[TextIO], object]) -> None:
    """Call ``fill`` with the open file; a reader of ``path`` never sees half of it.

    ``-`` is standard output. What is no ordinary file, such as ``/dev/null``, is written in place.
    """
    if path == STANDARD:
        fill(sys.stdout)
        sys.stdout.flush()
        return
    ensure_possible(path)
    if path.exists() and not path.is_file():
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
