"""What was said yes to is there after any crash, once; and a service that forgets is found out."""

import random
import time
from pathlib import Path

import psycopg
import pytest

from story import crashing
from story.crashing import Rig, Station

# Fewest of what takes longest to start again.
KILLS = ["api"] * 2 + ["worker"] * 4 + ["postgres"] * 14
STATIONS = 2
# How many more yeses are waited for before the next kill, so that each one meets work.
YESES = 6


def write_through(rig: Rig, kills: list[str]) -> list[str]:
    """Kill one thing after the other while stations write; return what got lost."""
    chance = random.Random(7)  # noqa: S311 - a test that is the same every time
    stations = [Station(rig, f"s{number}") for number in range(STATIONS)]
    for station in stations:
        station.start()
    for what in kills:
        wait_for_yeses(rig, stations)
        time.sleep(chance.uniform(0, 0.2))
        rig.crash(what)
    wait_for_yeses(rig, stations)
    for station in stations:
        station.stopping.set()
    for station in stations:
        station.join()
    memories = [station.memory for station in stations]
    crashing.wait_until_over(rig, memories)
    faults = [f"{station.name}: {station.fault}" for station in stations if station.fault]
    return faults + crashing.lost(rig, memories)


def wait_for_yeses(rig: Rig, stations: list[Station]) -> None:
    """Wait until every station has been told yes a few times more, or has met what should never be."""
    wanted = [station.memory.yeses + YESES for station in stations]
    deadline = time.monotonic() + crashing.WAIT_S
    while any(
        station.is_alive() and station.memory.yeses < number for station, number in zip(stations, wanted, strict=True)
    ):
        assert time.monotonic() < deadline
        rig.revive()
        time.sleep(0.01)


@pytest.mark.timeout(300)
def test_nothing_that_was_said_yes_to_is_lost_in_twenty_crashes(tmp_path: Path) -> None:
    kills = KILLS.copy()
    random.Random(3).shuffle(kills)  # noqa: S311 - a test that is the same every time
    with crashing.rig(tmp_path) as rig:
        assert write_through(rig, kills) == []


@pytest.mark.timeout(300)
def test_a_database_that_says_yes_too_early_is_found_out(tmp_path: Path) -> None:
    with crashing.rig(tmp_path) as rig:
        address = rig.postgres.url.set(drivername="postgresql").render_as_string()
        with psycopg.connect(address, autocommit=True) as owner:
            owner.execute("ALTER SYSTEM SET synchronous_commit = off")
            owner.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            owner.execute("SELECT pg_reload_conf()")
        assert write_through(rig, ["postgres"] * 3) != []
