"""Strict JSON: RFC 8259 and nothing else, every refusal with its place.

The standard library's parser does the work; it accepts more than the standard allows, and what
it lets pass is caught by its hooks and looked for afterwards, only when there is something to find.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from matcher.domain.errors import Fault, InvalidProblemError, Text

__all__ = ["MAX_DEPTH", "JsonValue", "MalformedJsonError", "parse_json", "pointer"]

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None

MAX_DEPTH = 32

_MAX_DIGITS = 1000
_MAX_KEY_IN_POINTER = 64
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")

_NOT_FINITE = Text(
    en="This is not a number in JSON. Send a finite number, or leave the field out.",
    zh="JSON 中没有这样的数值。请发送有限数值，或省略该字段。",
)
_SURROGATE = Text(
    en="The text holds half of a surrogate pair, which stands for no character. Send whole characters.",
    zh="文本中含有不成对的代理码位，不代表任何字符。请发送完整字符。",
)
_TOO_DEEP = Text(
    en="The value is nested deeper than {depth} levels.", zh="嵌套超过 {depth} 层。", values={"depth": MAX_DEPTH}
)

# What the parser says, and the same in Chinese.
_SYNTAX = {
    "Expecting value": "此处应为一个值",
    "Expecting property name enclosed in double quotes": "此处应为双引号括起的字段名",
    "Illegal trailing comma before end of object": "对象末尾有多余的逗号",
    "Illegal trailing comma before end of array": "数组末尾有多余的逗号",
    "Expecting ',' delimiter": "此处应为逗号",
    "Expecting ':' delimiter": "此处应为冒号",
    "Unterminated string starting at": "字符串没有结束",
    "Invalid control character at": "字符串中有未转义的控制字符",
    "Invalid \\escape": "无效的转义",
    "Invalid \\uXXXX escape": "无效的 Unicode 转义",
    "Extra data": "值之后还有多余内容",
    "Byte order mark": "不应有字节顺序标记",
    "Invalid UTF-8": "不是有效的 UTF-8",
}


class MalformedJsonError(InvalidProblemError):
    """The bytes are not JSON at all; line and column say where reading ended."""

    code = "malformed-json"


@dataclass(frozen=True, slots=True)
class _NotFinite:
    """Stands where the text had NaN, Infinity or a number past the range of a double."""


@dataclass(frozen=True, slots=True)
class _Repeated:
    """Stands where an object had one name twice."""

    name: str


@dataclass(slots=True)
class _Suspicion:
    """Whether the hooks met something that JSON does not allow."""

    raised: bool = False

    def object(self, pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue] | _Repeated:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.raised = True
        return _Repeated(Counter(name for name, _ in pairs).most_common(1)[0][0])

    def constant(self, _: str) -> _NotFinite:
        self.raised = True
        return _NotFinite()

    def fraction(self, digits: str) -> float | _NotFinite:
        value = float(digits)
        return value if value - value == 0 else self.constant(digits)

    def whole(self, digits: str) -> int | _NotFinite:
        return int(digits) if len(digits) <= _MAX_DIGITS else self.constant(digits)


def parse_json(body: bytes) -> JsonValue:
    """Return the value that the bytes of a JSON text stand for.

    Raises
    ------
    MalformedJsonError
        If the bytes are not UTF-8 or not JSON: broken or empty, with a byte order mark, or with
        something behind the value. The detail names line and column.
    InvalidProblemError
        If the text is JSON in form but has no safe meaning: one name twice in an object, NaN,
        Infinity or a number out of range, half a surrogate pair, or more than 32 levels.
    """
    text = _decode(body)
    suspicion = _Suspicion(raised=_SURROGATE_ESCAPE.search(text) is not None)
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=suspicion.object,
            parse_constant=suspicion.constant,
            parse_float=suspicion.fraction,
            parse_int=suspicion.whole,
        )
    except json.JSONDecodeError as error:
        _refuse_syntax(error.lineno, error.colno, error.msg)
    except RecursionError:
        raise InvalidProblemError([Fault("", "too-deep", _TOO_DEEP)]) from None
    if suspicion.raised or _is_too_deep(value):
        _refuse_meaning(value)
    return value


def pointer(*path: str | int) -> str:
    """Return the RFC 6901 JSON pointer of a path of names and positions."""
    return "".join(f"/{_escape(step)}" if isinstance(step, str) else f"/{step}" for step in path)


def _escape(name: str) -> str:
    name = name.encode("utf-8", "replace").decode()
    if len(name) > _MAX_KEY_IN_POINTER:
        name = f"{name[:_MAX_KEY_IN_POINTER]}…"
    return name.replace("~", "~0").replace("/", "~1")


def _decode(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        _refuse_syntax(1, 1, "Byte order mark")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        _refuse_syntax(line, column, "Invalid UTF-8")


def _refuse_syntax(line: int, column: int, why: str) -> NoReturn:
    detail = Text(
        en="Not JSON at line {line}, column {column}: {why}.",
        zh="第 {line} 行第 {column} 列不是合法的 JSON：{why_zh}。",
        values={"line": line, "column": column, "why": why, "why_zh": _SYNTAX.get(why, why)},
    )
    raise MalformedJsonError([Fault("", "malformed-json", detail)]) from None


def _is_too_deep(value: object) -> bool:
    """Peel level by level, which is several times faster than a recursive walk."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ())
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _refuse_meaning(value: object) -> None:
    for path, node in _walk(value, ()):
        if len(path) == MAX_DEPTH and isinstance(node, dict | list):
            raise InvalidProblemError([Fault(pointer(*path), "too-deep", _TOO_DEEP)])
        if isinstance(node, _NotFinite):
            raise InvalidProblemError([Fault(pointer(*path), "not-finite", _NOT_FINITE)])
        if isinstance(node, _Repeated):
            raise InvalidProblemError([_repeated(path, node.name)])
        if isinstance(node, str) and not _is_whole(node):
            raise InvalidProblemError([Fault(pointer(*path), "lone-surrogate", _SURROGATE)])
        if isinstance(node, dict) and not all(map(_is_whole, node)):
            raise InvalidProblemError([Fault(pointer(*path), "lone-surrogate", _SURROGATE)])


def _repeated(path: tuple[str | int, ...], name: str) -> Fault:
    detail = Text(
        en="The name is given twice in one object; which value counts would be a guess.",
        zh="同一对象中字段名重复，无法判断以哪个值为准。",
    )
    return Fault(pointer(*path, name), "repeated-name", detail)


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _walk(value: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Yield every node with its path, parents first."""
    stack: list[tuple[tuple[str | int, ...], object]] = [(path, value)]
    while stack:
        path, node = stack.pop()
        yield path, node
        if isinstance(node, dict):
            stack.extend(((*path, name), child) for name, child in reversed(node.items()))
        elif isinstance(node, list):
            stack.extend(((*path, place), node[place]) for place in range(len(node) - 1, -1, -1))
