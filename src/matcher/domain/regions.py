"""The tree of provinces, cities, counties and streets; the code of a region begins with those of its ancestors.

The table is data: ``data/regions.csv.gz``, sorted by level and code; ``data/ORIGIN.md`` says where
it is from. A code has 2, 4, 6 or 9 digits and is never padded: a county that takes the place of its
city is ``441900``, the city itself ``4419``.
"""

import gzip
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

from matcher.domain.errors import Text, UnknownRegionError

__all__ = ["EDITION", "Region", "RegionLevel", "ancestors", "children", "exists", "find", "get", "unknown"]

EDITION: Final = "2023-06-30"


class RegionLevel(StrEnum):
    """How far down the tree a region is."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"


# Digits of a code, from the top down.
_DIGITS: Final = {RegionLevel.PROVINCE: 2, RegionLevel.CITY: 4, RegionLevel.COUNTY: 6, RegionLevel.STREET: 9}
_LEVEL_OF_DIGITS: Final = {digits: level for level, digits in _DIGITS.items()}
_PARENT_DIGITS: Final = {4: 2, 6: 4, 9: 6}
_CHILD_DIGITS: Final = {parent: child for child, parent in _PARENT_DIGITS.items()}


@dataclass(frozen=True, slots=True)
class Region:
    """One region; ``parent`` is the code of the one above, None for a province."""

    code: str
    name: str
    level: RegionLevel
    parent: str | None


@dataclass(frozen=True, slots=True)
class _Level:
    """All regions of one level: numbers instead of texts, since the whole tree stays in memory.

    ``codes`` ascend; the name of entry ``i`` is ``names[ends[i] : ends[i + 1]]``.
    """

    codes: "array[int]"
    names: str
    ends: "array[int]"


def exists(code: str) -> bool:
    """Tell whether a region has this code."""
    return _index(code) is not None


def find(code: str) -> Region | None:
    """Return the region of a code, or None if there is none."""
    index = _index(code)
    return None if index is None else _region(len(code), index)


def get(code: str) -> Region:
    """Return the region of a code.

    Raises
    ------
    UnknownRegionError
        If there is none; the detail names the nearest ancestor that is known.
    """
    region = find(code)
    if region is None:
        raise UnknownRegionError(unknown(code))
    return region


def unknown(code: str) -> Text:
    """Return the sentence that refuses a code: what is known of it, and what a code looks like."""
    nearest = next((region for digits in (6, 4, 2) if digits < len(code) and (region := find(code[:digits]))), None)
    if nearest is None:
        return Text(
            en="No region has this code. A code has 2, 4, 6 or 9 digits, such as 310101002; see /v1/regions.",
            zh="没有该区划代码。区划代码为 2、4、6 或 9 位数字，例如 310101002；参见 /v1/regions。",
        )
    return Text(
        en=(
            "No region has this code (edition {edition}); the nearest known is {code}, {name}."
            " See /v1/regions?parent={code}."
        ),
        zh="没有该区划代码（{edition} 版）；最近的已知上级为 {code} {name}。参见 /v1/regions?parent={code}。",
        values={"edition": EDITION, "code": nearest.code, "name": nearest.name},
    )


def children(code: str | None) -> list[Region]:
    """Return the regions right below one, by code; below None are the provinces.

    Raises
    ------
    UnknownRegionError
        If there is no such region.
    """
    if code is None:
        top = _DIGITS[RegionLevel.PROVINCE]
        return [_region(top, index) for index in range(len(_tree()[top].codes))]
    get(code)
    digits = _CHILD_DIGITS.get(len(code))
    if digits is None:
        return []
    codes = _tree()[digits].codes
    step = 10 ** (digits - len(code))
    first, end = (bisect_left(codes, number * step) for number in (int(code), int(code) + 1))
    return [_region(digits, index) for index in range(first, end)]


def ancestors(code: str) -> list[Region]:
    """Return the regions above one, from the province down.

    Raises
    ------
    UnknownRegionError
        If there is no such region.
    """
    get(code)
    return [get(code[:digits]) for digits in _DIGITS.values() if digits < len(code)]


def _index(code: str) -> int | None:
    """Return the position of a code in its level."""
    # Not isdigit alone: it takes digits of every script, which int reads too.
    if len(code) not in _LEVEL_OF_DIGITS or not (code.isascii() and code.isdigit()):
        return None
    codes = _tree()[len(code)].codes
    number = int(code)
    index = bisect_left(codes, number)
    return index if index < len(codes) and codes[index] == number else None


def _region(digits: int, index: int) -> Region:
    level = _tree()[digits]
    code = str(level.codes[index])
    name = level.names[level.ends[index] : level.ends[index + 1]]
    parent_digits = _PARENT_DIGITS.get(digits)
    return Region(code, name, _LEVEL_OF_DIGITS[digits], None if parent_digits is None else code[:parent_digits])


@cache
def _tree() -> dict[int, _Level]:
    """Return the levels by the digits of their codes: 0.8 MB for all of China, read in a few hundredths of a second."""
    codes = {digits: array("I") for digits in _LEVEL_OF_DIGITS}
    ends = {digits: array("I", [0]) for digits in _LEVEL_OF_DIGITS}
    names: dict[int, list[str]] = {digits: [] for digits in _LEVEL_OF_DIGITS}
    packed = resources.files("matcher.domain").joinpath("data", "regions.csv.gz")
    with packed.open("rb") as file, gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            code, _, name = line.rstrip("\n").partition(",")
            digits = len(code)
            codes[digits].append(int(code))
            ends[digits].append(ends[digits][-1] + len(name))
            names[digits].append(name)
    return {digits: _Level(codes[digits], "".join(names[digits]), ends[digits]) for digits in _LEVEL_OF_DIGITS}
