"""Plans for the same people, published at the same moment: nobody is asked for two places at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

import matched
import rows
from matcher.domain.runs import RunMode
from matcher.services import runs
from matcher.services.run_plans import Solved
from matcher.services.runs import Work
from matcher.storage import publishing
from matcher.storage.database import Database

STREETS = ("310101002", "310101015", "310101017")
PEOPLE = 10
TWICE = text("""
    SELECT count(*) FROM offers AS one JOIN offers AS other USING (volunteer_no)
    WHERE one.client_no = :client AND one.no < other.no
      AND tstzrange(one.starts_at, one.ends_at) && tstzrange(other.starts_at, other.ends_at)
""")

BUSY = frozenset({"volunteer-busy"})

Ended = tuple[int, frozenset[str]]


def publish_at_once(database: Database) -> tuple[int, list[Ended]]:
    """Publish three plans that ask the same people for the same hour.

    Returns
    -------
    tuple
        How many pairs of offers ask somebody for two places at once; and of each plan how many offers
        it made and why others were left out.
    """
    principal = rows.bearer(database)
    opens_at, closes_at = matched.clock(hours=26), matched.clock(hours=27)
    with database.begin() as session:
        for street in STREETS:
            for number in range(PEOPLE):
                id_ = f"{street}-{number}"
                rows.request(session, principal.client_no, id_, region=street, opens_at=opens_at, closes_at=closes_at)
        for number in range(PEOPLE):
            # Whoever lives in the first street reaches the others too.
            rows.volunteer(session, principal.client_no, f"v{number}", max_distance_m=5_000)
    planned = [
        matched.take_up(database, matched.create(database, principal, region=street, mode=RunMode.PUBLISH))
        for street in STREETS
    ]
    assert [len(solved.placements) for _, solved in planned] == [PEOPLE] * len(STREETS)
    barrier = Barrier(len(STREETS))

    def finish(of_street: tuple[Work, Solved]) -> Ended:
        barrier.wait()
        with database.begin() as session:
            published = runs.finish(session, *of_street)
        assert published is not None
        return published.offers, frozenset(item.code for item in published.left_out)

    with ThreadPoolExecutor(len(STREETS)) as pool:
        ended = list(pool.map(finish, planned))
    with database.begin() as session:
        return session.execute(TWICE, {"client": principal.client_no}).scalar_one(), ended


@pytest.mark.parametrize("_attempt", range(3))
def test_plans_of_neighbours_never_ask_anybody_for_two_places_at_once(database: Database, _attempt: int) -> None:
    twice, ended = publish_at_once(database)
    assert twice == 0
    assert sorted(ended, key=lambda end: end[0]) == [(0, BUSY), (0, BUSY), (PEOPLE, frozenset())]


def test_without_the_locks_somebody_would_be(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_LOCK_VOLUNTEERS", text("SELECT CAST(:nos AS bigint[])"))
    assert any(publish_at_once(database)[0] for _ in range(10))
