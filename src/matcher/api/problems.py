"""Errors as they travel: RFC 9457 problem details for every 4xx and 5xx, in the caller's language."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from matcher import telemetry
from matcher.api import faults, languages
from matcher.domain.errors import (
    AuthenticationError,
    DatabaseDownError,
    Fault,
    InvalidBodyError,
    InvalidProblemError,
    Language,
    MatcherError,
    MissingKeyError,
    OverloadedError,
    Text,
    TooManyRequestsError,
)
from matcher.domain.offers import TransitionError

__all__ = [
    "MEDIA_TYPE",
    "ErrorBody",
    "FaultBody",
    "InvalidBodyError",
    "InvalidParameterError",
    "NotReadyError",
    "UnsupportedMediaTypeError",
    "describe",
    "install",
    "responses",
    "status_of",
]

MEDIA_TYPE: Final = "application/problem+json"

_RETRY_AFTER_S = "5"
_CHALLENGE = 'Bearer realm="matcher"'
_CHALLENGE_AGAIN = f'{_CHALLENGE}, error="invalid_token"'
_TYPE = "urn:problem-type:matcher:{code}"


class InvalidParameterError(InvalidProblemError):
    """A parameter of the path or the query cannot be read."""

    code = "invalid-parameter"


class UnsupportedMediaTypeError(MatcherError):
    """The body is not plain JSON."""

    code = "unsupported-media-type"


class NotReadyError(MatcherError):
    """The service cannot take work yet, or at the moment; ``faults`` say what it waits for."""

    code = "not-ready"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].detail)
        self.faults = tuple(faults)


def _is_none(value: object) -> bool:
    return value is None


class FaultBody(BaseModel):
    """One thing wrong: where, what kind, and how to mend it."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into what was sent.")]
    code: str
    detail: str


