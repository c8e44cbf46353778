"""Who calls: known for a few seconds from the last look into the database, so that most calls ask nobody."""

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool

from matcher.domain import keys as secrets
from matcher.domain.access import Principal
from matcher.domain.errors import AuthenticationError, Text, TooManyRequestsError
from matcher.domain.limits import Bucket, Quota
from matcher.services import keys
from matcher.storage.database import Database
from matcher.storage.keys import Bearer

__all__ = ["Callers"]

# A revoked key is refused after five seconds at most; the rest is for the look-up itself.
_KNOWN_S: Final = 4.0
_MOST_KNOWN: Final = 10_000
_MOST_ADDRESSES: Final = 10_000
# Nobody types that fast, and nobody guesses 160 bits at that pace.
_FAILURES: Final = Quota(30, 60.0)
_IPV6_PREFIX: Final = 64


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class Callers:
    """Remembers in this process who holds which secret, and which addresses guess.

    Only digests of secrets are kept. One that was good lately is looked up again even for an
    address that guesses: behind a proxy all callers have one address.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Future[Principal]] = {}
        self._failures: OrderedDict[str, Bucket] = OrderedDict()

    async def identify(self, secret: str, address: str) -> Principal:
        """Return who holds a secret that came from an address.

        Raises
        ------
        AuthenticationError
            If nobody does, or not any more.
        TooManyRequestsError
            If the address has guessed wrong too often.
        """
        digest = secrets.digest(secret)
        known = self._known.get(digest)
        now = self._clock()
        if known is not None and now < known.until:
            return known.principal
        network = _network(address)
        if known is None:
            self._check_failures(network, now)
        try:
            keys.check_form(secret)
            return await self._ask(secret, digest)
        except AuthenticationError:
            self._known.pop(digest, None)
            self._count_failure(network)
            raise

    async def _ask(self, secret: str, digest: bytes) -> Principal:
        """Ask the database, once for all who wait for the same answer."""
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.ensure_future(self._find(secret, digest))
            asking.add_done_callback(partial(self._end_asking, digest))
        # One who hangs up does not spoil it for the others.
        return await asyncio.shield(asking)

    def _end_asking(self, digest: bytes, asking: "asyncio.Future[Principal]") -> None:
        self._asking.pop(digest, None)
        if not asking.cancelled():
            # Whoever waits is told; if all have hung up, nobody needs to know.
            asking.exception()

    async def _find(self, secret: str, digest: bytes) -> Principal:
        # From before the look-up: a key may have been revoked while its answer was on the way.
        started = self._clock()
        found = await run_in_threadpool(self._look_up, secret)
        lifetime_s = _KNOWN_S if found.remaining_s is None else min(_KNOWN_S, found.remaining_s)
        self._keep(digest, _Known(found.principal, started + lifetime_s))
        return found.principal

    def forget(self, key_no: int) -> None:
        """Forget who holds a key and its tokens, which was revoked: in this process it ends at once."""
        for digest in [digest for digest, known in self._known.items() if known.principal.key_no == key_no]:
            self._known.pop(digest, None)

    def check_address(self, address: str) -> None:
        """Refuse an address that has guessed wrong too often.

        Raises
        ------
        TooManyRequestsError
            If it has.
        """
        self._check_failures(_network(address), self._clock())

    def count_failure(self, address: str) -> None:
        """Take note that an address guessed wrong."""
        self._count_failure(_network(address))

    def _look_up(self, secret: str) -> Bearer:
        with self._database.begin() as session:
            return keys.authenticate(session, secret)

    def _keep(self, digest: bytes, known: _Known) -> None:
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def _check_failures(self, network: str, now: float) -> None:
        bucket = self._failures.get(network)
        if bucket is None or bucket.left(now=now):
            return
        raise TooManyRequestsError(
            Text(
                en="Too many wrong keys came from your address. Check the key, and wait before you try again.",
                zh="您的地址多次使用错误的密钥。请核对密钥，稍后再试。",
            ),
            retry_after_s=max(1, math.ceil(bucket.wait_s(now=now))),
        )

    def _count_failure(self, network: str) -> None:
        now = self._clock()
        bucket = self._failures.setdefault(network, Bucket(_FAILURES, now=now))
        bucket.draw(now=now)
        self._failures.move_to_end(network)
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)


def _network(address: str) -> str:
    """Return the part of an address that one guesser cannot change: one has a whole network of IPv6."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    if read.version == 4:
        return address
    return str(ipaddress.ip_network((read, _IPV6_PREFIX), strict=False))
