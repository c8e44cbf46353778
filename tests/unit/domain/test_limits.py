"""Quotas that refill."""

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.limits import Bucket, Quota

TEN_A_MINUTE = Quota(10, 60.0)


def emptied() -> Bucket:
    bucket = Bucket(TEN_A_MINUTE, now=0.0)
    assert all(bucket.draw(now=0.0) for _ in range(10))
    return bucket


def test_no_more_than_the_quota_can_be_drawn_at_once() -> None:
    assert not emptied().draw(now=0.0)


def test_it_refills_evenly() -> None:
    bucket = emptied()
    assert bucket.left(now=30.0) == 5
    assert bucket.full_in_s(now=30.0) == 30.0


def test_it_says_how_long_to_wait_for_one() -> None:
    bucket = emptied()
    assert bucket.wait_s(now=1.0) == 5.0
    assert bucket.draw(now=6.0)


def test_it_never_holds_more_than_the_quota() -> None:
    assert Bucket(TEN_A_MINUTE, now=0.0).left(now=3_600.0) == 10


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = emptied()
    assert not bucket.draw(now=-100.0)
    assert bucket.wait_s(now=-100.0) == 6.0


@given(
    count=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 5, allow_nan=False), max_size=200),
)
def test_within_any_time_no_more_is_drawn_than_the_quota_and_what_refilled(count: int, pauses: list[float]) -> None:
    bucket = Bucket(Quota(count, 10.0), now=0.0)
    now, drawn = 0.0, 0
    for pause in pauses:
        now += pause
        drawn += bucket.draw(now=now)
        assert drawn <= count + now * count / 10.0 + 1e-6
