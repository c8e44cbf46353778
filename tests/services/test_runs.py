"""Runs on real rows: what becomes of a plan, and what happens to it when the rows change meanwhile."""

import gzip
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

import matched
import rows
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError, OutsideGrantError, SolverTimeoutError, Text, UnknownRegionError
from matcher.domain.offers import TransitionError
from matcher.domain.runs import PlanMissingError, RunActiveError, RunMode
from matcher.services import publishing, runs
from matcher.storage.database import Database

STREET = rows.REGION
COUNTY = STREET[:6]
CITY = STREET[:4]
ELSEWHERE = "310104"


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def town(database: Database, principal: Principal, *, requests: int = 2, volunteers: int = 2, **parts: Any) -> None:
    """Add requests of the next two days, and volunteers beside them who take on one each."""
    opens_at, closes_at = matched.clock(hours=4), matched.clock(hours=28)
    with database.begin() as session:
        for number in range(requests):
            id_ = f"r{number}"
            rows.request(session, principal.client_no, id_, opens_at=opens_at, closes_at=closes_at, **parts)
        for number in range(volunteers):
            rows.volunteer(session, principal.client_no, f"v{number}", max_assignments=1)


def execute(database: Database, principal: Principal, statement: str, **values: Any) -> None:
    with database.begin() as session:
        session.execute(text(statement), {"c": principal.client_no, **values})


def fetch(database: Database, principal: Principal, statement: str) -> list[Any]:
    with database.begin() as session:
        return [tuple(row) for row in session.execute(text(statement), {"c": principal.client_no})]


def plan_of(database: Database, principal: Principal, run_id: UUID) -> Any:
    with database.begin(principal) as session:
        return json.loads(gzip.decompress(runs.get_plan(session, principal, run_id)))


def assigned(plan: Any) -> list[tuple[str, str]]:
    return [(item["request_id"], item["volunteer_id"]) for item in plan["assignments"]]


def test_a_preview_has_a_plan_and_makes_no_offers(database: Database, principal: Principal) -> None:
    town(database, principal)
    run_id = matched.solve(database, principal)
    row = matched.find(database, principal, run_id)
    assert (row.status, row.offer_count, row.published_at) == ("succeeded", 0, None)
    assert len(assigned(plan_of(database, principal, run_id))) == 2
    assert matched.offers_of(database, run_id) == []


def test_a_published_run_makes_an_offer_of_each_assignment(database: Database, principal: Principal) -> None:
    town(database, principal)
    run_id = matched.solve(database, principal, mode=RunMode.PUBLISH)
    planned = assigned(plan_of(database, principal, run_id))
    assert len(planned) == 2
    assert matched.offers_of(database, run_id) == [(*pair, "offered") for pair in planned]
    statuses = "SELECT status, version, taken FROM requests WHERE client_no = :c"
    assert fetch(database, principal, statuses) == [("planned", 2, [0])] * 2


def test_a_publication_is_told_step_by_step(database: Database, principal: Principal) -> None:
    town(database, principal)
    matched.solve(database, principal, mode=RunMode.PUBLISH)
    told = "SELECT type, count(*) FROM events WHERE client_no = :c GROUP BY 1 ORDER BY 1"
    assert fetch(database, principal, told) == [
        ("offer.offered", 2),
        ("request.planned", 2),
        ("run.published", 1),
        ("run.started", 1),
        ("run.succeeded", 1),
    ]
    steps = "SELECT version, from_status, to_status FROM steps WHERE client_no = :c"
    assert fetch(database, principal, steps) == [(1, None, "offered")] * 2


