"""Weekly availability becomes instants: by the calendar, by the clock, and twice the same."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.errors import CalendarRangeError
from matcher.domain.windows import (
    Availability,
    DayKind,
    Expander,
    Interval,
    Weekly,
    expand,
    local_day_starts,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
CAIRO = ZoneInfo("Africa/Cairo")
# Among them: clocks that jump at midnight, by half an hour, and over a quarter-hour offset.
ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
    )
]
EVERY_DAY = frozenset(range(7))
MINUTE = timedelta(minutes=1)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def rule(start: str, end: str, days: frozenset[int] = EVERY_DAY, day_kind: DayKind = DayKind.ALL) -> Weekly:
    return Weekly(days, time.fromisoformat(start), time.fromisoformat(end), day_kind)


def shown(intervals: list[Interval], zone: ZoneInfo = SHANGHAI) -> list[tuple[str, str]]:
    """Write the ends as the local clock shows them."""
    clock = "%m-%d %H:%M"
    return [(i.start.astimezone(zone).strftime(clock), i.end.astimezone(zone).strftime(clock)) for i in intervals]


def expanded(rules: list[Weekly], start: str, end: str, zone: ZoneInfo = SHANGHAI) -> list[tuple[str, str]]:
    return shown(expand(Availability(tuple(rules)), at(start, zone), at(end, zone), zone), zone)


def test_without_availability_the_whole_horizon_is_free() -> None:
    start, end = at("2026-11-24 08:00"), at("2026-11-26 08:00")
    assert expand(None, start, end, SHANGHAI) == [Interval(start, end)]
    assert Expander(start, end, SHANGHAI).expand(None) == [(0, 2 * 24 * 60)]


def test_an_availability_without_rules_is_never() -> None:
    start, end = at("2026-11-24 08:00"), at("2026-11-26 08:00")
    assert expand(Availability(), start, end, SHANGHAI) == []
    assert Expander(start, end, SHANGHAI).expand(Availability()) == []


@pytest.mark.parametrize("availability", [None, Availability((rule("00:00", "00:00"),))])
def test_a_horizon_that_ends_before_it_starts_is_empty(availability: Availability | None) -> None:
    start, end = at("2026-11-24 08:00"), at("2026-11-24 07:00")
    assert expand(availability, start, end, SHANGHAI) == []
    assert Expander(start, end, SHANGHAI).expand(availability) == []


def test_a_rule_holds_on_its_weekdays() -> None:
    office = rule("09:00", "17:30", frozenset({0, 2}))
    assert expanded([office], "2026-11-23 00:00", "2026-11-30 00:00") == [
        ("11-23 09:00", "11-23 17:30"),
        ("11-25 09:00", "11-25 17:30"),
    ]


def test_the_horizon_cuts_what_reaches_over_it() -> None:
    assert expanded([rule("09:00", "17:00")], "2026-11-24 10:00", "2026-11-25 12:00") == [
        ("11-24 10:00", "11-24 17:00"),
        ("11-25 09:00", "11-25 12:00"),
    ]


def test_a_worked_saturday_is_a_workday_and_the_next_one_a_holiday() -> None:
    workdays = rule("09:00", "10:00", frozenset({5}), DayKind.WORKDAYS)
    holidays = rule("09:00", "10:00", frozenset({5}), DayKind.HOLIDAYS)
    assert expanded([workdays], "2026-02-14 00:00", "2026-02-22 00:00") == [("02-14 09:00", "02-14 10:00")]
    assert expanded([holidays], "2026-02-14 00:00", "2026-02-22 00:00") == [("02-21 09:00", "02-21 10:00")]


def test_a_weekday_of_the_national_holiday_is_a_holiday() -> None:
    holidays = rule("09:00", "10:00", frozenset({0, 1, 2, 3, 4}), DayKind.HOLIDAYS)
    assert expanded([holidays], "2026-10-06 00:00", "2026-10-10 00:00") == [
        ("10-06 09:00", "10-06 10:00"),
        ("10-07 09:00", "10-07 10:00"),
    ]


def test_a_night_belongs_to_the_day_on_which_it_starts() -> None:
    sunday_night = rule("22:00", "06:00", frozenset({6}))
    assert expanded([sunday_night], "2026-11-23 00:00", "2026-11-30 00:00") == [
        ("11-23 00:00", "11-23 06:00"),
        ("11-29 22:00", "11-30 00:00"),
    ]


def test_the_night_before_a_workday_counts_by_the_holiday_it_starts_on() -> None:
    nights = rule("22:00", "06:00", EVERY_DAY, DayKind.HOLIDAYS)
    assert expanded([nights], "2026-10-07 12:00", "2026-10-09 12:00") == [("10-07 22:00", "10-08 06:00")]


def test_an_end_at_midnight_closes_the_day_and_an_end_at_the_start_lasts_a_day() -> None:
    tuesday = frozenset({1})
    assert expanded([rule("20:00", "00:00", tuesday)], "2026-11-23 00:00", "2026-11-30 00:00") == [
        ("11-24 20:00", "11-25 00:00")
    ]
    assert expanded([rule("08:00", "08:00", tuesday)], "2026-11-23 00:00", "2026-11-30 00:00") == [
        ("11-24 08:00", "11-25 08:00")
    ]


def test_rules_that_touch_or_overlap_become_one_interval() -> None:
    rules = [rule("13:00", "17:00"), rule("09:00", "12:00"), rule("12:00", "13:30")]
    assert expanded(rules, "2026-11-24 00:00", "2026-11-25 00:00") == [("11-24 09:00", "11-24 17:00")]


def test_extra_time_is_added_and_exceptions_are_cut_out_of_all_of_it() -> None:
    availability = Availability(
        weekly=(rule("09:00", "17:00", frozenset({1})),),
        extra=(Interval(at("2026-11-24 16:00"), at("2026-11-24 20:00")),),
        except_=(
            Interval(at("2026-11-24 18:00"), at("2026-11-24 19:00")),
            Interval(at("2026-11-24 10:00"), at("2026-11-24 12:00")),
            Interval(at("2026-11-24 11:00"), at("2026-11-24 11:30")),
        ),
    )
    free = expand(availability, at("2026-11-23 00:00"), at("2026-11-30 00:00"), SHANGHAI)
    assert shown(free) == [
        ("11-24 09:00", "11-24 10:00"),
        ("11-24 12:00", "11-24 18:00"),
        ("11-24 19:00", "11-24 20:00"),
    ]


def test_a_volunteer_elsewhere_keeps_the_clock_of_their_own_zone() -> None:
    availability = Availability((rule("09:00", "10:00"),), time_zone=BERLIN)
    free = expand(availability, at("2026-11-24 00:00"), at("2026-11-25 00:00"), SHANGHAI)
    assert shown(free) == [("11-24 16:00", "11-24 17:00")]


def test_a_time_that_the_clock_skips_is_read_with_the_offset_before_the_gap() -> None:
    night = ("2026-03-29 00:00", "2026-03-29 12:00")
    assert expanded([rule("02:30", "05:00")], *night, BERLIN) == [("03-29 03:30", "03-29 05:00")]
    assert expanded([rule("01:00", "02:30")], *night, BERLIN) == [("03-29 01:00", "03-29 03:30")]
    assert expanded([rule("02:45", "03:15")], *night, BERLIN) == []


def test_a_time_that_the_clock_shows_twice_means_the_first() -> None:
    availability = Availability((rule("02:30", "04:00"), rule("01:00", "02:15")))
    free = expand(availability, at("2026-10-25 00:00", BERLIN), at("2026-10-25 12:00", BERLIN), BERLIN)
    assert free == [
        Interval(datetime(2026, 10, 24, 23, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 15, tzinfo=UTC)),
        Interval(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 3, 0, tzinfo=UTC)),
    ]


def test_a_fold_written_into_a_wall_time_changes_nothing() -> None:
    plain, folded = time(2, 30), time(2, 30, fold=1)
    day = at("2026-10-25 00:00", BERLIN), at("2026-10-25 12:00", BERLIN), BERLIN
    for wall in (plain, folded):
        free = expand(Availability((Weekly(EVERY_DAY, wall, time(4)),)), *day)
        assert [i.start for i in free] == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]
        assert Expander(*day).expand(Availability((Weekly(EVERY_DAY, wall, time(4)),))) == [(150, 300)]


def test_extra_time_in_the_hour_that_the_clock_shows_twice_keeps_its_order() -> None:
    first, second = at("2026-10-25 02:40", BERLIN), at("2026-10-25 02:20", BERLIN).replace(fold=1)
    extra = (Interval(first, first + 10 * MINUTE), Interval(second, second.replace(minute=25)))
    day = at("2026-10-25 02:00", BERLIN), at("2026-10-25 12:00", BERLIN), BERLIN
    assert Expander(*day).expand(Availability(extra=extra)) == [(40, 50), (80, 85)]
    free = expand(Availability(extra=extra), *day)
    assert [i.start for i in free] == [
        datetime(2026, 10, 25, 0, 40, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 20, tzinfo=UTC),
    ]


def test_hours_are_counted_through_a_change_of_the_clock() -> None:
    start, end = at("2026-03-28 12:00", BERLIN), at("2026-03-29 12:00", BERLIN)
    everything = Availability(extra=(Interval(start, end),))
    assert Expander(start, end, BERLIN).expand(everything) == [(0, 23 * 60)]


def test_minutes_are_counted_only_where_they_are_free_throughout() -> None:
    start = at("2026-11-24 08:00") + timedelta(seconds=40)
    expander = Expander(start, start + timedelta(hours=4), SHANGHAI)
    assert expander.expand(Availability((rule("09:00", "10:00"),))) == [(60, 119)]
    short = Interval(start + timedelta(seconds=10), start + timedelta(seconds=110))
    assert expander.expand(Availability(extra=(short,))) == []


def test_working_days_beyond_the_calendar_are_refused_only_where_they_matter() -> None:
    workdays = Availability((rule("09:00", "10:00", EVERY_DAY, DayKind.WORKDAYS),))
    daily = Availability((rule("09:00", "10:00"),))
    new_year = at("2031-01-01 00:00")
    before, after = new_year - timedelta(days=1), new_year + timedelta(days=1)
    assert shown(expand(workdays, before, new_year, SHANGHAI)) == [("12-31 09:00", "12-31 10:00")]
    assert Expander(before, new_year, SHANGHAI).expand(workdays) == [(540, 600)]
    assert len(expand(daily, before, after, SHANGHAI)) == 2
    with pytest.raises(CalendarRangeError, match="2031-01-01"):
        expand(workdays, before, after, SHANGHAI)
    with pytest.raises(CalendarRangeError, match="2031-01-01"):
        Expander(before, after, SHANGHAI).expand(workdays)


def test_days_start_at_local_midnight() -> None:
    assert local_day_starts(at("2026-11-24 08:00"), at("2026-11-26 08:00"), SHANGHAI) == [-480, 960, 2400]


def test_a_day_that_starts_with_the_horizon_starts_at_zero_and_one_at_its_end_is_left_out() -> None:
    assert local_day_starts(at("2026-11-24 00:00"), at("2026-11-26 00:00"), SHANGHAI) == [0, 1440]


def test_the_day_on_which_the_clock_jumps_has_23_hours() -> None:
    assert local_day_starts(at("2026-03-28 00:00", BERLIN), at("2026-03-31 00:00", BERLIN), BERLIN) == [0, 1440, 2820]


def test_a_day_without_midnight_starts_when_the_clock_jumps() -> None:
    starts = local_day_starts(at("2026-04-23 12:00", CAIRO), at("2026-04-25 12:00", CAIRO), CAIRO)
    assert starts == [-720, 720, 720 + 23 * 60]


def test_a_horizon_that_starts_right_after_a_jump_over_midnight_still_lies_on_a_day() -> None:
    toronto = ZoneInfo("America/Toronto")
    # The clock went from 23:30 to 00:30.
    starts = local_day_starts(at("1919-03-31 00:40", toronto), at("1919-03-31 12:00", toronto), toronto)
    assert starts == [-(23 * 60 + 40), 20]


def test_an_empty_horizon_lies_on_one_day() -> None:
    assert local_day_starts(at("2026-11-24 08:00"), at("2026-11-24 08:00"), SHANGHAI) == [-480]


ten_minutes = st.integers(0, 143).map(lambda n: time(n // 6, n % 6 * 10))
walls = st.one_of(ten_minutes, st.times(), st.sampled_from([time(2, 30), time(1, 30), time(0)]))
weekdays = st.frozensets(st.integers(0, 6))
# Around both changes of the clock in Europe, America, Egypt and on Lord Howe, a worked weekend and long holidays.
days = st.sampled_from(
    ["2026-02-13", "2026-03-07", "2026-03-28", "2026-04-04", "2026-04-23", "2026-09-30", "2026-10-03", "2026-10-24",
     "2026-10-29", "2026-10-31"]
)  # fmt: skip


def rules_at(times: st.SearchStrategy[time]) -> st.SearchStrategy[tuple[Weekly, ...]]:
    return st.lists(st.builds(Weekly, weekdays, times, times, st.sampled_from(DayKind)), max_size=5).map(tuple)


@st.composite
def horizons(draw: st.DrawFn) -> tuple[datetime, datetime, ZoneInfo]:
    zone = draw(st.sampled_from(ZONES))
    seconds = st.one_of(st.integers(0, 1440).map(lambda n: n * 60.0), st.floats(0, 86_400))
    start = at(draw(days), zone) + timedelta(seconds=draw(seconds))
    return start, start.astimezone(UTC) + timedelta(days=draw(st.integers(0, 8)), seconds=draw(seconds)), zone


@st.composite
def availabilities(draw: st.DrawFn, start: datetime) -> Availability:
    seconds = st.one_of(st.integers(-3000, 12_000).map(lambda n: n * 60.0), st.floats(-100_000, 800_000))
    moment = seconds.map(lambda s: start.astimezone(UTC) + timedelta(seconds=s))
    intervals = st.lists(st.builds(Interval, moment, moment), max_size=3).map(tuple)
    zone = draw(st.none() | st.sampled_from(ZONES))
    return Availability(draw(rules_at(walls)), draw(intervals), draw(intervals), zone)


@given(data=st.data(), horizon=horizons())
def test_the_fast_way_in_whole_minutes_agrees_with_the_plain_way(
    data: st.DataObject, horizon: tuple[datetime, datetime, ZoneInfo]
) -> None:
    start, end, zone = horizon
    expander = Expander(start, end, zone)
    people = data.draw(st.lists(st.none() | availabilities(start), min_size=1, max_size=3))
    for availability in people:
        origin = start.astimezone(UTC)
        plain = [
            (-((origin - interval.start) // MINUTE), (interval.end - origin) // MINUTE)
            for interval in expand(availability, start, end, zone)
        ]
        assert expander.expand(availability) == [span for span in plain if span[0] < span[1]]


def is_free(availability: Availability, instant: datetime) -> bool:
    """Read the clock on the wall in Shanghai, where it never changes, and look the time up in the rules."""
    clock = instant.astimezone(SHANGHAI)
    today, yesterday, now = clock.date(), clock.date() - timedelta(days=1), clock.time()

    def holds(weekly: Weekly, day: date) -> bool:
        return day.weekday() in weekly.days and weekly.day_kind.holds_on(day)

    def is_in(weekly: Weekly) -> bool:
        if weekly.start < weekly.end:
            return holds(weekly, today) and weekly.start <= now < weekly.end
        return (holds(weekly, today) and weekly.start <= now) or (holds(weekly, yesterday) and now < weekly.end)

    offered = any(map(is_in, availability.weekly)) or any(i.start <= instant < i.end for i in availability.extra)
    return offered and not any(i.start <= instant < i.end for i in availability.except_)


@given(
    day=days,
    rules=rules_at(ten_minutes),
    extra=st.lists(st.tuples(st.integers(-100, 600), st.integers(-100, 600)), max_size=2),
    except_=st.lists(st.tuples(st.integers(-100, 600), st.integers(-100, 600)), max_size=2),
)
def test_each_moment_is_free_exactly_when_the_clock_and_the_rules_say_so(
    day: str, rules: tuple[Weekly, ...], extra: list[tuple[int, int]], except_: list[tuple[int, int]]
) -> None:
    start = at(day)
    moments = [start + n * 10 * MINUTE for n in range(3 * 144)]

    def intervals(spans: list[tuple[int, int]]) -> tuple[Interval, ...]:
        return tuple(Interval(start + a * 10 * MINUTE, start + b * 10 * MINUTE) for a, b in spans)

    availability = Availability(rules, intervals(extra), intervals(except_))
    free = expand(availability, start, start + timedelta(days=3), SHANGHAI)
    assert [any(i.start <= moment < i.end for i in free) for moment in moments] == [
        is_free(availability, moment) for moment in moments
    ]
    assert all(earlier.end < later.start for earlier, later in itertools.pairwise(free))
    assert all(interval.start < interval.end for interval in free)


@given(horizon=horizons(), minute=st.integers(0, 12_000))
def test_each_minute_lies_in_the_day_that_the_clock_shows(
    horizon: tuple[datetime, datetime, ZoneInfo], minute: int
) -> None:
    start, end, zone = horizon
    instant = start.astimezone(UTC) + minute * MINUTE
    starts = local_day_starts(start, end, zone)
    assert starts == sorted(set(starts))
    assert starts[0] <= 0
    if instant < end:
        days_before = sum(begin <= minute for begin in starts) - 1
        assert instant.astimezone(zone).date() == start.date() + timedelta(days=days_before)
