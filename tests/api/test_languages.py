"""Which language an answer is in."""

import pytest

from matcher.api.languages import preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("zh-CN", "zh-CN"),
        ("zh", "zh-CN"),
        ("ZH-Hans-CN", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.6", "zh-CN"),
        ("fr, de;q=0.9, zh;q=0.1", "zh-CN"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=nan", "en"),
        ("zh;q=5", "en"),
        ("zh;q=", "en"),
        (";;,,=", "en"),
    ],
)
def test_the_language_is_the_one_the_caller_likes_best(header: str, language: str) -> None:
    assert preferred(header) == language
