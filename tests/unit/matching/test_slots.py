"""Better hours for a request, found among those whom nothing but time keeps away."""

import make
from make import NOW, clock, free, interval
from matcher.domain.plans import Problem
from matcher.domain.volunteers import Busy
from matcher.matching import eligibility, slots
from matcher.matching.eligibility import Judgement
from matcher.matching.problem import compile_problem


def judged(problem: Problem) -> Judgement:
    (judgement,) = eligibility.judge(compile_problem(problem), [0])
    return judgement


def starts(problem: Problem, *, most: int = 3) -> list[str]:
    return [f"{hours.start - NOW.replace(hour=0)}" for hours in slots.best_hours(judged(problem), most=most)]


def test_the_hour_at_which_most_have_time_comes_first() -> None:
    people = [
        make.volunteer("v0", availability=free(interval("13:00", "14:00"))),
        make.volunteer("v1", availability=free(interval("15:00", "16:30"))),
        make.volunteer("v2", availability=free(interval("15:00", "16:00"))),
    ]
    assert starts(make.problem([make.request()], people)) == ["15:00:00", "13:00:00"]


def test_services_do_not_overlap() -> None:
    people = [make.volunteer(availability=free(interval("13:00", "14:30")))]
    assert starts(make.problem([make.request()], people)) == ["13:00:00"]


def test_nobody_is_asked_for_the_night_or_for_the_past() -> None:
    people = [make.volunteer(availability=free(interval("04:00", "08:30"), interval("21:30", "23:30")))]
    assert starts(make.problem([make.request()], people)) == []


def test_promised_time_does_not_count() -> None:
    people = [make.volunteer(availability=free(interval("13:00", "14:00")), busy=(busy("13:30", "13:45"),))]
    assert starts(make.problem([make.request()], people)) == []


def test_whoever_lacks_more_than_time_would_not_do() -> None:
    people = [
        make.volunteer("v0", paused=True),
        make.volunteer("v1", availability=free(interval("13:00", "14:00"))),
        make.volunteer("v2"),
        make.volunteer("v3", max_distance_m=100, point=make.at_m(500)),
    ]
    judgement = judged(make.problem([make.request()], people))
    assert slots.would_do(judgement).tolist() == [1, 2]


def test_no_more_hours_than_wanted_are_told() -> None:
    people = [make.volunteer()]
    assert len(starts(make.problem([make.request()], people), most=2)) == 2


def busy(start: str, end: str) -> Busy:
    """Return a time that is promised elsewhere."""
    return Busy(clock(start), clock(end))


def test_ways_to_what_is_promised_count() -> None:
    far = Busy(clock("14:15"), clock("15:00"), make.at_m(10_000))
    people = [make.volunteer(availability=free(interval("13:00", "15:00")), busy=(far,))]
    assert starts(make.problem([make.request()], people)) == []


def test_how_many_come_and_from_how_near_is_told() -> None:
    hours = free(interval("13:00", "14:00"))
    people = [make.volunteer(f"v{n}", availability=hours, point=make.at_m(400 * n)) for n in (1, 2)]
    (found,) = slots.best_hours(judged(make.problem([make.request()], people)), most=3)
    assert (found.volunteers, found.nearest_m) == (2, 400)
