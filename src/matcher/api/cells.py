"""What stands in one cell of a CSV table: numbers, lists with ``|``, intervals with ``/``."""

import re
from collections.abc import Callable
from typing import Any

from matcher.api.bodies import MalformedJsonError, parse_json
from matcher.domain.errors import InvalidProblemError, Text

__all__ = [
    "CellError",
    "Parse",
    "intervals",
    "json",
    "names",
    "needs",
    "number",
    "or_json",
    "skills",
    "text",
    "weekly",
    "whole",
    "yes_no",
]

Json = dict[str, Any]
Parse = Callable[[str], object]

_YES_NO = {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(r"(?P<days>\S+) (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<calendar>\S+))?")
_DECIMAL = re.compile(r"[-+]?\d+(?:\.\d+)?")


class CellError(ValueError):
    """A cell does not hold what its column asks for; ``detail`` says what was expected."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.detail = Text(en=en, zh=zh)


def text(cell: str) -> str:
    """Return the cell as it is."""
    return cell


def whole(cell: str) -> int:
    """Return a whole number."""
    if not re.fullmatch(r"[-+]?\d{1,18}", cell, re.ASCII):
        raise CellError("Expected a whole number, such as 60.", "应为整数，例如 60。")
    return int(cell)


def number(cell: str) -> float:
    """Return a decimal number."""
    if not re.fullmatch(_DECIMAL, cell):
        raise CellError("Expected a decimal number, such as 31.2304.", "应为小数，例如 31.2304。")
    return float(cell)


def yes_no(cell: str) -> bool:
    """Return a truth value."""
    if cell.lower() not in _YES_NO:
        raise CellError("Expected yes or no.", "应为“是”或“否”。")
    return _YES_NO[cell.lower()]


def names(cell: str) -> list[str]:
    """Return the names of a list such as ``v7|v12``."""
    parts = [part.strip() for part in cell.split("|")]
    if not all(parts):
        raise CellError(
            "Expected names with | between them, such as v7|v12; one of them is empty.",
            "应为以 | 分隔的名称，例如 v7|v12；其中有空项。",
        )
    return parts


def needs(cell: str) -> list[Json]:
    """Return required skills such as ``nursing:2|first-aid``, level 1 where none is given."""
    return [_skill(part) for part in names(cell)]


def skills(cell: str) -> list[Json]:
    """Return skills held such as ``nursing:3@2027-06-30|first-aid``, the date being that of the certificate."""
    held = []
    for part in names(cell):
        skill, has_date, date = part.partition("@")
        held.append(_skill(skill) | ({"valid_until": date} if has_date else {}))
    return held


def _skill(part: str) -> Json:
    code, has_level, level = part.partition(":")
    if not code or (has_level and not level.isdecimal()):
        raise CellError(
            "Expected skills with | between them and a level behind a colon, such as nursing:2|first-aid.",
            "应为以 | 分隔的技能，等级写在冒号之后，例如 nursing:2|first-aid。",
        )
    return {"code": code, "level": int(level)} if has_level else {"code": code}


def intervals(cell: str) -> list[Json]:
    """Return intervals such as ``2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00|…``."""
    spans = []
    for part in names(cell):
        start, slash, end = part.partition("/")
        if not (start and slash and end):
            raise CellError(
                "Expected start/end with | between intervals, such as"
                " 2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00.",
                "应为“开始/结束”，多个时段以 | 分隔，例如 2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00。",
            )
        spans.append({"start": start.strip(), "end": end.strip()})
    return spans


def weekly(cell: str) -> list[Json]:
    """Return weekly rules such as ``mon-fri 18:00-21:00 workdays|sat,sun 09:00-12:00``."""
    return [_rule(part) for part in names(cell)]


def _rule(part: str) -> Json:
    found = _WEEKLY.fullmatch(" ".join(part.split()))
    if not found:
        raise CellError(
            "Expected days, hours and, if need be, a calendar, such as mon-fri 18:00-21:00 workdays,"
            " with | between the rules.",
            "应为星期、时段和（可选的）日历，例如 mon-fri 18:00-21:00 workdays，多条规则以 | 分隔。",
        )
    rule: Json = {"days": _days(found["days"].lower()), "start": found["start"], "end": found["end"]}
    return rule | ({"calendar": found["calendar"]} if found["calendar"] else {})


def _days(words: str) -> list[str]:
    days: list[str] = []
    for word in words.split(","):
        first, dash, last = word.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise CellError(
                f"Expected days out of {', '.join(_DAYS)}, such as mon,wed or mon-fri.",
                f"应为 {', '.join(_DAYS)} 中的日子，例如 mon,wed 或 mon-fri。",
            )
        begin, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        days.extend(_DAYS[day % len(_DAYS)] for day in range(begin, (end if end >= begin else end + len(_DAYS)) + 1))
    return list(dict.fromkeys(days))


def json(cell: str) -> object:
    """Return a list or an object as JSON writes it."""
    try:
        return parse_json(cell.encode())
    except MalformedJsonError:
        raise CellError('Expected JSON, such as [{"count": 2}].', '应为 JSON，例如 [{"count": 2}]。') from None
    except InvalidProblemError as error:
        detail = error.faults[0].detail
        raise CellError(detail.in_language("en"), detail.in_language("zh-CN")) from None


def or_json(parse: Parse) -> Parse:
    """Return a parser that takes what ``parse`` takes, and the same as JSON."""
    return lambda cell: json(cell) if cell.startswith(("[", "{")) else parse(cell)