class ErrorBody(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    code: Annotated[str, Field(description="The kind of problem; stable, unlike the sentences.")]
    detail: str
    instance: str
    request_id: str | None
    errors: Annotated[list[FaultBody], Field(description="The first hundred faults.")]
    from_: Annotated[
        str | None, Field(alias="from", exclude_if=_is_none, description="Of an illegal step: the status now.")
    ] = None
    to: Annotated[str | None, Field(exclude_if=_is_none, description="Of an illegal step: the status it leads to.")] = (
        None
    )
    allowed: Annotated[
        list[str] | None, Field(exclude_if=_is_none, description="Of an illegal step: the statuses that can follow.")
    ] = None


# By code: status, and the title in both languages.
_KINDS: dict[str, tuple[int, str, str]] = {
    "malformed-json": (400, "The body is not JSON", "请求体不是合法的 JSON"),
    "invalid-token-request": (400, "This is no request for a token", "令牌请求无效"),
    "bad-request": (400, "The request cannot be understood", "无法理解该请求"),
    "missing-key": (401, "A key is needed", "需要密钥"),
    "invalid-key": (401, "The key is not valid", "密钥无效"),
    "expired-key": (401, "The key has expired", "密钥已过期"),
    "scope-missing": (403, "The key may not do this", "密钥没有此权限"),
    "grant-exceeded": (403, "A key cannot grant more than it has", "不能授予超出自身的权限"),
    "not-found": (404, "There is no such thing", "未找到"),
    "method-not-allowed": (405, "The method is not allowed here", "此处不允许该方法"),
    "illegal-transition": (409, "This step cannot follow", "状态不允许此操作"),
    "filled": (409, "Every place is taken", "名额已满"),
    "request-closed": (409, "The request is closed", "求助已关闭"),
    "request-unverified": (409, "The request is not verified", "求助尚未核实"),
    "blocked": (409, "The two are kept apart", "双方已设置回避"),
    "asked-again": (409, "There is a newer offer", "已有更新的邀约"),
    "start-differs": (409, "All start together", "须同时开始"),
    "volunteer-busy": (409, "The volunteer is elsewhere then", "志愿者该时段已有安排"),
    "capacity-reached": (409, "It is more than the volunteer takes on", "超出志愿者的服务上限"),
    "too-early": (409, "It is too early for this step", "尚未到时间"),
    "too-late": (409, "It is too late for this step", "已过时间"),
    "nobody-eligible": (409, "None of them can be asked", "所选志愿者均不符合条件"),
    "erased": (409, "The person was erased", "该人员已被删除"),
    "import-over": (409, "The import has ended", "导入已结束"),
    "key-rotated": (409, "The key has been rotated already", "密钥已轮换"),
    "places-taken": (409, "Places that the change cuts are taken", "要减少的名额已被占用"),
    "time-promised": (409, "Somebody has promised to come at that time", "该时间已有志愿者承诺"),
    "skill-in-use": (409, "The skill is in use", "该技能正在使用"),
    "idempotency-key-in-use": (409, "The call is still being answered", "调用仍在处理中"),
    "plan-missing": (409, "The run has no plan", "该运行没有方案"),
    "run-active": (409, "A run of this region is not over yet", "该区域的匹配运行尚未结束"),
    "stale": (412, "The resource has changed", "资源已被修改"),
    "line-too-long": (413, "A line is too long", "行过长"),
    "too-large": (413, "The problem is too large", "问题规模过大"),
    "unsupported-media-type": (415, "Only plain JSON is taken", "只接受未压缩的 JSON"),
    "invalid-problem": (422, "The problem cannot be read", "无法读取该问题"),
    "invalid-body": (422, "The body cannot be read", "无法读取请求体"),
    "invalid-cursor": (422, "This is no cursor of this list", "游标无效"),
    "invalid-parameter": (422, "A parameter cannot be read", "参数无效"),
    "idempotency-key-reused": (422, "The key belongs to another call", "该键已用于另一次调用"),
    "region-outside-grant": (422, "The key does not hold for this region", "密钥不包含该区域"),
    "unknown-skill": (422, "The catalogue has no such skill", "技能目录中没有该技能"),
    "duplicate-id": (422, "The id is used twice", "编号重复"),
    "unknown-region": (422, "No region has this code", "没有该区划代码"),
    "calendar-range": (422, "No calendar of working days covers these days", "工作日历未覆盖这些日期"),
    "if-match-missing": (428, "The change must say which version it is meant for", "需说明修改针对的版本"),
    "too-many-requests": (429, "Too many requests", "请求过于频繁"),
    "internal-error": (500, "Something went wrong on our side", "服务内部错误"),
    "solver-crash": (500, "The solver ended without an answer", "求解器异常终止"),
    "overloaded": (503, "Too busy", "服务繁忙"),
    "database-down": (503, "The database does not answer", "数据库没有响应"),
    "not-ready": (503, "Not ready", "尚未就绪"),
    "solver-timeout": (504, "The solver ran out of time", "求解超时"),
    "solver-memory": (507, "The solver ran out of memory", "求解内存不足"),
    "disk-full": (507, "The database has no room left", "数据库空间不足"),
}

_INTERNAL = Text(
    en="Something went wrong on our side. Tell us the request_id.", zh="服务内部出错。反馈时请附上 request_id。"
)

_FRAMEWORK = {
    404: Text(en="There is nothing at this path. See /docs.", zh="该路径不存在。请参阅 /docs。"),
    405: Text(
        en="This path does not take this method; Allow names those it takes.",
        zh="该路径不支持此方法，可用方法见 Allow 标头。",
    ),
}


def describe(error: MatcherError, *, language: Language, instance: str) -> ErrorBody:
    """Return the problem details of an error."""
    code = error.code if error.code in _KINDS else "internal-error"
    status, title_en, title_zh = _KINDS[code]
    return ErrorBody(
        type=_TYPE.format(code=code),
        title=title_zh if language == "zh-CN" else title_en,
        status=status,
        code=code,
        detail=(error.detail if code != "internal-error" else _INTERNAL).in_language(language),
        instance=instance,
        request_id=telemetry.request_id.get(),
        errors=[
            FaultBody(pointer=fault.pointer, code=fault.code, detail=fault.detail.in_language(language))
            for fault in (error.faults if isinstance(error, InvalidProblemError | NotReadyError) else ())
        ],
        **_step(error),
    )


def _step(error: MatcherError) -> dict[str, Any]:
    """Return what is told of a step that cannot be taken."""
    if not isinstance(error, TransitionError):
        return {}
    return {"from": str(error.current), "to": str(error.to), "allowed": list(map(str, error.allowed))}


def status_of(code: str) -> int:
    """Return the HTTP status of a kind of problem."""
    return _KINDS[code][0]


def responses(*codes: str) -> dict[int | str, dict[str, object]]:
    """Return, for the API's description, the responses of these kinds of problem."""
    by_status: dict[int | str, dict[str, object]] = {}
    for status in sorted({status_of(code) for code in (*codes, "bad-request", "internal-error")}):
        kinds = [code for code in (*codes, "internal-error") if status_of(code) == status]
        by_status[status] = {
            "model": ErrorBody,
            "description": "; ".join(f"`{code}`: {_KINDS[code][1]}" for code in kinds or ["bad-request"]),
        }
    return by_status


def install(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Make every error of an application with these routes a problem."""

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, StarletteHTTPException):
            raise error
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # The framework names the methods of the first route that has this path.
            headers["allow"] = ", ".join(sorted(_methods(request, routes)))
        return _respond_to_http_error(request, error.status_code, headers)

    app.add_exception_handler(MatcherError, _on_matcher_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameter)
    app.add_exception_handler(StarletteHTTPException, on_http_error)
    app.add_exception_handler(Exception, _on_defect)


def _methods(request: Request, routes: Sequence[APIRoute]) -> set[str]:
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    # Where a path has routes of its own, they are meant, although its last part could be somebody's id.
    literal = [route for route in matching if route.path == request.url.path]
    return {method for route in literal or matching for method in route.methods or ()}


def _respond(
    request: Request, error: MatcherError, *, status: int | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    language = languages.preferred(request.headers.get("accept-language", ""))
    body = describe(error, language=language, instance=request.url.path)
    extra = {"content-language": language, "vary": "accept-language", **(headers or {})}
    if isinstance(error, DatabaseDownError | OverloadedError | NotReadyError):
        extra["retry-after"] = _RETRY_AFTER_S
    if isinstance(error, TooManyRequestsError):
        extra["retry-after"] = str(error.retry_after_s)
    if isinstance(error, AuthenticationError):
        extra["www-authenticate"] = _CHALLENGE if isinstance(error, MissingKeyError) else _CHALLENGE_AGAIN
    if status is not None:
        body = body.model_copy(update={"status": status})
    return JSONResponse(body.model_dump(by_alias=True), body.status, extra, MEDIA_TYPE)


async def _on_matcher_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, MatcherError):
        raise error
    return _respond(request, error)


async def _on_invalid_parameter(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    details = error.errors()
    if details and details[0]["loc"][:1] == ("body",):
        # Into the body itself, as the caller wrote it.
        inside = [ErrorDetails({**detail, "loc": detail["loc"][1:]}) for detail in details]  # type: ignore[typeddict-item]
        return _respond(request, InvalidBodyError(faults.from_details(inside)))
    return _respond(request, InvalidParameterError(faults.from_details(details)))


def _respond_to_http_error(request: Request, status: int, headers: dict[str, str]) -> JSONResponse:
    """Answer what the framework itself refuses."""
    phrase = HTTPStatus(status).phrase
    refusal = MatcherError(_FRAMEWORK.get(status, Text(en=phrase, zh=phrase)))
    refusal.code = next((code for code, (known, _, _) in _KINDS.items() if known == status), "bad-request")
    return _respond(request, refusal, status=status, headers=headers)


async def _on_defect(request: Request, _: Exception) -> JSONResponse:
    return _respond(request, MatcherError(_INTERNAL))
