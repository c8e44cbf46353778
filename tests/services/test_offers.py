"""The life of an offer, and what follows from each step in the same transaction."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

import rows
from lives import START, WAYS, Life, a_request, a_volunteer, audit, count_events, live, run_out
from make import NOW, at_m
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError
from matcher.domain.offers import (
    HOLDING,
    Action,
    AskedAgainError,
    BlockedError,
    CapacityReachedError,
    DeclineReason,
    FilledError,
    OfferStatus,
    RequestClosedError,
    StartDiffersError,
    TooEarlyError,
    TooLateError,
    VolunteerBusyError,
    WithdrawReason,
)
from matcher.services import blocks, offers
from matcher.storage.database import Database
from matcher.storage.tables.outcomes import StepRow
from matcher.storage.tables.people import RequestRow

MINUTE = timedelta(minutes=1)


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


@pytest.fixture(autouse=True)
def nothing_impossible_is_stored(database: Database) -> Iterator[None]:
    yield
    with database.begin() as session:
        faults = [fault for fault in audit(session) if not fault.startswith(("a step without", "a history"))]
    assert faults == []


@pytest.mark.parametrize("status", [status for status, way in WAYS.items() if way and way[-1] is not None])
def test_a_step_that_was_just_taken_is_taken_as_done(
    database: Database, principal: Principal, status: OfferStatus
) -> None:
    life = live(database, principal).reach(status)
    before = life.row.version
    action = WAYS[status][-1]
    assert action is not None
    life.take(action)
    assert life.row.version == before


def test_the_last_place_withdraws_the_others_of_the_wave(database: Database, principal: Principal) -> None:
    request = a_request(database, principal, headcount=2)
    first, second, third = (live(database, principal, request=request) for _ in range(3))
    first.take(Action.ACCEPT)
    assert third.row.status == "offered"
    second.take(Action.ACCEPT)
    assert third.status == OfferStatus.WITHDRAWN
    assert third.row.reason == WithdrawReason.FILLED
    with database.begin() as session:
        assert count_events(session, str(third.id)) == {"offer.withdrawn": 1}


def test_a_full_role_withdraws_the_offers_of_that_role_alone(database: Database, principal: Principal) -> None:
    roles = [{"skills": [], "count": 1, "gender": None}] * 2
    request = a_request(
        database, principal, headcount=2, roles=roles, places=[1, 1], taken=[0, 0], by_role=True, min_headcount=2
    )
    first, rival, other = (live(database, principal, request=request, role=role) for role in (0, 0, 1))
    first.take(Action.ACCEPT)
    assert (rival.status, other.status) == (OfferStatus.WITHDRAWN, OfferStatus.OFFERED)


def test_nobody_accepts_when_every_place_is_taken(database: Database, principal: Principal) -> None:
    request = a_request(database, principal)
    first, late = (live(database, principal, request=request) for _ in range(2))
    late.reach(OfferStatus.EXPIRED)
    first.take(Action.ACCEPT)
    with pytest.raises(FilledError):
        late.take(Action.ACCEPT)


def test_a_late_yes_counts_while_a_place_is_left(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.EXPIRED)
    assert life.request.status == "open"
    life.take(Action.ACCEPT)
    assert life.status == OfferStatus.ACCEPTED
    assert life.request.status == "filled"


def test_a_late_yes_counts_also_before_anybody_noticed_that_it_is_late(
    database: Database, principal: Principal
) -> None:
    life = live(database, principal)
    run_out(database, life.id)
    life.take(Action.ACCEPT)
    with database.begin() as session:
        steps = session.execute(
            select(StepRow.from_status, StepRow.to_status)
            .where(StepRow.offer_no == life.row.no)
            .order_by(StepRow.version)
        ).all()
    assert [tuple(step) for step in steps] == [("offered", "expired"), ("expired", "accepted")]


def test_a_late_yes_does_not_count_for_whoever_has_been_asked_again(database: Database, principal: Principal) -> None:
    request, volunteer = a_request(database, principal, headcount=2), a_volunteer(database, principal)
    late = live(database, principal, request=request, volunteer=volunteer).reach(OfferStatus.EXPIRED)
    newer = live(database, principal, request=request, volunteer=volunteer)
    with pytest.raises(AskedAgainError):
        late.take(Action.ACCEPT)
    newer.take(Action.ACCEPT)
    assert (late.status, newer.status) == (OfferStatus.EXPIRED, OfferStatus.ACCEPTED)


def test_offers_expire_by_the_clock_of_the_database(database: Database, principal: Principal) -> None:
    due, standing = (live(database, principal) for _ in range(2))
    run_out(database, due.id)
    with database.begin() as session:
        # Whatever the caller takes for the time.
        assert offers.expire(session, limit=100, now=NOW - timedelta(days=365)) == 1
    assert (due.status, standing.status) == (OfferStatus.EXPIRED, OfferStatus.OFFERED)
    assert due.request.status == "open"


def test_a_request_is_planned_then_filled_then_in_progress_then_completed(
    database: Database, principal: Principal
) -> None:
    life = live(database, principal)
    seen = [life.request.status]
    for action in (Action.ACCEPT, Action.CHECK_IN, Action.CHECK_OUT):
        life.take(action)
        seen.append(life.request.status)
    assert seen == ["planned", "filled", "in-progress", "completed"]
    assert life.request.closed_reason == "fulfilled"
    with database.begin() as session:
        told = count_events(session, life.request.external_id)
    assert told == {"request.filled": 1, "request.started": 1, "request.completed": 1}


def test_a_request_is_open_again_when_someone_drops_out(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.ACCEPTED)
    life.take(Action.RELEASE, reason=DeclineReason.HEALTH)
    assert (life.request.status, life.request.taken) == ("open", [0])
    assert life.row.reason == "health"


def test_a_request_is_planned_again_when_someone_drops_out_while_others_are_asked(
    database: Database, principal: Principal
) -> None:
    request = a_request(database, principal, headcount=2)
    one, two = (live(database, principal, request=request) for _ in range(2))
    one.take(Action.ACCEPT)
    one.take(Action.RELEASE)
    assert two.request.status == "planned"


def test_a_request_is_in_progress_until_the_last_one_leaves(database: Database, principal: Principal) -> None:
    request = a_request(database, principal, headcount=2)
    lives = [live(database, principal, request=request).reach(OfferStatus.ACCEPTED) for _ in range(2)]
    for each in lives:
        each.take(Action.CHECK_IN)
    lives[0].take(Action.CHECK_OUT)
    assert lives[0].request.status == "in-progress"
    lives[1].take(Action.CHECK_OUT)
    assert lives[0].request.status == "completed"


def test_a_request_is_fulfilled_by_its_least_headcount(database: Database, principal: Principal) -> None:
    request = a_request(database, principal, headcount=2, min_headcount=1)
    came, asked = (live(database, principal, request=request) for _ in range(2))
    came.reach(OfferStatus.COMPLETED)
    assert came.request.status == "completed"
    assert (asked.status, asked.row.reason) == (OfferStatus.WITHDRAWN, WithdrawReason.REQUEST_CLOSED)


def test_a_request_with_too_few_is_open_again(database: Database, principal: Principal) -> None:
    request = a_request(database, principal, headcount=2, min_headcount=2)
    came, missed = (live(database, principal, request=request).reach(OfferStatus.ACCEPTED) for _ in range(2))
    came.take(Action.CHECK_IN)
    missed.take(Action.NO_SHOW)
    came.take(Action.CHECK_OUT)
    assert (came.request.status, came.request.taken) == ("open", [1])


def test_nobody_accepts_for_a_closed_request(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.EXPIRED)
    with database.begin() as session:
        request = session.get_one(RequestRow, life.request_no)
        request.status, request.closed_reason = "cancelled", "cancelled"
    with pytest.raises(RequestClosedError):
        life.take(Action.ACCEPT)


def test_nobody_accepts_once_the_service_has_begun_without_them(database: Database, principal: Principal) -> None:
    life = live(database, principal)
    with pytest.raises(TooLateError):
        life.take(Action.ACCEPT, now=START + 16 * MINUTE)
    life.take(Action.ACCEPT, now=START + 15 * MINUTE)


def test_nobody_accepts_another_start_than_the_others(database: Database, principal: Principal) -> None:
    request = a_request(database, principal, headcount=2)
    first = live(database, principal, request=request)
    late = live(database, principal, request=request, start=START + 60 * MINUTE).reach(OfferStatus.EXPIRED)
    asked = live(database, principal, request=request, start=START + 60 * MINUTE)
    first.take(Action.ACCEPT)
    assert (asked.status, asked.row.reason) == (OfferStatus.WITHDRAWN, WithdrawReason.START_DIFFERS)
    with pytest.raises(StartDiffersError):
        late.take(Action.ACCEPT)


def test_nobody_is_in_two_places_at_once(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    one = live(database, principal, volunteer=volunteer)
    two = live(database, principal, volunteer=volunteer, start=START + 30 * MINUTE)
    one.take(Action.ACCEPT)
    with pytest.raises(VolunteerBusyError):
        two.take(Action.ACCEPT)


def test_the_way_from_one_service_to_the_next_takes_its_time(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal, travel_mode="walk")
    # Two kilometres on foot take half an hour.
    far = at_m(2000)
    request = a_request(database, principal, latitude=far.latitude, longitude=far.longitude)
    live(database, principal, volunteer=volunteer).take(Action.ACCEPT)
    too_soon = live(database, principal, volunteer=volunteer, request=request, start=START + 89 * MINUTE)
    with pytest.raises(VolunteerBusyError):
        too_soon.take(Action.ACCEPT)
    too_soon.take(Action.DECLINE)
    live(database, principal, volunteer=volunteer, request=request, start=START + 90 * MINUTE).take(Action.ACCEPT)


@pytest.mark.parametrize(
    "limit",
    [{"max_assignments_per_day": 1}, {"max_minutes_per_day": 119}, {"max_assignments": 1}, {"max_minutes": 119}],
    ids=str,
)
def test_nobody_takes_on_more_than_they_want(database: Database, principal: Principal, limit: dict[str, int]) -> None:
    volunteer = a_volunteer(database, principal, **limit)
    live(database, principal, volunteer=volunteer).take(Action.ACCEPT)
    second = live(database, principal, volunteer=volunteer, start=START + 120 * MINUTE)
    with pytest.raises(CapacityReachedError):
        second.take(Action.ACCEPT)


def test_a_limit_of_a_day_counts_what_was_given_that_day(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal, max_assignments_per_day=1)
    live(database, principal, volunteer=volunteer).reach(OfferStatus.COMPLETED)
    with pytest.raises(CapacityReachedError):
        live(database, principal, volunteer=volunteer, start=START + 180 * MINUTE).take(Action.ACCEPT)
    live(database, principal, volunteer=volunteer, start=START + timedelta(days=1)).take(Action.ACCEPT)


def test_checking_in_begins_half_an_hour_before_the_start(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.ACCEPTED)
    with pytest.raises(TooEarlyError):
        life.take(Action.CHECK_IN, now=START - 31 * MINUTE)
    life.take(Action.CHECK_IN, now=START - 30 * MINUTE)


def test_nobody_is_missing_within_a_quarter_of_an_hour(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.ACCEPTED)
    with pytest.raises(TooEarlyError):
        life.take(Action.NO_SHOW, now=START + 14 * MINUTE)
    life.take(Action.NO_SHOW, now=START + 15 * MINUTE)


def test_an_offer_without_time_can_go_all_the_way(database: Database, principal: Principal) -> None:
    live(database, principal, start=None).reach(OfferStatus.CONFIRMED)


def test_an_offer_of_another_client_does_not_exist(database: Database, principal: Principal) -> None:
    life = live(database, principal)
    stranger = rows.bearer(database)
    with pytest.raises(NotFoundError):
        Life(database, stranger, life.id, life.request_no, life.volunteer_no, START).take(Action.ACCEPT)


def test_an_offer_outside_the_regions_does_not_exist(database: Database) -> None:
    with database.begin() as session:
        client_no = rows.client(session)
        _, here = rows.key(session, client_no)
        _, elsewhere = rows.key(session, client_no, regions=("3202",))
    life = live(database, here)
    with pytest.raises(NotFoundError):
        Life(database, elsewhere, life.id, life.request_no, life.volunteer_no, START).take(Action.ACCEPT)


def test_a_volunteer_from_across_the_border_can_accept(database: Database) -> None:
    with database.begin() as session:
        _, station = rows.key(session, rows.client(session), regions=("310101",))
        stranger = rows.volunteer(session, station.client_no, region="310104003", max_assignments_per_day=1)
    with database.begin() as session:
        elsewhere = rows.request(session, station.client_no, region="310104003", status="planned")
    everywhere = Principal(station.client_no, station.key_no, station.scopes)
    life = live(database, station, volunteer=stranger)
    life.take(Action.ACCEPT)
    # And what they promised here counts there.
    beyond = live(database, everywhere, request=elsewhere, volunteer=stranger, start=START + 300 * MINUTE)
    with pytest.raises(CapacityReachedError):
        beyond.take(Action.ACCEPT)


def test_cancelling_a_request_ends_everything_that_is_out(database: Database, principal: Principal) -> None:
    request = a_request(database, principal, headcount=3)
    there = live(database, principal, request=request).reach(OfferStatus.IN_PROGRESS)
    coming = live(database, principal, request=request).reach(OfferStatus.ACCEPTED)
    asked = live(database, principal, request=request)
    with database.begin(principal) as session:
        row = session.get_one(RequestRow, request.no)
        offers.withdraw_of_request(session, row, reason=WithdrawReason.REQUEST_CLOSED, now=NOW, principal=principal)
        row.status, row.closed_reason = "cancelled", "cancelled"
    assert [each.status for each in (there, coming, asked)] == ["released", "withdrawn", "withdrawn"]
    assert there.request.taken == [0]


def test_what_a_volunteer_leaves_is_open_again(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    promised = live(database, principal, volunteer=volunteer).reach(OfferStatus.ACCEPTED)
    asked = live(database, principal, volunteer=volunteer, start=START + 300 * MINUTE)
    with database.begin(principal) as session:
        offers.withdraw_of_volunteer(session, volunteer, reason=WithdrawReason.ERASED, now=NOW, principal=principal)
    assert (promised.status, asked.status) == (OfferStatus.WITHDRAWN, OfferStatus.WITHDRAWN)
    assert (promised.request.status, asked.request.status) == ("open", "open")


def test_a_volunteer_who_pauses_keeps_promises(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    promised = live(database, principal, volunteer=volunteer).reach(OfferStatus.ACCEPTED)
    asked = live(database, principal, volunteer=volunteer, start=START + 300 * MINUTE)
    with database.begin(principal) as session:
        offers.withdraw_of_volunteer(
            session,
            volunteer,
            reason=WithdrawReason.VOLUNTEER_PAUSED,
            now=NOW,
            principal=principal,
            statuses=(OfferStatus.OFFERED,),
        )
    assert (promised.status, asked.status) == (OfferStatus.ACCEPTED, OfferStatus.WITHDRAWN)


@pytest.mark.parametrize("status", [OfferStatus.OFFERED, *HOLDING])
def test_a_block_withdraws_what_is_between_the_two(
    database: Database, principal: Principal, status: OfferStatus
) -> None:
    volunteer = a_volunteer(database, principal)
    life = live(
        database, principal, volunteer=volunteer, request=a_request(database, principal, requester="grandma")
    ).reach(status)
    with database.begin(principal) as session:
        assert blocks.add(session, principal, volunteer.external_id, "grandma", now=NOW)
    assert life.status in (OfferStatus.WITHDRAWN, OfferStatus.RELEASED)
    assert life.request.status == "open"


def test_nobody_accepts_after_a_block(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    request = a_request(database, principal, requester="grandma")
    life = live(database, principal, volunteer=volunteer, request=request).reach(OfferStatus.EXPIRED)
    with database.begin(principal) as session:
        blocks.add(session, principal, volunteer.external_id, "grandma", now=NOW)
    with pytest.raises(BlockedError):
        life.take(Action.ACCEPT)
    with database.begin(principal) as session:
        blocks.remove(session, principal, volunteer.external_id, "grandma")
    life.take(Action.ACCEPT)
