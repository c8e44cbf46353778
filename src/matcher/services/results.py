"""Answers that wait to be fetched, in memory: they live as long as the process that made them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from matcher.domain.errors import NotFoundError, OverloadedError, Text
from matcher.services.solving import Ticket

__all__ = ["Result", "Results"]

_MIB: Final = 2**20


@dataclass(slots=True)
class Result:
    """A task that its caller will come back for. Its id cannot be guessed: whoever knows it may read.

    ``expires_at`` is None until the answer is there and somebody has looked.
    """

    id: str
    ticket: Ticket
    created_at: datetime
    expires_at: datetime | None = None


class Results:
    """A bounded number of results of bounded size, each for a bounded time. For one thread alone."""

    def __init__(self, *, most: int, lifetime: timedelta, most_bytes: int = 256 * _MIB) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._lifetime = lifetime
        self._by_id: dict[str, Result] = {}

    def make_room(self, *, now: datetime) -> None:
        """Forget what has expired and, if need be, the oldest answers.

        Raises
        ------
        OverloadedError
            If none of the results is finished.
        """
        self._expire(now)
        finished = [result for result in self._by_id.values() if result.ticket.answer.done()]
        size = sum(map(_size, finished))
        for oldest in finished:
            if len(self._by_id) < self._most and size <= self._most_bytes:
                break
            size -= _size(oldest)
            del self._by_id[oldest.id]
        if len(self._by_id) >= self._most:
            raise OverloadedError(Text(en="Too many results wait to be computed.", zh="等待计算的结果过多。"))

    def add(self, ticket: Ticket, *, now: datetime) -> Result:
        """Keep a ticket, after ``make_room``."""
        result = Result(uuid.uuid4().hex, ticket, now)
        self._by_id[result.id] = result
        return result

    def get(self, result_id: str, *, now: datetime) -> Result:
        """Return a result.

        Raises
        ------
        NotFoundError
            If there is none with this id, or none any more.
        """
        self._expire(now)
        result = self._by_id.get(result_id)
        if result is None:
            raise NotFoundError(
                Text(
                    en="There is no such result, or it has expired, or another process made it.",
                    zh="没有该结果，或结果已过期，或由其他进程生成。",
                )
            )
        return result

    def remove(self, result_id: str, *, now: datetime) -> Result:
        """Forget a result and return it.

        Raises
        ------
        NotFoundError
            If there is none with this id, or none any more.
        """
        return self._by_id.pop(self.get(result_id, now=now).id)

    def _expire(self, now: datetime) -> None:
        for result in list(self._by_id.values()):
            if result.expires_at is None and result.ticket.answer.done():
                result.expires_at = now + self._lifetime
            if result.expires_at is not None and result.expires_at <= now:
                del self._by_id[result.id]


def _size(finished: Result) -> int:
    answer = finished.ticket.answer
    return 0 if answer.exception() is not None else len(answer.result())
