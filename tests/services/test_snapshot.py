"""A problem is what the rows say: compared with a plain reading of them that shares no code with ours."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matched
import rows
from make import METRES_A_DEGREE
from matcher.domain.access import Principal
from matcher.domain.plans import Problem
from matcher.domain.requests import HelpRequest
from matcher.domain.volunteers import Volunteer
from matcher.storage.database import Database, Session
from matcher.storage.tables.outcomes import RecordRow
from matcher.storage.tables.people import BlockRow, RequestRow, SkillRow, VolunteerRow

STREET = rows.REGION
NEXT_STREET = "310101015"
ANOTHER_CITY = "320102002"
HOUR = timedelta(hours=1)
STATUSES = (
    *("offered", "overdue", "accepted", "in-progress", "declined", "released", "no-show", "expired"),
    *("withdrawn", "completed", "confirmed"),
)
STANDING = {"offered", "accepted", "in-progress"}


@dataclass(frozen=True)
class Asked:
    """A request, as it is drawn; its window begins so many hours from now."""

    status: str
    verified: bool
    region: str
    begins_h: int
    headcount: int
    requester: str | None

    def is_matched(self, standing: int) -> bool:
        in_horizon = -3 < self.begins_h < 7 * 24
        is_open = self.status in ("open", "planned") and self.verified
        return is_open and in_horizon and self.region == STREET and standing < self.headcount


@dataclass(frozen=True)
class Person:
    """A volunteer, as they are drawn; every request is at one place, and they live so far from it."""

    region: str
    metres: int
    radius: int | None
    paused: bool
    most: int | None
    has_certificate: bool
    blocked: bool

    def is_matched(self, *, is_anybody_asking: bool) -> bool:
        is_near = is_anybody_asking and self.radius is not None and self.metres <= self.radius
        return not self.paused and (self.region == STREET or is_near)


@dataclass(frozen=True)
class Told:
    """An offer, as it is drawn: between a request and a volunteer, by their numbers."""

    request: int
    volunteer: int
    status: str

    @property
    def stands(self) -> bool:
        return self.status in STANDING

    def is_refusal(self, begins_h: int) -> bool:
        silent = self.status in ("expired", "overdue") and begins_h > 0
        return silent or self.status in ("declined", "released", "no-show")

    def is_done_lately(self, begins_h: int) -> bool:
        return self.status in ("completed", "confirmed") and begins_h > -36


@dataclass(frozen=True)
class World:
    requests: tuple[Asked, ...]
    volunteers: tuple[Person, ...]
    offers: tuple[Told, ...]

    def standing(self, request: int) -> list[int]:
        return sorted(offer.volunteer for offer in self.offers if offer.request == request and offer.stands)

    def matched(self) -> list[int]:
        return [n for n, asked in enumerate(self.requests) if asked.is_matched(len(self.standing(n)))]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    # Hours differ from request to request, so that nobody is in two places.
    hours = [draw(st.sampled_from((5 + 4 * n, 5 + 4 * n, -2, -10 - 4 * n, -100 - 4 * n, 500))) for n in range(4)]
    requests = tuple(
        Asked(
            status=draw(st.sampled_from(("open", "open", "planned", "filled", "cancelled"))),
            verified=draw(st.sampled_from((True, True, False))),
            region=draw(st.sampled_from((STREET, STREET, NEXT_STREET))),
            begins_h=hours[n],
            headcount=draw(st.integers(1, 3)),
            requester=draw(st.sampled_from((None, "anna"))),
        )
        for n in range(draw(st.integers(1, 4)))
    )
    volunteers = tuple(
        Person(
            region=draw(st.sampled_from((STREET, STREET, NEXT_STREET, ANOTHER_CITY))),
            metres=draw(st.sampled_from((300, 3_000, 30_000))),
            radius=draw(st.sampled_from((None, 1_000, 10_000))),
            paused=draw(st.sampled_from((False, False, True))),
            most=draw(st.sampled_from((None, 1, 5))),
            has_certificate=draw(st.booleans()),
            blocked=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 4)))
    )
    pairs = st.tuples(st.integers(0, len(requests) - 1), st.integers(0, len(volunteers) - 1))
    chosen = draw(st.lists(pairs, unique=True, max_size=8))
    used: set[tuple[int, int]] = set()
    offers = []
    for request, volunteer in chosen:
        status = draw(st.sampled_from(STATUSES))
        if (volunteer, hours[request]) not in used:
            used.add((volunteer, hours[request]))
            offers.append(Told(request, volunteer, status))
    return World(requests, volunteers, tuple(offers))


def store(session: Session, client_no: int, world: World, now: datetime) -> None:
    place = {"latitude": 31.23, "longitude": 121.47}
    session.add(SkillRow(client_no=client_no, external_id="nursing", needs_certificate=True))
    people = [_person(session, client_no, f"v{n}", person) for n, person in enumerate(world.volunteers)]
    asked = []
    for n, request in enumerate(world.requests):
        begins = now + request.begins_h * HOUR
        parts: dict[str, Any] = {
            "region": request.region,
            "status": request.status,
            "verified": request.verified,
            "requester": request.requester,
            "closed_reason": "cancelled" if request.status == "cancelled" else None,
            "headcount": request.headcount,
            "opens_at": begins,
            "closes_at": begins + 3 * HOUR,
            **place,
        }
        asked.append(rows.request(session, client_no, f"r{n}", **parts))
    for offer in world.offers:
        _offer(session, asked[offer.request], people[offer.volunteer], offer.status, now)


def _person(session: Session, client_no: int, id_: str, person: Person) -> VolunteerRow:
    until = "2099-12-31" if person.has_certificate else None
    row = rows.volunteer(
        session,
        client_no,
        id_,
        region=person.region,
        latitude=31.23 + person.metres / METRES_A_DEGREE,
        longitude=121.47,
        max_distance_m=person.radius,
        max_assignments=person.most,
        paused=person.paused,
        recent_minutes=7,
        skills=[{"code": "nursing", "level": 2, "valid_until": until}, {"code": "cooking", "level": 1}],
        skill_codes=["cooking", "nursing"],
    )
    if person.blocked:
        session.add(BlockRow(client_no=client_no, region=person.region, volunteer_no=row.no, requester="anna"))
    return row


def _offer(session: Session, request: RequestRow, volunteer: VolunteerRow, status: str, now: datetime) -> None:
    begins = request.opens_at
    offer = rows.offer(
        session,
        request,
        volunteer,
        status="offered" if status == "overdue" else status,
        starts_at=begins,
        expires_at=datetime.now(UTC) + (-HOUR if status == "overdue" else HOUR),
    )
    if status in ("completed", "confirmed") and offer.starts_at and offer.ends_at:
        ends_at = now - timedelta(days=5 if status == "completed" else 40)
        session.add(
            RecordRow(
                client_no=request.client_no,
                region=request.region,
                offer_no=offer.no,
                request_no=request.no,
                volunteer_no=volunteer.no,
                starts_at=ends_at - HOUR,
                ends_at=ends_at,
                minutes=45,
            )
        )


@given(world=worlds())
@settings(max_examples=40)
def test_a_problem_is_what_the_rows_say(database: Database, world: World) -> None:
    principal = rows.bearer(database)
    now = matched.clock()
    with database.begin() as session:
        store(session, principal.client_no, world, now)
    scene = matched.scene(principal, horizon_start=now, horizon_end=now + timedelta(days=7))
    problem = matched.make(database, scene, now=now).problem
    chosen = world.matched()
    assert [request.id for request in problem.requests] == [f"r{n}" for n in chosen]
    pinned = {(n, volunteer) for n in chosen for volunteer in world.standing(n)}
    assert {(int(pin.request_id[1:]), int(pin.volunteer_id[1:])) for pin in problem.pinned} == pinned
    asking = {n for n, asked in enumerate(world.requests) if asked.is_matched(0)}
    bound = {offer.volunteer for offer in world.offers if offer.stands and offer.request in asking}
    near = {n for n, person in enumerate(world.volunteers) if person.is_matched(is_anybody_asking=bool(asking))}
    known = sorted(bound | near)
    assert [volunteer.id for volunteer in problem.volunteers] == [f"v{n}" for n in known]
    for request in problem.requests:
        assert set(request.excluded_volunteers) == _excluded(world, int(request.id[1:]), known)
    for volunteer in problem.volunteers:
        _check_volunteer(world, volunteer, now, pinned)


def _excluded(world: World, request: int, known: list[int]) -> set[str]:
    asked = world.requests[request]
    refused = {o.volunteer for o in world.offers if o.request == request and o.is_refusal(asked.begins_h)}
    blocked = {n for n, person in enumerate(world.volunteers) if person.blocked and asked.requester == "anna"}
    return {f"v{n}" for n in (refused | blocked) & set(known)}


def _check_volunteer(world: World, volunteer: Volunteer, now: datetime, pinned: set[tuple[int, int]]) -> None:
    n = int(volunteer.id[1:])
    person = world.volunteers[n]
    own = [offer for offer in world.offers if offer.volunteer == n]
    promised = [
        now + world.requests[offer.request].begins_h * HOUR
        for offer in own
        if (offer.request, n) not in pinned
        and (offer.stands or offer.is_done_lately(world.requests[offer.request].begins_h))
    ]
    assert [busy.start for busy in volunteer.busy] == sorted(promised)
    assert all(busy.is_assignment and busy.end - busy.start == HOUR and busy.point for busy in volunteer.busy)
    recent = 45 * sum(offer.status == "completed" for offer in own)
    assert (volunteer.recent_minutes, volunteer.max_assignments) == (7 + recent, person.most)
    assert [skill.code for skill in volunteer.skills] == ["nursing"] * person.has_certificate + ["cooking"]


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def problem_of(database: Database, principal: Principal, **parts: Any) -> Problem:
    return matched.make(database, matched.scene(principal, **parts)).problem


def only_request(problem: Problem) -> HelpRequest:
    [request] = problem.requests
    return request


def test_windows_are_cut_to_the_horizon(database: Database, principal: Principal) -> None:
    now = matched.clock()
    with database.begin() as session:
        windows = [(-4, 2), (20, 30), (160, 180), (200, 210)]
        rows.request(
            session,
            principal.client_no,
            windows=[{"start": (now + a * HOUR).isoformat(), "end": (now + b * HOUR).isoformat()} for a, b in windows],
            opens_at=now - 4 * HOUR,
            closes_at=now + 210 * HOUR,
        )
    problem = problem_of(database, principal, horizon_start=now, horizon_end=now + 168 * HOUR)
    found = [((w.start - now) // HOUR, (w.end - now) // HOUR) for w in only_request(problem).windows or ()]
    assert found == [(0, 2), (20, 30), (160, 168)]


def test_a_request_without_a_time_is_matched_in_every_horizon(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        rows.request(session, principal.client_no, windows=None, opens_at=None, closes_at=None)
    assert only_request(problem_of(database, principal)).windows is None


def test_help_without_a_time_takes_of_the_limits(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        timeless = rows.request(
            session, principal.client_no, region=NEXT_STREET, windows=None, opens_at=None, closes_at=None
        )
        volunteer = rows.volunteer(session, principal.client_no, max_assignments=3, max_minutes=200)
        rows.offer(session, timeless, volunteer, status="accepted", starts_at=None)
    [found] = problem_of(database, principal).volunteers
    assert (found.max_assignments, found.max_minutes, found.busy) == (2, 140, ())


@pytest.mark.parametrize("starts", [(0, 1), (0.25, 0.25)], ids=["two starts", "a quarter past a second"])
def test_offers_that_cannot_be_pinned_keep_their_request_out(
    database: Database, principal: Principal, starts: tuple[float, float]
) -> None:
    begins = matched.clock(hours=5) + (timedelta() if starts[0] != starts[1] else timedelta(seconds=1))
    with database.begin() as session:
        request = rows.request(session, principal.client_no, headcount=3)
        for n, hours in enumerate(starts):
            volunteer = rows.volunteer(session, principal.client_no, f"v{n}")
            rows.offer(session, request, volunteer, starts_at=begins + hours * HOUR)
    problem = problem_of(database, principal)
    assert problem.requests == ()
    assert [len(volunteer.busy) for volunteer in problem.volunteers] == [1, 1]


def test_a_volunteer_who_is_offered_two_places_at_once_is_pinned_to_one(
    database: Database, principal: Principal
) -> None:
    with database.begin() as session:
        volunteer = rows.volunteer(session, principal.client_no)
        for id_ in ("r1", "r2"):
            request = rows.request(session, principal.client_no, id_, headcount=2)
            rows.offer(session, request, volunteer, starts_at=matched.clock(hours=5))
    problem = problem_of(database, principal)
    assert [request.id for request in problem.requests] == ["r1"]
    assert [(pin.request_id, pin.volunteer_id) for pin in problem.pinned] == [("r1", volunteer.external_id)]
    assert len(problem.volunteers[0].busy) == 1


def test_another_client_s_rows_are_not_seen(database: Database, principal: Principal) -> None:
    other = rows.bearer(database)
    with database.begin() as session:
        rows.request(session, other.client_no)
        rows.volunteer(session, other.client_no)
    problem = problem_of(database, principal)
    assert (problem.requests, problem.volunteers) == ((), ())


def test_a_volunteer_across_the_border_who_reaches_nobody_is_left_out(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        rows.request(session, principal.client_no)
        limits: dict[str, dict[str, Any]] = {
            "by radius": {"max_distance_m": 40_000},
            "by minutes": {"max_travel_min": 600, "travel_mode": "walk"},
            "too slow": {"max_travel_min": 60, "travel_mode": "walk"},
            "both": {"max_distance_m": 40_000, "max_travel_min": 10},
            "unlimited": {},
        }
        for id_, limit in limits.items():
            rows.volunteer(session, principal.client_no, id_, region=ANOTHER_CITY, latitude=31.5, **limit)
    assert [volunteer.id for volunteer in problem_of(database, principal).volunteers] == ["by minutes", "by radius"]
