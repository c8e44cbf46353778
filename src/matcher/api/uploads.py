"""Receiving a body: plain text of one media type only, and never more bytes than the cap."""

from typing import Final

from starlette.requests import Request

from matcher.api.problems import UnsupportedMediaTypeError
from matcher.domain.errors import Text, TooLargeError

__all__ = ["receive"]

_MIB: Final = 2**20


async def receive(request: Request, *, most_bytes: int, media_type: str = "application/json") -> bytes:
    """Return the body.

    Raises
    ------
    UnsupportedMediaTypeError
        If it is compressed, or not said to be of the media type.
    TooLargeError
        If it is longer than ``most_bytes``: by its own word before a byte is read, or as it comes.
    """
    _check_type(request, media_type)
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most_bytes:
        raise _too_large(most_bytes)
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > most_bytes:
            raise _too_large(most_bytes)
        body += chunk
    return bytes(body)


def _check_type(request: Request, media_type: str) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaTypeError(
            Text(en="Send the body without Content-Encoding.", zh="请发送未压缩的请求体，不要使用 Content-Encoding。")
        )
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != media_type or charset not in ("", "utf-8"):
        raise UnsupportedMediaTypeError(
            Text(
                en="Send the body as Content-Type: {media_type}, in UTF-8.",
                zh="请以 Content-Type: {media_type} 发送 UTF-8 编码的请求体。",
                values={"media_type": media_type},
            )
        )


def _too_large(most_bytes: int) -> TooLargeError:
    return TooLargeError(
        Text(
            en="The body is longer than {most} bytes ({mib} MiB), which is the most taken here.",
            zh="请求体超过上限 {most} 字节（{mib} MiB）。",
            values={"most": most_bytes, "mib": round(most_bytes / _MIB, 1)},
        )
    )
