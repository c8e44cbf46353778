"""Every line of the log is one JSON object that quotes nobody."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from matcher import telemetry

LOG = logging.getLogger("matcher.tests")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, level = logging.root.handlers, logging.root.level
    written = io.StringIO()
    telemetry.configure("info", written)
    yield written
    logging.root.handlers = handlers
    logging.root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_its_time_level_and_message(stream: io.StringIO) -> None:
    LOG.info("solved in %d ms", 12)
    (line,) = lines(stream)
    assert line["message"] == "solved in 12 ms"
    assert line["level"] == "info"
    assert line["time"].endswith("+00:00")


def test_a_line_below_the_level_is_not_written(stream: io.StringIO) -> None:
    LOG.debug("detail")
    assert lines(stream) == []


def test_a_line_names_the_request_it_belongs_to(stream: io.StringIO) -> None:
    token = telemetry.request_id.set("r-1")
    LOG.info("inside")
    telemetry.request_id.reset(token)
    LOG.info("outside")
    assert [line.get("request_id") for line in lines(stream)] == ["r-1", None]


def test_extra_fields_are_keys_but_places_and_bodies_are_withheld(stream: io.StringIO) -> None:
    LOG.info("done", extra={"status": 200, "latitude": 31.2, "body": "{}"})
    (line,) = lines(stream)
    assert line["status"] == 200
    assert line["latitude"] == line["body"] == "withheld"


def test_an_exception_shows_types_and_frames_but_not_its_text(stream: io.StringIO) -> None:
    try:
        try:
            raise KeyError("Zhengdong street 7")
        except KeyError as error:
            raise RuntimeError("Zhengdong street 7") from error
    except RuntimeError:
        LOG.exception("failed")
    assert "Zhengdong" not in stream.getvalue()
    (line,) = lines(stream)
    assert line["exception"] == ["builtins.RuntimeError", "builtins.KeyError"]
    assert "test_telemetry.py" in line["frames"][0]


def test_a_newline_in_a_message_stays_on_its_line(stream: io.StringIO) -> None:
    LOG.info("one\ntwo")
    assert len(stream.getvalue().splitlines()) == 1
