"""Logs: one JSON object a line on standard error, with the request they belong to.

Never in a line: bodies, places, and the text of an exception, since it may quote either.
"""

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

__all__ = ["JsonFormatter", "configure", "request_id"]

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"asctime", "color_message", "message", "taskName"}
_WITHHELD = frozenset({"body", "latitude", "location", "longitude", "place", "point"})
_CHATTY = ("alembic", "httpcore", "httpx", "numba", "procrastinate")


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON.

    ``extra`` of a log call becomes keys of its own. An exception becomes its type, the types
    that caused it, and the frames it came through.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {
            key: "withheld" if key in _WITHHELD else value
            for key, value in record.__dict__.items()
            if key not in _STANDARD
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = _chain(record.exc_info[1])
            line["frames"] = _frames(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def _chain(error: BaseException | None) -> list[str]:
    """Return the type of an exception and of what caused it, outermost first."""
    names: list[str] = []
    while error is not None:
        names.append(f"{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or error.__context__
    return names


def _frames(trace: TracebackType | None) -> list[str]:
    """Return where an exception came through, outermost first, without any value."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every logger of this process, from ``level`` on, to one stream (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.root.handlers = [handler]
    logging.root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
