"""Records come from completed offers, and everything said of them goes into one chain."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

import rows
from lives import START, Life, a_volunteer, live
from matcher.domain import records as rules
from matcher.domain.access import Principal
from matcher.domain.errors import NotFoundError
from matcher.domain.offers import Action, OfferStatus
from matcher.domain.records import CorrectionReason, ErasedError
from matcher.services import records
from matcher.services.records import Export
from matcher.storage.database import Database
from matcher.storage.tables.outcomes import EntryRow, RecordRow
from matcher.storage.tables.people import VolunteerRow


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def record_of(database: Database, life: Life) -> RecordRow:
    with database.begin() as session:
        return session.scalars(select(RecordRow).where(RecordRow.offer_no == life.row.no)).one()


def export(database: Database, principal: Principal, volunteer_id: str) -> Export:
    with database.begin(principal) as session:
        return records.export(session, principal, volunteer_id)


def correct(database: Database, principal: Principal, record: RecordRow, minutes: int) -> None:
    with database.begin(principal) as session:
        records.correct(session, principal, record.id, minutes=minutes, reason=CorrectionReason.WRONG_TIME, now=START)


def test_a_record_holds_the_whole_minutes_between_check_in_and_check_out(
    database: Database, principal: Principal
) -> None:
    life = live(database, principal).reach(OfferStatus.ACCEPTED)
    life.take(Action.CHECK_IN, now=START - timedelta(minutes=5))
    life.take(Action.CHECK_OUT, now=START + timedelta(minutes=58, seconds=59))
    record = record_of(database, life)
    assert record.minutes == 63
    assert (record.starts_at, record.ends_at) == (life.row.checked_in_at, life.row.checked_out_at)


def test_a_confirmation_goes_into_the_record(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.CONFIRMED)
    assert record_of(database, life).confirmed_at == life.row.confirmed_at


def test_everything_said_of_a_volunteer_is_one_chain(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    first = live(database, principal, volunteer=volunteer).reach(OfferStatus.CONFIRMED)
    live(database, principal, volunteer=volunteer, start=START + timedelta(hours=5)).reach(OfferStatus.COMPLETED)
    correct(database, principal, record_of(database, first), 45)
    told = export(database, principal, volunteer.external_id)
    assert [entry["kind"] for entry in told.entries] == ["service", "confirmation", "service", "correction"]
    assert rules.check(told.entries) is None
    assert told.total_minutes == 45 + 61
    assert told.last_hash == told.entries[-1]["hash"]


def test_a_correction_keeps_what_was_said_before(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.COMPLETED)
    record = record_of(database, life)
    correct(database, principal, record, 30)
    correct(database, principal, record, 40)
    with database.begin(principal) as session:
        found = records.get(session, principal, record.id)
        said = [(entry["minutes"], entry["reason"]) for entry in records.entries(session, found)]
    assert said == [(61, None), (30, "wrong-time"), (40, "wrong-time")]
    assert (found.record.minutes, found.record.version) == (40, 3)


def test_a_chain_names_neither_a_person_nor_a_place(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.CONFIRMED)
    with database.begin() as session:
        volunteer_id = session.get_one(VolunteerRow, life.volunteer_no).external_id
        contents = session.scalars(select(EntryRow.content).where(EntryRow.volunteer_no == life.volunteer_no)).all()
    assert len(contents) == 2
    for content in contents:
        assert not {volunteer_id, life.request.external_id} & set(map(str, content.values()))
        assert not any(isinstance(value, float) for value in content.values())


def test_a_record_whose_volunteer_was_erased_is_not_corrected(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.COMPLETED)
    record = record_of(database, life)
    with database.begin() as session:
        session.delete(session.get_one(VolunteerRow, life.volunteer_no))
    with pytest.raises(ErasedError):
        correct(database, principal, record, 10)


def test_a_record_of_others_does_not_exist(database: Database, principal: Principal) -> None:
    life = live(database, principal).reach(OfferStatus.COMPLETED)
    record = record_of(database, life)
    with database.begin() as session:
        _, elsewhere = rows.key(session, principal.client_no, regions=("3202",))
    for stranger in (rows.bearer(database), elsewhere):
        with pytest.raises(NotFoundError):
            correct(database, stranger, record, 10)


def test_an_export_holds_what_was_served_across_the_border(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    live(database, principal, volunteer=volunteer).reach(OfferStatus.COMPLETED)
    with database.begin() as session:
        beyond = rows.request(session, principal.client_no, region="320102001", status="planned")
        _, home = rows.key(session, principal.client_no, regions=("3101",))
    start = START + timedelta(hours=5)
    live(database, principal, volunteer=volunteer, request=beyond, start=start).reach(OfferStatus.COMPLETED)
    told = export(database, home, volunteer.external_id)
    assert [entry["region"] for entry in told.entries] == [rows.REGION, "320102001"]
    assert rules.check(told.entries) is None


def test_a_chain_stays_whole_when_several_add_to_it_at_once(database: Database, principal: Principal) -> None:
    volunteer = a_volunteer(database, principal)
    lives = [
        live(database, principal, volunteer=volunteer, start=START + timedelta(hours=3 * number)).reach(
            OfferStatus.COMPLETED
        )
        for number in range(4)
    ]
    found = [record_of(database, life) for life in lives]
    barrier = threading.Barrier(8)

    def add(number: int) -> None:
        barrier.wait()
        for turn in range(10):
            correct(database, principal, found[(number + turn) % 4], number + turn)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(add, number) for number in range(8)]:
            each.result()
    told = export(database, principal, volunteer.external_id)
    assert len(told.entries) == 4 + 80
    assert rules.check(told.entries) is None
    with database.begin() as session:
        versions: Any = session.scalars(select(RecordRow.version).where(RecordRow.volunteer_no == volunteer.no)).all()
        assert sum(versions) == 4 + 80
        assert session.execute(select(func.count()).select_from(EntryRow)).scalar_one() >= 84


def test_an_entry_is_never_changed_by_a_tenant(database: Database, principal: Principal) -> None:
    with database.begin(principal) as session:
        allowed = session.execute(
            select(
                func.has_table_privilege("entries", "UPDATE"),
                func.has_table_privilege("entries", "DELETE"),
                func.has_table_privilege("steps", "UPDATE"),
            )
        ).one()
    assert tuple(allowed) == (False, False, False)
