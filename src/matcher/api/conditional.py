"""ETags, and changes that hold only for the version that the caller has seen."""

import re
from collections.abc import Collection
from typing import Annotated, Final

from fastapi import Header, Response

from matcher.domain.errors import MatcherError, Text

__all__ = [
    "IfMatch",
    "IfNoneMatch",
    "PreconditionRequiredError",
    "StaleError",
    "check",
    "etag",
    "is_known",
    "not_modified",
    "versions",
]

# A version is a number of four bytes.
_TAG: Final = re.compile(r'"\d{1,9}"', re.ASCII)

IfMatch = Annotated[
    str | None, Header(description="The ETag that the change is meant for, or `*` for whichever there is.")
]
IfNoneMatch = Annotated[str | None, Header(description="ETags that the caller has: 304 if one is current.")]


class PreconditionRequiredError(MatcherError):
    """A change must say which version it is meant for."""

    code = "if-match-missing"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="Say which version the change is meant for: send the resource's ETag as If-Match, or If-Match: *.",
                zh="请说明修改针对哪个版本：用 If-Match 发送该资源的 ETag，或发送 If-Match: *。",
            )
        )


class StaleError(MatcherError):
    """The resource has changed since the caller saw it."""

    code = "stale"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="The resource has changed since then. Get it again and repeat the change on what it is now.",
                zh="该资源此后已被修改。请重新获取，再在最新版本上修改。",
            )
        )


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def check(if_match: str | None, version: int) -> None:
    """Refuse a change that is not meant for this version.

    Raises
    ------
    PreconditionRequiredError
        If the caller does not say which version is meant.
    StaleError
        If another one is meant.
    """
    if if_match is None:
        raise PreconditionRequiredError
    if not _names(if_match, version, is_weak_enough=False):
        raise StaleError


def versions(if_match: str | None) -> Collection[int] | None:
    """Return the versions that a change is meant for; None stands for whichever there is."""
    tags = [] if if_match is None else [tag.strip() for tag in if_match.split(",")]
    if "*" in tags:
        return None
    return [int(tag[1:-1]) for tag in tags if _TAG.fullmatch(tag)]


def is_known(if_none_match: str | None, version: int) -> bool:
    """Tell whether the caller has this version already."""
    return if_none_match is not None and _names(if_none_match, version, is_weak_enough=True)


def not_modified(version: int) -> Response:
    """Return the answer to a caller who has this version already."""
    return Response(status_code=304, headers={"etag": etag(version)})


def _names(header: str, version: int, *, is_weak_enough: bool) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return "*" in tags or etag(version) in tags or (is_weak_enough and f"W/{etag(version)}" in tags)
