"""``POST /v1/oauth/token``: a token for a key, by the client credentials grant of OAuth 2.0 (RFC 6749, section 4.4)."""

import base64
import binascii
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from matcher.api import access, languages, problems, uploads
from matcher.api.access import Open
from matcher.api.dependencies import NowDep, StateDep
from matcher.api.problems import ErrorBody
from matcher.domain.errors import AuthenticationError, InvalidKeyError, MatcherError, ScopeMissingError, Text
from matcher.services import tokens
from matcher.services.tokens import Token

__all__ = ["TokenBody", "TokenErrorBody", "TokenRequestError", "router"]

router = APIRouter(prefix="/v1/oauth", tags=["keys"], dependencies=[Open])

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_BYTES: Final = 8_192
_GRANT: Final = "client_credentials"
_PARAMETERS: Final = ("grant_type", "client_id", "client_secret", "scope")

_ErrorName = Literal["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"]


class TokenRequestError(MatcherError):
    """What was sent is no request for a token; ``error`` is the word of RFC 6749 for it."""

    code = "invalid-token-request"

    def __init__(self, error: _ErrorName, detail: Text) -> None:
        super().__init__(detail)
        self.error = error

    def __reduce__(self) -> tuple[type["MatcherError"], tuple[object, ...]]:
        return type(self), (self.error, self.detail)


class TokenBody(BaseModel):
    """A token, to be sent as a key would be."""

    access_token: Annotated[str, Field(examples=["mt_live_…"])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, none itself
    expires_in: Annotated[int, Field(description="Seconds.")]
    scope: Annotated[str, Field(description="What the token may do, with spaces between.")]


class TokenErrorBody(ErrorBody):
    """Problem details, with what RFC 6749 asks for beside them."""

    error: _ErrorName
    error_description: str


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": TokenErrorBody, "description": "`invalid-token-request`; `error` says what is wrong with it."},
    401: {"model": TokenErrorBody, "description": "`invalid-key`, `expired-key`; `error` is `invalid_client`."},
    **{
        status: response
        for status, response in problems.responses("too-large", "unsupported-media-type", "too-many-requests").items()
        if status != problems.status_of("bad-request")
    },
}


@router.post(
    "/token",
    operation_id="createToken",
    summary="Get a token for a key",
    response_model=TokenBody,
    responses=_RESPONSES,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                _FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type"],
                        "properties": {
                            "grant_type": {"type": "string", "const": _GRANT},
                            "client_id": {"type": "string", "description": "The id of the key."},
                            "client_secret": {"type": "string", "description": "The key itself."},
                            "scope": {"type": "string", "description": "Some of its scopes, with spaces between."},
                        },
                    }
                }
            },
        },
    },
)
async def create_token(request: Request, state: StateDep, now: NowDep) -> JSONResponse:
    """Give a token of fifteen minutes at most for a key, which so travels seldom. It dies with its key.

    The key's id and the key itself come as `client_id` and `client_secret`, or by HTTP Basic.
    """
    address = access.address_of(request)
    state.callers.check_address(address)
    body = await uploads.receive(request, most_bytes=_MOST_BYTES, media_type=_FORM)
    try:
        given = _read_form(body)
        key_id, secret = _credentials(request, given)
        scopes = given["scope"].split(" ") if "scope" in given else None

        def issue() -> Token:
            with state.database.begin() as session:
                return tokens.issue(session, key_id, secret, scopes=scopes, now=now)

        token = await run_in_threadpool(issue)
    except AuthenticationError as error:
        state.callers.count_failure(address)
        return _refuse(request, "invalid_client", error)
    except ScopeMissingError as error:
        return _refuse(request, "invalid_scope", TokenRequestError("invalid_scope", error.detail))
    except TokenRequestError as error:
        return _refuse(request, error.error, error)
    answer = TokenBody(
        access_token=token.secret,
        expires_in=max(1, int(token.lifetime.total_seconds())),
        scope=" ".join(token.scopes),
    )
    return JSONResponse(answer.model_dump(), headers={"cache-control": "no-store", "pragma": "no-cache"})


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), strict_parsing=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise _invalid("The body is no form.", "请求体不是合法的表单。") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in form:
            raise _invalid("A parameter is given twice.", "参数重复。")
        form[name] = value
    given = {name: value for name, value in form.items() if name in _PARAMETERS}
    if "grant_type" not in given:
        raise _invalid("grant_type is missing.", "缺少 grant_type。")
    if given["grant_type"] != _GRANT:
        raise TokenRequestError(
            "unsupported_grant_type",
            Text(en="Only client_credentials is granted here.", zh="此处仅支持 client_credentials。"),
        )
    return given


def _credentials(request: Request, form: dict[str, str]) -> tuple[UUID, str]:
    kind, _, encoded = request.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() == "basic":
        if "client_secret" in form:
            raise _invalid("Send the key in one way, not in two.", "密钥只能以一种方式发送。")
        name, secret = _read_basic(encoded)
    else:
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
    try:
        return UUID(name), secret
    except ValueError:
        raise InvalidKeyError(
            Text(
                en="client_id is the id of a key, and client_secret the key itself.",
                zh="client_id 为密钥编号，client_secret 为密钥本身。",
            )
        ) from None


def _read_basic(encoded: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise InvalidKeyError(Text(en="The Authorization cannot be read.", zh="无法读取 Authorization。")) from None
    # RFC 6749, section 2.3.1: each part is encoded as a form's value first.
    return unquote_plus(name), unquote_plus(secret)


def _invalid(en: str, zh: str) -> TokenRequestError:
    return TokenRequestError("invalid_request", Text(en=en, zh=zh))


def _refuse(request: Request, error: _ErrorName, cause: MatcherError) -> JSONResponse:
    language = languages.preferred(request.headers.get("accept-language", ""))
    problem = problems.describe(cause, language=language, instance=request.url.path)
    body = TokenErrorBody(
        **problem.model_dump(by_alias=True), error=error, error_description=cause.detail.in_language("en")
    )
    headers = {"content-language": language, "vary": "accept-language", "pragma": "no-cache"}
    if error == "invalid_client":
        headers["www-authenticate"] = 'Basic realm="matcher"'
    return JSONResponse(body.model_dump(by_alias=True), body.status, headers)
