"""A city in the wire form and as a problem: one and the same."""

import io
import json
from datetime import UTC, datetime

import pytest

from matcher.api import match
from matcher.domain.plans import Options
from matcher.simulation import city as cities
from matcher.simulation import city_body, city_problem

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["St", "Sx"])
def test_the_body_read_back_is_the_problem(name: str) -> None:
    city = cities.generate(name, seed=5)
    body = match.read(json.dumps(city_body.to_body(city)).encode())
    assert match.to_problem(body, now=LATER) == city_problem.to_problem(city)


def test_the_written_body_is_the_body() -> None:
    city = cities.generate("St", seed=5)
    written = io.StringIO()
    city_body.write_body(city, written)
    assert json.loads(written.getvalue()) == city_body.to_body(city)


def test_every_request_and_volunteer_has_a_line_of_its_own() -> None:
    written = io.StringIO()
    city_body.write_body(cities.generate("St", seed=5), written)
    assert sum(line.startswith('{"id": ') for line in written.getvalue().splitlines()) == 1_800


def test_the_options_of_the_problem_are_those_asked_for() -> None:
    options = Options(iterations=7, seed=3)
    assert city_problem.to_problem(cities.generate("St"), options).options == options
