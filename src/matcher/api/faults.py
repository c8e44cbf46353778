"""From the validator's errors to faults that say where, what kind, and how to mend it.

No fault repeats the value that was sent: it may be somebody's place.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from matcher.api import fields
from matcher.api.bodies import pointer
from matcher.domain.errors import Fault, Text

__all__ = ["MAX_FAULTS", "from_details", "from_validation"]

# More do not help whoever mends a file; the count of all is told beside them.
MAX_FAULTS: Final = 100

_Sentence = tuple[str, str, str]

_BY_TYPE: dict[str, _Sentence] = {
    "missing": ("missing-field", "This field is required.", "缺少必填字段。"),
    "extra_forbidden": (
        "unknown-field",
        "There is no field of this name here. Correct its name or leave it out.",
        "此处没有这个字段。请更正字段名或将其删除。",
    ),
    "string_type": ("wrong-type", "Expected a text in quotation marks.", "应为带引号的文本。"),
    "int_type": (
        "wrong-type",
        "Expected a whole number, without quotation marks and without a decimal point.",
        "应为整数，不带引号和小数点。",
    ),
    "float_type": ("wrong-type", "Expected a number, without quotation marks.", "应为数值，不带引号。"),
    "bool_type": ("wrong-type", "Expected true or false.", "应为 true 或 false。"),
    "list_type": ("wrong-type", "Expected a list, in square brackets.", "应为方括号括起的列表。"),
    "model_type": ("wrong-type", "Expected an object, in braces.", "应为花括号括起的对象。"),
    "dict_type": ("wrong-type", "Expected an object, in braces.", "应为花括号括起的对象。"),
    "string_too_short": (
        "too-short",
        "Expected at least {min_length} character(s).",
        "至少需要 {min_length} 个字符。",
    ),
    "string_too_long": ("too-long", "Expected at most {max_length} characters.", "最多 {max_length} 个字符。"),
    "too_short": (
        "too-few",
        "Expected at least {min_length} item(s), or no field at all.",
        "至少需要 {min_length} 项，或省略该字段。",
    ),
    "too_long": ("too-many", "Expected at most {max_length} items.", "最多 {max_length} 项。"),
    "greater_than_equal": ("out-of-range", "Expected {ge} or more.", "应不小于 {ge}。"),
    "less_than_equal": ("out-of-range", "Expected {le} or less.", "应不大于 {le}。"),
    "finite_number": ("out-of-range", "Expected a finite number.", "应为有限数值。"),
    "enum": ("unknown-value", "Expected one of: {expected}.", "应为下列之一：{expected}。"),
    "literal_error": ("unknown-value", "Expected one of: {expected}.", "应为下列之一：{expected}。"),
    "datetime_from_date_parsing": ("no-such-day", "There is no such day in the calendar.", "日历上没有这一天。"),
    "date_from_datetime_parsing": ("no-such-day", "There is no such day in the calendar.", "日历上没有这一天。"),
    "date_parsing": ("no-such-day", "There is no such day in the calendar.", "日历上没有这一天。"),
    "int_parsing": ("wrong-type", "Expected a whole number.", "应为整数。"),
    "float_parsing": ("wrong-type", "Expected a number.", "应为数值。"),
}

_BY_PATTERN: dict[str, _Sentence] = {
    fields.TEXT_PATTERN: ("bad-text", "Control characters are not allowed.", "不允许使用控制字符。"),
    fields.NOTE_PATTERN: (
        "bad-text",
        "Control characters other than line breaks and tabs are not allowed.",
        "除换行和制表符外，不允许使用控制字符。",
    ),
    fields.INSTANT_PATTERN: (
        "bad-instant",
        "Expected date, time and offset as in RFC 3339, such as 2026-11-24T09:00:00+08:00, in the years 2000 to 2099.",
        "应为 RFC 3339 格式的日期、时间和时区偏移，例如 2026-11-24T09:00:00+08:00，年份为 2000 至 2099。",
    ),
    fields.DAY_PATTERN: ("bad-day", "Expected a day such as 2027-06-30.", "应为日期，例如 2027-06-30。"),
    fields.WALL_TIME_PATTERN: (
        "bad-time",
        "Expected a time of day from 00:00 to 23:59, such as 09:00.",
        "应为 00:00 至 23:59 之间的时刻，例如 09:00。",
    ),
    fields.END_PATTERN: (
        "bad-time",
        "Expected a time of day from 00:00 to 24:00, such as 18:00.",
        "应为 00:00 至 24:00 之间的时刻，例如 18:00。",
    ),
    fields.ZONE_PATTERN: (
        "unknown-time-zone",
        "Expected the IANA name of a time zone, such as Asia/Shanghai.",
        "应为 IANA 时区名，例如 Asia/Shanghai。",
    ),
}

_OTHER: _Sentence = ("bad-value", "This value cannot be read.", "无法读取该值。")


def from_validation(error: ValidationError) -> list[Fault]:
    """Return the first faults of a body that failed its model."""
    return from_details(error.errors(include_url=False, include_input=False))


def from_details(details: Sequence[ErrorDetails]) -> list[Fault]:
    """Return the first faults out of what the validator tells of each."""
    return [_fault(detail) for detail in details[:MAX_FAULTS]]


def _fault(error: ErrorDetails) -> Fault:
    context = error.get("ctx", {})
    code, en, zh = _BY_PATTERN.get(context.get("pattern", ""), _BY_TYPE.get(error["type"], _OTHER))
    values = {name: _plain(value) for name, value in context.items() if isinstance(value, str | int | float)}
    return Fault(pointer(*error["loc"]), code, Text(en=en, zh=zh, values=values))


def _plain(value: str | float) -> str | int | float:
    """Return a bound as one would write it: 90, not 90.0; a, b, c and not 'a', 'b' or 'c'."""
    if isinstance(value, str):
        return value.replace("' or '", ", ").replace("'", "")
    return int(value) if value == int(value) else value
