"""Who calls, as one process remembers it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event, func, make_url, update

import rows
from matcher.api.callers import Callers
from matcher.domain import keys
from matcher.domain.access import Principal
from matcher.domain.errors import ExpiredKeyError, InvalidKeyError, TooManyRequestsError
from matcher.domain.keys import SecretKind
from matcher.storage.database import Database
from matcher.storage.tables.access import KeyRow

ADDRESS = "203.0.113.1"


class Clock:
    """A clock that is turned by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def callers(database: Database, clock: Clock) -> Callers:
    return Callers(database, clock=clock)


@pytest.fixture
def key(database: Database) -> tuple[str, Principal]:
    with database.begin() as session:
        return rows.key(session, rows.client(session), regions=("3101",))


def identify(callers: Callers, secret: str, address: str = ADDRESS) -> Principal:
    return asyncio.run(callers.identify(secret, address))


def revoke(database: Database, principal: Principal) -> None:
    """Revoke a key behind the process's back, as another replica does."""
    with database.begin() as session:
        session.execute(update(KeyRow).where(KeyRow.no == principal.key_no).values(revoked_at=func.now()))


def test_a_key_is_known_as_the_database_has_it(callers: Callers, key: tuple[str, Principal]) -> None:
    assert identify(callers, key[0]) == key[1]


def test_a_key_that_was_revoked_elsewhere_is_refused_within_five_seconds(
    callers: Callers, database: Database, key: tuple[str, Principal], clock: Clock
) -> None:
    identify(callers, key[0])
    revoke(database, key[1])
    clock.now += 5
    with pytest.raises(InvalidKeyError):
        identify(callers, key[0])


def test_a_key_that_was_revoked_here_is_refused_at_once(
    callers: Callers, database: Database, key: tuple[str, Principal]
) -> None:
    identify(callers, key[0])
    revoke(database, key[1])
    callers.forget(key[1].key_no)
    with pytest.raises(InvalidKeyError):
        identify(callers, key[0])


def test_for_some_seconds_the_database_is_not_asked(callers: Callers, database: Database, clock: Clock) -> None:
    with database.begin() as session:
        secret, principal = rows.key(session, rows.client(session))
    identify(callers, secret)
    revoke(database, principal)
    clock.now += 3
    assert identify(callers, secret) == principal


def test_a_key_is_not_remembered_past_its_end(callers: Callers, database: Database, clock: Clock) -> None:
    in_a_second = func.now() + timedelta(seconds=1)
    with database.begin() as session:
        secret, principal = rows.key(session, rows.client(session), expires_at=in_a_second)
    identify(callers, secret)
    with database.begin() as session:
        long_ago = func.now() - timedelta(days=1)
        session.execute(update(KeyRow).where(KeyRow.no == principal.key_no).values(expires_at=long_ago))
    clock.now += 1
    with pytest.raises(ExpiredKeyError):
        identify(callers, secret)


def test_many_who_come_at_once_with_one_key_ask_once(callers: Callers, database: Database) -> None:
    with database.begin() as session:
        secret, principal = rows.key(session, rows.client(session))
    asked: list[str] = []

    async def identify_many() -> list[Principal]:
        return await asyncio.gather(*(callers.identify(secret, ADDRESS) for _ in range(20)))

    event.listen(database._engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert asyncio.run(identify_many()) == [principal] * 20
    assert sum("FROM keys" in statement for statement in asked) == 1


def test_one_who_hangs_up_does_not_spoil_it_for_others(callers: Callers, database: Database) -> None:
    with database.begin() as session:
        secret, principal = rows.key(session, rows.client(session))

    async def identify_twice() -> Principal:
        first = asyncio.ensure_future(callers.identify(secret, ADDRESS))
        second = asyncio.ensure_future(callers.identify(secret, ADDRESS))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(identify_twice()) == principal


def test_a_mistyped_key_is_refused_without_a_look_up(clock: Clock) -> None:
    with (
        Database(make_url("postgresql+psycopg://nobody@127.0.0.1:1/none")) as unreachable,
        pytest.raises(InvalidKeyError),
    ):
        identify(Callers(unreachable, clock=clock), "mk_live_mistyped")


def guess(callers: Callers, address: str) -> None:
    for _ in range(30):
        with pytest.raises(InvalidKeyError):
            identify(callers, keys.make(SecretKind.KEY), address)


def test_an_address_that_guesses_has_to_wait(callers: Callers, clock: Clock) -> None:
    guess(callers, ADDRESS)
    with pytest.raises(TooManyRequestsError) as refused:
        identify(callers, keys.make(SecretKind.KEY))
    clock.now += refused.value.retry_after_s
    with pytest.raises(InvalidKeyError):
        identify(callers, keys.make(SecretKind.KEY))


def test_an_address_that_guesses_does_not_lock_out_another(callers: Callers, key: tuple[str, Principal]) -> None:
    guess(callers, ADDRESS)
    assert identify(callers, key[0], "203.0.113.2") == key[1]


@pytest.mark.parametrize("address", ["2001:db8::1", "not an address", ""])
def test_any_address_is_counted(callers: Callers, address: str) -> None:
    guess(callers, address)
    with pytest.raises(TooManyRequestsError):
        callers.check_address(address)


def test_the_last_of_a_network_answers_for_all_of_it(callers: Callers) -> None:
    guess(callers, "2001:db8::1")
    with pytest.raises(TooManyRequestsError):
        callers.check_address("2001:db8::ffff")
    callers.check_address("2001:db8:0:1::1")
