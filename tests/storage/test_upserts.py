"""Writing many things at once: what is written, what is left alone, and where near is."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

import rows
from make import NOW
from matcher.domain.access import Principal
from matcher.domain.geo import Point, great_circle_m
from matcher.storage import requests, volunteers
from matcher.storage.database import Database, Session
from matcher.storage.nearby import Nearby
from matcher.storage.requests import RequestRow
from matcher.storage.volunteers import UPSERT, VolunteerContent, VolunteerRow


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


@pytest.fixture
def session(database: Database, principal: Principal) -> Iterator[Session]:
    """Give a transaction of a tenant who has nothing yet."""
    with database.begin(principal) as session:
        yield session


def content(external_id: str = "v1", **parts: Any) -> VolunteerContent:
    given: dict[str, Any] = dict.fromkeys(VolunteerContent.__annotations__)
    given |= {
        "external_id": external_id,
        "region": rows.REGION,
        "travel_mode": "walk",
        "skills": [],
        "skill_codes": [],
        "trainings": [],
        "busy": [],
        "guardian_consent": False,
        "paused": False,
        "recent_minutes": 0,
    }
    return given | parts  # type: ignore[return-value]


def request_content(external_id: str = "r1", **parts: Any) -> dict[str, Any]:
    given: dict[str, Any] = dict.fromkeys(requests.RequestContent.__annotations__)
    given |= {
        "external_id": external_id,
        "region": rows.REGION,
        "duration_min": 60,
        "roles": [{"skills": [], "count": 1, "gender": None}],
        "by_role": False,
        "places": [1],
        "min_headcount": 1,
        "skill_codes": [],
        "urgency": 1,
        "adults_only": False,
        "needs_insurance": False,
        "risk": "none",
        "trainings": [],
        "preferred_volunteers": [],
        "excluded_volunteers": [],
        "verified": True,
    }
    return given | parts


def write(session: Session, principal: Principal, *contents: VolunteerContent, **parts: Any) -> dict[str, int]:
    given: dict[str, Any] = {"versions": None, "now": NOW}
    return UPSERT.write(session, principal, map(UPSERT.item, contents), **(given | parts))


def stored(session: Session, external_id: str = "v1") -> VolunteerRow:
    statement = select(VolunteerRow).where(VolunteerRow.external_id == external_id)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def test_what_is_written_is_what_was_sent(session: Session, principal: Principal) -> None:
    sent = content(
        community="社区",
        latitude=31.25,
        longitude=121.5,
        max_distance_m=3000,
        skills=[{"code": "护理", "level": 2, "valid_until": "2027-06-30"}],
        skill_codes=["护理"],
        trainings=['a "quoted" \\ {word}, and more'],
        insured_until="2027-01-31",
        birth_year=1960,
        availability={"weekly": [], "extra": [], "except": [], "time_zone": None},
        busy=[{"start": "x", "end": "y", "latitude": None, "longitude": None}],
        max_minutes=90,
    )
    write(session, principal, sent)
    row = stored(session)
    read = {name: getattr(row, name) for name in VolunteerContent.__annotations__}
    assert read | {"insured_until": row.insured_until and row.insured_until.isoformat()} == sent
    assert (row.created_at, row.updated_at, row.version) == (NOW, NOW, 1)


def test_what_stays_the_same_is_not_written(session: Session, principal: Principal) -> None:
    assert write(session, principal, content("v1"), content("v2")) == {"v1": 1, "v2": 1}
    assert write(session, principal, content("v1"), content("v2", max_minutes=5), content("v3")) == {"v2": 2, "v3": 1}


@pytest.mark.parametrize("change", [{"paused": True}, {"availability": None}, {"community": "c2"}])
def test_every_part_of_the_content_counts(session: Session, principal: Principal, change: dict[str, Any]) -> None:
    free: dict[str, Any] = {"weekly": [], "extra": [], "except": [], "time_zone": None}
    write(session, principal, content(availability=free, community="c1"))
    assert write(session, principal, content(**{"availability": free, "community": "c1"} | change)) == {"v1": 2}


def test_a_part_that_changed_by_another_way_is_compared_as_it_is(session: Session, principal: Principal) -> None:
    write(session, principal, content())
    session.execute(update(VolunteerRow).values(paused=True))
    assert write(session, principal, content(paused=True)) == {}
    assert write(session, principal, content(paused=False)) == {"v1": 2}


def test_only_the_versions_that_are_meant_are_changed(session: Session, principal: Principal) -> None:
    write(session, principal, content())
    assert write(session, principal, content(max_minutes=1), versions=[2, 3]) == {}
    assert write(session, principal, content(max_minutes=1), versions=[]) == {}
    assert write(session, principal, content(max_minutes=1), versions=[1]) == {"v1": 2}


def test_looking_tells_what_is_there_and_whether_it_is_the_same(session: Session, principal: Principal) -> None:
    write(session, principal, content("v1"), content("v2"))
    items = [UPSERT.item(each) for each in (content("v1"), content("v2", paused=True), content("v3"))]
    present = UPSERT.look(session, principal, items)
    assert {name: (each.version, each.is_same) for name, each in present.items()} == {"v1": (1, True), "v2": (1, False)}


def test_a_request_that_offers_are_out_for_is_not_changed_in_the_simple_way(
    session: Session, principal: Principal
) -> None:
    def push(**parts: Any) -> dict[str, int]:
        item = requests.UPSERT.item(request_content(**parts))
        return requests.UPSERT.write(session, principal, [item], versions=None, now=NOW)

    assert push() == {"r1": 1}
    assert push(urgency=2) == {"r1": 2}
    session.execute(update(RequestRow).values(status="planned"))
    assert push(urgency=3) == {}
    session.execute(update(RequestRow).values(status="open", taken=[1]))
    assert push(urgency=3) == {}


def test_replacing_keeps_the_places_that_are_taken(session: Session, principal: Principal) -> None:
    row = rows.request(session, principal.client_no, "r1", headcount=3, taken=[2])
    two_roles = [{"skills": [], "count": 2, "gender": None}, {"skills": [], "count": 1, "gender": None}]
    item = requests.UPSERT.item(request_content(roles=two_roles, places=[2, 1]))
    requests.replace(session, row, item, now=NOW)
    assert (row.places, row.taken, row.version) == ([2, 1], [2, 0], 2)


POINTS = st.builds(Point, st.floats(-89, 89), st.floats(-180, 180)) | st.builds(
    Point, st.floats(31.1, 31.3), st.floats(121.3, 121.6)
)


@given(here=POINTS, there=st.lists(POINTS, min_size=1, max_size=20), metres=st.floats(1, 100_000))
@settings(max_examples=60)
def test_near_is_what_lies_within_the_distance(
    database: Database, here: Point, there: list[Point], metres: float
) -> None:
    # On the edge a metre of rounding decides.
    places = [place for place in there if abs(great_circle_m(here, place) - metres) > 1]
    with database.begin() as session:
        client_no = rows.client(session)
        session.add_all(
            VolunteerRow(
                client_no=client_no,
                external_id=str(number),
                region="31",
                latitude=place.latitude,
                longitude=place.longitude,
            )
            for number, place in enumerate(places)
        )
        session.flush()
        wanted = volunteers.VolunteerFilter(nearby=Nearby(here, metres))
        page = volunteers.list_page(session, client_no, wanted, regions=[""], cursor=None, limit=50)
    expected = {str(number) for number, place in enumerate(places) if great_circle_m(here, place) < metres}
    assert {row.external_id for row in page.rows} == expected
