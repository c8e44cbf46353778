"""The decorators of every kernel: compiled where numba is present, plain Python elsewhere.

numba's file cache looks at the file of a function alone, so a changed callee in another file would
leave stale machine code behind. All kernels therefore share a cache folder that is named after the
text of all of them.
"""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["COMPILED", "cache_folder", "in_place", "kernel", "routine", "step"]

# Called by other kernels alone: the wrapper that lets Python call a function would unpack every array of its
# arguments, most of the time that compiling takes.
INNER = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder(configured: str) -> Path:
    """Return a writable folder for machine code, named after the kernels' text.

    Where it is not the one beside the kernels, it starts with what was compiled into that one: the
    folder of an installed image is full, and cannot be written.
    """
    here = Path(__file__).parent
    text = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[:16]
    beside = here / "__pycache__" / f"numba-{text}"
    roots = [Path(configured)] if configured else [beside.parent, Path(tempfile.gettempdir()) / "matcher-kernels"]
    for root in roots:
        folder = root / beside.name
        try:
            root.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # without it they are compiled again
                _fill(folder, beside)
            folder.mkdir(exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return Path(tempfile.mkdtemp(prefix="matcher-kernels-"))


def _fill(folder: Path, compiled: Path) -> None:
    """Copy a folder of machine code to where nothing is yet, all of it or nothing."""
    if folder.exists() or not compiled.is_dir():
        return
    with tempfile.TemporaryDirectory(dir=folder.parent) as drafts:
        draft = Path(drafts) / folder.name
        for path in compiled.rglob("*"):
            copy = draft / path.relative_to(compiled)
            if path.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
        if draft.is_dir():
            draft.rename(folder)


try:
    import numba
except ImportError:  # pragma: no cover - numba is a dependency; the service still answers without it
    COMPILED = False
else:
    COMPILED = not numba.config.DISABLE_JIT
    if COMPILED:
        numba.config.CACHE_DIR = str(cache_folder(numba.config.CACHE_DIR))


def kernel(function: Function) -> Function:
    """Compile a function that is called from Python and may allocate."""
    return _compiled(function) if COMPILED else function


def in_place(function: Function) -> Function:
    """Compile a function that is called from Python and allocates nothing.

    numba counts references to every array that it takes out of a tuple, which costs more than the work
    of a small function. Nothing is created or freed here, so the counting is left out: 10 times faster.
    """
    return _compiled(function, _nrt=False) if COMPILED else function


def step(function: Function) -> Function:
    """Compile a small inner function that allocates nothing, right into the kernels that call it.

    A call would copy every array of its arguments, which takes longer than the function: 4 times faster.
    """
    return _compiled(function, **INNER, forceinline=True) if COMPILED else function


def routine(function: Function) -> Function:
    """Compile a large inner function that allocates nothing once, to be called: compiling stays short."""
    return _compiled(function, **INNER) if COMPILED else function


def _compiled(function: Function, **options: bool) -> Function:
    compiled: Function = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    return compiled
