"""Calling what blocks, beside an event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["call"]

T = TypeVar("T")


async def call(function: Callable[[], T], *, name: str) -> T:
    """Call a function in a thread of its own, and return what it returns.

    Given up while it runs, the function runs on, and what it returns is lost. No pool: a process
    that ends waits for the threads of its pools, and one that hangs would keep it.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)  # type: ignore[arg-type]
        else:
            answer.set_exception(error)

    def work() -> None:
        result, failure = None, None
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop ended before we did
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await answer
