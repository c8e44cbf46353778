"""Kernels in plain Python: for a handful of pairs, nothing has to be compiled or loaded."""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

__all__ = ["plain"]


@cache
def plain(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kernel as it is written, and so all that it calls; the answers are the same."""
    source = getattr(kernel, "py_func", None)
    if source is None:
        return kernel
    names = source.__globals__
    called = {name: plain(names[name]) for name in source.__code__.co_names if hasattr(names.get(name), "py_func")}
    return FunctionType(source.__code__, {**names, **called}, source.__name__, source.__defaults__, source.__closure__)