def test_an_offer_of_a_later_day_stands_for_six_hours(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        opens_at, closes_at = matched.clock(hours=60), matched.clock(hours=80)
        rows.request(session, principal.client_no, "r", opens_at=opens_at, closes_at=closes_at)
        rows.volunteer(session, principal.client_no, "v")
    matched.solve(database, principal, mode=RunMode.PUBLISH)
    stands = "SELECT extract(epoch FROM expires_at - offered_at)::int FROM offers WHERE client_no = :c"
    assert fetch(database, principal, stands) == [(6 * 3600,)]


def test_an_offer_never_stands_beyond_its_start(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        opens_at, closes_at = matched.clock(hours=-3), matched.clock(hours=9)
        rows.request(session, principal.client_no, "r", opens_at=opens_at, closes_at=closes_at)
        rows.volunteer(session, principal.client_no, "v")
    matched.solve(database, principal, mode=RunMode.PUBLISH)
    assert fetch(database, principal, "SELECT expires_at <= starts_at FROM offers WHERE client_no = :c") == [(True,)]


def test_what_is_offered_is_kept_in_the_next_plan(database: Database, principal: Principal) -> None:
    town(database, principal, requests=1, volunteers=3, headcount=2)
    first = assigned(plan_of(database, principal, matched.solve(database, principal, mode=RunMode.PUBLISH)))
    execute(database, principal, "UPDATE offers SET status = 'withdrawn' WHERE client_no = :c AND no % 2 = 0")
    plan = plan_of(database, principal, matched.solve(database, principal, mode=RunMode.PUBLISH))
    kept = [item["volunteer_id"] for item in plan["assignments"] if item["pinned"]]
    assert len(kept) == 1
    assert ("r0", kept[0]) in first
    assert len({item["start"] for item in plan["assignments"]}) == 1


def test_a_request_with_an_offer_for_every_place_is_left_alone(database: Database, principal: Principal) -> None:
    town(database, principal, requests=1, volunteers=2)
    matched.solve(database, principal, mode=RunMode.PUBLISH)
    again = matched.solve(database, principal, mode=RunMode.PUBLISH)
    assert plan_of(database, principal, again)["assignments"] == []
    assert matched.offers_of(database, again) == []


@pytest.mark.parametrize("status", ["declined", "released", "no-show", "expired"])
def test_whoever_did_not_take_it_is_not_asked_the_same_again(
    database: Database, principal: Principal, status: str
) -> None:
    town(database, principal, requests=1, volunteers=2)
    first = matched.offers_of(database, matched.solve(database, principal, mode=RunMode.PUBLISH))
    execute(database, principal, "UPDATE offers SET status = :s WHERE client_no = :c", s=status)
    second = matched.offers_of(database, matched.solve(database, principal, mode=RunMode.PUBLISH))
    assert {volunteer for _, volunteer, _ in first} & {volunteer for _, volunteer, _ in second} == set()
    assert len(second) == 1


CHANGES = {
    "request-closed": "UPDATE requests SET status = 'cancelled', closed_reason = 'cancelled' WHERE client_no = :c",
    "request-changed": "UPDATE requests SET version = version + 1, content_hash = 'new' WHERE client_no = :c",
    "volunteer-paused": "UPDATE volunteers SET paused = true WHERE client_no = :c",
    "volunteer-changed": "UPDATE volunteers SET version = version + 1 WHERE client_no = :c",
    "filled": "UPDATE requests SET taken = places WHERE client_no = :c",
    "blocked": (
        "INSERT INTO blocks (client_no, region, volunteer_no, requester)"
        " SELECT client_no, region, no, 'anna' FROM volunteers WHERE client_no = :c"
    ),
    "asked-before": (
        "INSERT INTO offers (client_no, region, request_no, volunteer_no, status, cost_terms, expires_at)"
        " SELECT r.client_no, r.region, r.no, v.no, 'declined', '{}', now() FROM requests r, volunteers v"
        " WHERE r.client_no = :c AND v.client_no = :c"
    ),
}


@pytest.mark.parametrize("code", CHANGES)
def test_what_changed_while_it_was_solved_is_left_out(database: Database, principal: Principal, code: str) -> None:
    town(database, principal, requests=1, volunteers=1, requester="anna")
    row = matched.create(database, principal, mode=RunMode.PUBLISH)
    work, solved = matched.take_up(database, row)
    execute(database, principal, CHANGES[code])
    with database.begin() as session:
        published = runs.finish(session, work, solved)
    assert published is not None
    assert [(item.request_id, item.volunteer_id, item.code) for item in published.left_out] == [("r0", "v0", code)]
    found = matched.find(database, principal, row.id)
    assert (found.offer_count, found.left_out_count) == (0, 1)
    assert matched.offers_of(database, row.id) == []


def test_a_volunteer_who_was_asked_elsewhere_meanwhile_is_left_out(database: Database, principal: Principal) -> None:
    town(database, principal, requests=1, volunteers=1)
    work, solved = matched.take_up(database, matched.create(database, principal, mode=RunMode.PUBLISH))
    with database.begin() as session:
        other = rows.request(session, principal.client_no, "other", region=ELSEWHERE)
        [volunteer] = session.execute(
            text("SELECT no, client_no FROM volunteers WHERE client_no = :c"), {"c": principal.client_no}
        )
        rows.offer(session, other, volunteer)  # type: ignore[arg-type]
    with database.begin() as session:
        published = runs.finish(session, work, solved)
    assert published is not None
    assert [item.code for item in published.left_out] == ["volunteer-busy"]


def test_a_place_that_was_taken_meanwhile_leaves_the_others_to_the_cheapest(
    database: Database, principal: Principal
) -> None:
    town(database, principal, requests=1, volunteers=2, headcount=2, min_headcount=1)
    row = matched.create(database, principal, mode=RunMode.PUBLISH)
    work, solved = matched.take_up(database, row)
    assert len(solved.placements) == 2
    execute(database, principal, "UPDATE requests SET taken = ARRAY[1]::smallint[] WHERE client_no = :c")
    with database.begin() as session:
        published = runs.finish(session, work, solved)
    assert published is not None
    assert (published.offers, [item.code for item in published.left_out]) == (1, ["filled"])


def test_a_preview_is_published_later_as_it_is(database: Database, principal: Principal) -> None:
    town(database, principal)
    run_id = matched.solve(database, principal)
    published = matched.publish_later(database, principal, run_id)
    assert (published.offers, list(published.left_out)) == (2, [])
    row = matched.find(database, principal, run_id)
    assert (row.mode, row.stage, row.offer_count) == ("publish", None, 2)
    assert row.published_at is not None


LATER = {
    "too-far": "UPDATE volunteers SET latitude = 32, max_distance_m = 500, version = 2 WHERE client_no = :c",
    "skill-missing": (
        "UPDATE requests SET roles = jsonb_set(roles, '{0,skills}', jsonb_build_array(jsonb_build_object("
        "'code', 'nursing', 'level', 1))), version = 2 WHERE client_no = :c"
    ),
    "paused": "UPDATE volunteers SET paused = true, version = 2 WHERE client_no = :c",
    "volunteer-gone": "UPDATE volunteers SET external_id = 'another' WHERE client_no = :c",
    "request-closed": "UPDATE requests SET status = 'cancelled', closed_reason = 'cancelled' WHERE client_no = :c",
    "outside-window": (
        "UPDATE requests SET windows = jsonb_set(windows, '{0,start}', to_jsonb(opens_at + interval '20 hours'))"
        " WHERE client_no = :c"
    ),
}


@pytest.mark.parametrize("code", LATER)
def test_what_does_not_hold_any_more_is_left_out_of_a_later_publication(
    database: Database, principal: Principal, code: str
) -> None:
    town(database, principal, requests=1, volunteers=1)
    run_id = matched.solve(database, principal)
    execute(database, principal, LATER[code])
    published = matched.publish_later(database, principal, run_id)
    assert [item.code for item in published.left_out] == [code]
    assert matched.offers_of(database, run_id) == []


def test_a_change_that_does_no_harm_keeps_nothing_from_being_published_later(
    database: Database, principal: Principal
) -> None:
    town(database, principal, requests=1, volunteers=1)
    run_id = matched.solve(database, principal)
    execute(database, principal, "UPDATE volunteers SET version = 7, recent_minutes = 100 WHERE client_no = :c")
    assert matched.publish_later(database, principal, run_id).offers == 1


def test_two_services_that_do_not_go_together_any_more_are_not_both_published(
    database: Database, principal: Principal
) -> None:
    town(database, principal, volunteers=0)
    with database.begin() as session:
        rows.volunteer(session, principal.client_no, "v", max_assignments=2)
    run_id = matched.solve(database, principal)
    execute(database, principal, "UPDATE volunteers SET max_assignments = 1, version = 2 WHERE client_no = :c")
    published = matched.publish_later(database, principal, run_id)
    assert (published.offers, [item.code for item in published.left_out]) == (1, ["capacity-reached"])


def test_a_plan_is_published_once(database: Database, principal: Principal) -> None:
    town(database, principal)
    run_id = matched.solve(database, principal, mode=RunMode.PUBLISH)
    with database.begin(principal) as session:
        again = publishing.publish(session, principal, run_id)
    assert (again.stage, again.offer_count) == (None, 2)


@pytest.mark.parametrize(
    ("first", "second"), [(STREET, STREET), (COUNTY, STREET), (STREET, COUNTY), (STREET, CITY), ("31", STREET)]
)
def test_one_run_at_a_time_works_on_a_region(database: Database, principal: Principal, first: str, second: str) -> None:
    active = matched.create(database, principal, region=first)
    with pytest.raises(RunActiveError) as refused:
        matched.create(database, principal, region=second)
    assert refused.value.active == str(active.id)


def test_neighbours_are_matched_at_the_same_time(database: Database, principal: Principal) -> None:
    matched.create(database, principal, region=COUNTY)
    assert matched.create(database, principal, region=ELSEWHERE).status == "queued"


def test_other_clients_are_matched_at_the_same_time(database: Database, principal: Principal) -> None:
    matched.create(database, principal)
    assert matched.create(database, rows.bearer(database)).status == "queued"


def test_a_run_that_is_over_makes_room_for_the_next(database: Database, principal: Principal) -> None:
    matched.solve(database, principal)
    assert matched.create(database, principal, region=COUNTY).status == "queued"


def test_an_active_run_above_the_grants_is_not_named(database: Database) -> None:
    above = rows.bearer(database, client_id="both")
    below = rows.bearer(database, client_id="both", regions=(STREET,))
    matched.create(database, above, region=COUNTY)
    with pytest.raises(RunActiveError) as refused:
        matched.create(database, below)
    assert refused.value.active is None


def test_a_region_outside_the_grants_is_refused(database: Database) -> None:
    with pytest.raises(OutsideGrantError):
        matched.create(database, rows.bearer(database, regions=(ELSEWHERE,)))


def test_a_region_that_does_not_exist_is_refused(database: Database, principal: Principal) -> None:
    with pytest.raises(UnknownRegionError):
        matched.create(database, principal, region="99")


def test_another_region_s_run_is_not_found(database: Database) -> None:
    run_id = matched.solve(database, rows.bearer(database, client_id="one"))
    with pytest.raises(NotFoundError):
        matched.find(database, rows.bearer(database, client_id="one", regions=(ELSEWHERE,)), run_id)
    with pytest.raises(NotFoundError):
        matched.find(database, rows.bearer(database, client_id="another"), run_id)
    with pytest.raises(NotFoundError):
        matched.find(database, rows.bearer(database, client_id="one"), uuid4())


def test_a_run_that_waits_is_cancelled_at_once(database: Database, principal: Principal) -> None:
    row = matched.create(database, principal)
    with database.begin(principal) as session:
        assert runs.cancel(session, principal, row.id).status == "cancelled"
    with database.begin() as session:
        assert runs.claim(session, row.no) is None
    with pytest.raises(PlanMissingError):
        plan_of(database, principal, row.id)


def test_a_run_that_is_cancelled_at_work_keeps_its_plan_and_publishes_nothing(
    database: Database, principal: Principal
) -> None:
    town(database, principal)
    row = matched.create(database, principal, mode=RunMode.PUBLISH)
    work, solved = matched.take_up(database, row)
    for _ in range(2):
        with database.begin(principal) as session:
            assert runs.cancel(session, principal, row.id).status == "running"
    with database.begin() as session:
        assert runs.report(session, work, stage="schedule", fraction=0.5) is True
        runs.finish(session, work, solved)
    assert matched.find(database, principal, row.id).status == "cancelled"
    assert len(assigned(plan_of(database, principal, row.id))) == 2
    assert matched.offers_of(database, row.id) == []


def test_what_is_over_cannot_be_cancelled(database: Database, principal: Principal) -> None:
    run_id = matched.solve(database, principal)
    with database.begin(principal) as session, pytest.raises(TransitionError):
        runs.cancel(session, principal, run_id)


def test_only_the_latest_attempt_ends_a_run(database: Database, principal: Principal) -> None:
    town(database, principal)
    row = matched.create(database, principal, mode=RunMode.PUBLISH)
    stopped, early = matched.take_up(database, row)
    latest, solved = matched.take_up(database, row)
    with database.begin() as session:
        assert runs.report(session, stopped, stage="schedule", fraction=0.1) is None
        assert runs.finish(session, stopped, early) is None
    with database.begin() as session:
        assert runs.finish(session, latest, solved) is not None
    with database.begin() as session:
        assert runs.finish(session, stopped, early) is None
        assert runs.finish(session, latest, solved) is None
        runs.fail(session, stopped, SolverTimeoutError(Text(en="late", zh="late")))
    assert matched.find(database, principal, row.id).status == "succeeded"
    assert len(matched.offers_of(database, row.id)) == 2


def test_a_failed_run_says_why_and_leaves_nothing_behind(database: Database, principal: Principal) -> None:
    town(database, principal)
    row = matched.create(database, principal, mode=RunMode.PUBLISH)
    work, _ = matched.take_up(database, row)
    with database.begin() as session:
        runs.fail(session, work, SolverTimeoutError(Text(en="too long", zh="超时")))
    found = matched.find(database, principal, row.id)
    assert (found.status, found.error) == ("failed", {"code": "solver-timeout", "en": "too long", "zh": "超时"})
    assert fetch(database, principal, "SELECT count(*) FROM snapshots WHERE client_no = :c") == [(0,)]
    assert matched.offers_of(database, row.id) == []


def test_a_run_that_never_ends_is_given_up(database: Database, principal: Principal) -> None:
    row = matched.create(database, principal)
    matched.take_up(database, row)
    with database.begin() as session:
        runs.give_up(session, row.no)
    assert matched.find(database, principal, row.id).status == "failed"
