"""Strict JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.api.bodies import MalformedJsonError, parse_json, pointer
from matcher.domain.errors import InvalidProblemError

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)  # fmt: skip


@given(_JSON)
def test_what_the_standard_allows_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,\n "b" 2}', "line 2, column 6"),
        (b"[1,\n2,]", "line 2, column "),
        (b"{} {}", "line 1, column 4"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (b'["\xff"]', "line 1, column 3"),
        ('{"ä": "'.encode() + b'\xe4"}', "line 1, column 8"),
        (b'"\xed\xa0\x80"', "line 1, column 2"),
        (b'["a\nb"]', "line 1, column 4"),
        ('{"id": "甲"}'.encode("utf-16"), "line 1, column 1"),
        (b"{'a': 1}", "line 1, column 2"),
    ],
)
def test_broken_json_is_refused_with_line_and_column(body: bytes, place: str) -> None:
    with pytest.raises(MalformedJsonError) as caught:
        parse_json(body)
    assert place in caught.value.detail.in_language("en")
    assert "行" in caught.value.detail.in_language("zh-CN")


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        (b'{"a": [1, NaN]}', "/a/1", "not-finite"),
        (b'{"a": Infinity}', "/a", "not-finite"),
        (b'{"a": -Infinity}', "/a", "not-finite"),
        (b'{"a": 1e999}', "/a", "not-finite"),
        (b'{"a": -1e999}', "/a", "not-finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "/a", "not-finite"),
        (b'{"a": "\\ud800"}', "/a", "lone-surrogate"),
        (b'{"a": "\\udc00x"}', "/a", "lone-surrogate"),
        (b'{"a": {"\\uD800": 1}}', "/a", "lone-surrogate"),
        (b'{"a": [{"b": 1, "c": 2, "b": 3}]}', "/a/0/b", "repeated-name"),
        (b'{"x/y": 1, "x/y": 1}', "/x~1y", "repeated-name"),
        (b"[" * 33 + b"]" * 33, "/0" * 32, "too-deep"),
        (b"[" * 100_000 + b"]" * 100_000, "", "too-deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "", "too-deep"),
    ],
)
def test_json_without_a_safe_meaning_is_refused_with_its_place(body: bytes, where: str, code: str) -> None:
    with pytest.raises(InvalidProblemError) as caught:
        parse_json(body)
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [(where, code)]


def test_the_deepest_nesting_that_is_allowed_is_read() -> None:
    assert parse_json(b"[" * 32 + b"]" * 32) is not None


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_a_pointer_escapes_what_would_break_it() -> None:
    assert pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
