"""Events are read in one order, and none is lost, however many write at the same time."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select, text

import rows
from matcher.domain.access import EVERYWHERE, Principal
from matcher.domain.events import EventType, SubjectKind
from matcher.storage import events
from matcher.storage.database import Database, Session
from matcher.storage.events import Event, EventRow

WRITERS = 8
EVENTS_EACH = 100
SUBJECTS = 5


@pytest.fixture
def principal(database: Database) -> Principal:
    return rows.bearer(database)


def event(principal: Principal, subject: str = "v1", *, region: str = rows.REGION, version: int = 1) -> Event:
    return Event(
        EventType.VOLUNTEER_UPDATED,
        principal.client_no,
        region,
        SubjectKind.VOLUNTEER,
        subject,
        data={"version": version},
    )


def write(database: Database, *given: Event) -> None:
    with database.begin() as session:
        events.publish_many(session, given)


def order(database: Database, *, limit: int = 10_000) -> int:
    with database.begin() as session:
        return events.order(session, limit=limit)


def read(database: Database, principal: Principal, position: int = 0, **parts: object) -> tuple[list[str], int]:
    given: dict[str, object] = {"regions": EVERYWHERE, "types": None, "limit": 1000} | parts
    with database.begin() as session:
        found, after = events.list_after(session, client_no=principal.client_no, position=position, **given)  # type: ignore[arg-type]
    return [row.subject_id for row in found], after


def test_an_event_has_no_position_before_one_was_given(database: Database, principal: Principal) -> None:
    write(database, event(principal))
    assert read(database, principal)[0] == []
    assert order(database) == 1
    assert read(database, principal)[0] == ["v1"]


def test_an_event_rolls_back_with_what_caused_it(database: Database, principal: Principal) -> None:
    with database.begin() as session:
        events.publish_many(session, [event(principal)])
        session.rollback()
    order(database)
    assert read(database, principal)[0] == []


def test_events_written_together_keep_their_order(database: Database, principal: Principal) -> None:
    write(database, *(event(principal, f"v{number}") for number in range(50)))
    order(database)
    assert read(database, principal)[0] == [f"v{number}" for number in range(50)]


def test_a_reader_goes_on_where_a_page_ended(database: Database, principal: Principal) -> None:
    write(database, *(event(principal, f"v{number}") for number in range(5)))
    order(database)
    first, after = read(database, principal, limit=3)
    second, _ = read(database, principal, after, limit=3)
    assert first + second == ["v0", "v1", "v2", "v3", "v4"]


def test_a_reader_need_not_look_again_at_what_is_not_theirs(database: Database, principal: Principal) -> None:
    write(database, event(principal), event(principal, "far", region="3202"))
    order(database)
    seen, after = read(database, principal, regions=("3101",))
    assert seen == ["v1"]
    write(database, event(principal, "v2"))
    order(database)
    assert read(database, principal, after)[0] == ["v2"]


def test_a_reader_sees_the_types_asked_for_alone(database: Database, principal: Principal) -> None:
    paused = Event(
        EventType.VOLUNTEER_PAUSED, principal.client_no, rows.REGION, SubjectKind.VOLUNTEER, "v2", data={"version": 2}
    )
    write(database, event(principal), paused)
    order(database)
    assert read(database, principal, types=[EventType.VOLUNTEER_PAUSED])[0] == ["v2"]


def test_an_event_does_not_tell_what_is_not_declared(database: Database, principal: Principal) -> None:
    with database.begin() as session, pytest.raises(ValueError, match="latitude"):
        events.publish(
            session,
            EventType.VOLUNTEER_UPDATED,
            client_no=principal.client_no,
            region=rows.REGION,
            subject_kind=SubjectKind.VOLUNTEER,
            subject_id="v1",
            data={"latitude": 31.2},
        )


def test_a_tenant_writes_events_and_gives_no_positions(database: Database, principal: Principal) -> None:
    with database.begin(principal) as session:
        events.publish_many(session, [event(principal)])
        assert session.execute(text("SELECT has_table_privilege('events', 'UPDATE')")).scalar_one() is False
    order(database)
    assert read(database, principal)[0] == ["v1"]


def test_positions_come_in_rounds_of_bounded_size(database: Database, principal: Principal) -> None:
    order(database)
    write(database, *(event(principal, f"v{number}") for number in range(5)))
    assert [order(database, limit=2) for _ in range(4)] == [2, 2, 1, 0]


Reader = Callable[[Session, int], Iterator[tuple[int, EventRow]]]


def by_position(session: Session, after: int) -> Iterator[tuple[int, EventRow]]:
    statement = select(EventRow).where(EventRow.position > after).order_by(EventRow.position)
    return ((row.position or 0, row) for row in session.scalars(statement).all())


def by_number(session: Session, after: int) -> Iterator[tuple[int, EventRow]]:
    """Read as one must not: what commits late has a number that the reader is past."""
    statement = select(EventRow).where(EventRow.no > after).order_by(EventRow.no)
    return ((row.no, row) for row in session.scalars(statement).all())


@dataclass
class Race:
    """Several write about a few subjects, two publish and one reads, all at the same time."""

    database: Database
    principal: Principal
    reader: Reader
    done: threading.Event = field(default_factory=threading.Event)
    versions: list[int] = field(default_factory=lambda: [0] * SUBJECTS)
    seen: list[EventRow] = field(default_factory=list)

    def run(self) -> list[str]:
        """Run it, and return what is wrong with what was read."""
        with ThreadPoolExecutor(WRITERS + 3) as pool:
            others = [pool.submit(self.publish), pool.submit(self.publish), pool.submit(self.read)]
            for writer in [pool.submit(self.write, number) for number in range(WRITERS)]:
                writer.result()
            order(self.database)
            self.done.set()
            for other in others:
                other.result()
        return self.faults()

    def write(self, number: int) -> None:
        for turn in range(EVENTS_EACH):
            subject = (number + turn) % SUBJECTS
            with self.database.begin() as session:
                # In place of the row of the subject, which its writers lock.
                session.execute(text("SELECT pg_advisory_xact_lock(1, :subject)"), {"subject": subject})
                self.versions[subject] += 1
                given = event(self.principal, str(subject), version=self.versions[subject])
                events.publish_many(session, [given])
                if (number + turn) % 3 == 0:
                    session.execute(text("SELECT pg_sleep(0.002)"))

    def publish(self) -> None:
        while not self.done.is_set():
            order(self.database)

    def read(self) -> None:
        after = 0
        while True:
            is_last = self.done.is_set()
            with self.database.begin() as session:
                found = list(self.reader(session, after))
            self.seen.extend(row for _, row in found)
            after = found[-1][0] if found else after
            if is_last:
                return

    def faults(self) -> list[str]:
        missing = WRITERS * EVENTS_EACH - len(self.seen)
        by_subject = defaultdict(list)
        for row in self.seen:
            by_subject[row.subject_id].append(row.data["version"])
        disorder = [f"{subject} out of order" for subject, got in by_subject.items() if got != sorted(got)]
        return [*([f"{missing} lost"] if missing else []), *disorder]


@pytest.fixture
def no_events(database: Database) -> None:
    with database.begin() as session:
        session.execute(text("DELETE FROM events"))


@pytest.mark.usefixtures("no_events")
def test_no_event_is_lost_or_out_of_order_under_eight_writers(database: Database, principal: Principal) -> None:
    assert Race(database, principal, by_position).run() == []


@pytest.mark.usefixtures("no_events")
def test_the_race_catches_a_reader_that_goes_by_number(database: Database, principal: Principal) -> None:
    faults = Race(database, principal, by_number).run()
    assert any("lost" in fault for fault in faults)
