"""Receiving a body: plain text of one media type only, and never more bytes than the cap."""

from typing import Final

from starlette.requests import Request

from matcher.api.problems import UnsupportedMediaTypeError
from matcher.domain.errors import Text, TooLargeError

__all__ = ["check_length", "check_type", "receive", "too_large"]

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
    check_type(request, media_type)
    check_length(request, most_bytes=most_bytes)
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > most_bytes:
            raise too_large(most_bytes)
        body += chunk
    return bytes(body)


def check_type(request: Request, *media_types: str) -> str:
    """Return which of several media types the body is said to be of.

    Raises
    ------
    UnsupportedMediaTypeError
        If it is of none of them, or compressed.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaTypeError(
            Text(en="Send the body without Content-Encoding.", zh="请发送未压缩的请求体，不要使用 Content-Encoding。")
        )
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    media_type = kind.strip().lower()
    if media_type not in media_types or charset not in ("", "utf-8"):
        raise UnsupportedMediaTypeError(
            Text(
                en="Send the body as Content-Type: {media_types}, in UTF-8.",
                zh="请以 Content-Type: {media_types} 发送 UTF-8 编码的请求体。",
                values={"media_types": " | ".join(media_types)},
            )
        )
    return media_type


def check_length(request: Request, *, most_bytes: int) -> None:
    """Refuse a body that is too long by its own word, before a byte is read.

    Raises
    ------
    TooLargeError
        If it is.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > most_bytes:
        raise too_large(most_bytes)


def too_large(most_bytes: int) -> TooLargeError:
    """Return the error of a body that is longer than allowed."""
    return TooLargeError(
        Text(
            en="The body is longer than {most} bytes ({mib} MiB), which is the most taken here.",
            zh="请求体超过上限 {most} 字节（{mib} MiB）。",
            values={"most": most_bytes, "mib": round(most_bytes / _MIB, 1)},
        )
    )
