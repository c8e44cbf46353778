"""Calls over connections that stay open, each sent when the one before was answered, and how long each took.

One thread and one loop for all connections: beside a service in Python, a client in Python must not
be what is measured.
"""

import json
import re
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

__all__ = ["Address", "Call", "Sample", "call", "drive"]

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
_CHUNK: Final = 2**16

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it goes over the wire, and the status that its answer must have."""

    content: bytes
    status: int = 200


@dataclass(slots=True)
class Sample:
    """What was measured: the time of every call, and the time of all of them together."""

    seconds: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float:
        """Calls in a second."""
        return len(self.seconds) / self.elapsed_s

    def percentile_ms(self, percent: float) -> float:
        """Return how long a call took at most, of so many in a hundred."""
        return float(np.percentile(self.seconds, percent)) * 1000


@dataclass(slots=True)
class _Connection:
    """One connection, and the call that it waits for."""

    socket: socket.socket
    status: int = 0
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, call: Call) -> None:
        self.received.clear()
        self.status = call.status
        self.sent_at = time.perf_counter()
        self.socket.sendall(call.content)

    def receive(self) -> bool:
        """Take what has come, and tell whether the answer is whole."""
        self.received += self.socket.recv(_CHUNK)
        head, _, body = bytes(self.received).partition(_HEAD_END)
        length = _LENGTH.search(head + b"\r\n")
        if length is None or len(body) < int(length[1]):
            return False
        found = int(head[9:12])
        assert found == self.status, f"expected {self.status}, got {found}: {body[:500].decode()}"
        return True


def call(
    method: str, path: str, *, key: str | None = None, body: object = None, status: int = 200, **headers: str
) -> Call:
    """Return a call, ready to be sent."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: bench"]
    if key is not None:
        lines.append(f"authorization: Bearer {key}")
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Call(("\r\n".join(lines) + "\r\n\r\n").encode() + content, status)


def drive(address: Address, calls: Iterator[Call], *, connections: int, seconds: float) -> Sample:
    """Send calls for some seconds, or until there are no more."""
    sample = Sample()
    with selectors.DefaultSelector() as selector:
        started = time.perf_counter()
        for _ in range(connections):
            opened = socket.create_connection(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(opened)
            first = next(calls, None)
            if first is None:
                opened.close()
                break
            connection.send(first)
            selector.register(opened, selectors.EVENT_READ, connection)
        while selector.get_map():
            for ready, _ in selector.select():
                waiting: _Connection = ready.data
                if not waiting.receive():
                    continue
                now = time.perf_counter()
                sample.seconds.append(now - waiting.sent_at)
                following = next(calls, None) if now - started < seconds else None
                if following is None:
                    selector.unregister(waiting.socket)
                    waiting.socket.close()
                else:
                    waiting.send(following)
        sample.elapsed_s = time.perf_counter() - started
    return sample
