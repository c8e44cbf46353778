"""A problem and its text say the same."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given

import make
from matcher.api import match
from matcher.domain.plans import Problem
from matcher.domain.volunteers import Busy
from matcher.matching.verify.instants import problem_in_utc
from matcher.services import problem_text
from strategies import problems

NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def read(text: bytes) -> Problem:
    return match.to_problem(match.read(text), now=NEVER)


@given(problems())
def test_a_text_is_read_as_the_problem_that_was_written(problem: Problem) -> None:
    assert problem_in_utc(read(b"".join(problem_text.write(problem)))) == problem_in_utc(problem)


@given(problems())
def test_the_text_of_what_was_read_is_the_same_text(problem: Problem) -> None:
    text = b"".join(problem_text.write(problem))
    assert b"".join(problem_text.write(read(text))) == text


def test_places_come_back_to_the_last_digit() -> None:
    point = replace(make.at_m(1), latitude=31.230000000000004, longitude=121.47000000000001)
    problem = make.problem([make.request(point=point)], [make.volunteer(point=point)])
    assert read(b"".join(problem_text.write(problem))).requests[0].point == point


def test_long_lists_are_written_whole() -> None:
    problem = make.problem([], [make.volunteer(f"v{number}") for number in range(2_001)])
    assert read(b"".join(problem_text.write(problem))).volunteers == problem.volunteers


def test_help_promised_before_is_told_from_other_busy_times() -> None:
    promised = Busy(make.clock("10:00"), make.clock("11:00"), make.at_m(5), is_assignment=True)
    problem = make.problem([], [make.volunteer(busy=(promised,))])
    assert read(b"".join(problem_text.write(problem))).volunteers[0].busy == (promised,)
