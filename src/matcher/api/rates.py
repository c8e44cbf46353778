"""How fast a key may call: one bucket for each key and budget, in the memory of this process.

Several replicas each grant the whole quota: a limit protects the process that counts it.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from matcher.domain.errors import Text, TooManyRequestsError
from matcher.domain.limits import Bucket, Budget, Quota

__all__ = ["HEADERS_KEY", "Rates"]

# Under this name of the request's state the edge finds the headers for the answer, even for a refusal.
HEADERS_KEY: Final = "rate_headers"

_MOST_BUCKETS: Final = 20_000


class Rates:
    """The buckets of all keys. A budget without a quota is not limited."""

    def __init__(self, quotas: Mapping[Budget, Quota], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._quotas = dict(quotas)
        self._policies = {budget: _policy(budget, quota) for budget, quota in quotas.items()}
        self._clock = clock
        self._buckets: OrderedDict[tuple[int, Budget], Bucket] = OrderedDict()

    def draw(self, key_no: int, budget: Budget, state: dict[str, object]) -> None:
        """Take one call of a key from a budget, and leave the headers that tell what is left in ``state``.

        Raises
        ------
        TooManyRequestsError
            If nothing is left.
        """
        quota = self._quotas.get(budget)
        if quota is None:
            return
        now = self._clock()
        bucket = self._bucket(key_no, budget, quota, now)
        has_drawn = bucket.draw(now=now)
        state[HEADERS_KEY] = (
            (b"ratelimit-policy", self._policies[budget]),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (budget.encode(), bucket.left(now=now), _seconds(bucket, now))),
        )
        if has_drawn:
            return
        raise TooManyRequestsError(
            Text(
                en="This key may make {count} calls in {window} seconds here. Wait, or spread the calls out.",
                zh="该密钥在 {window} 秒内最多可调用 {count} 次。请稍候，或分散调用。",
                values={"count": quota.count, "window": round(quota.window_s)},
            ),
            retry_after_s=max(1, math.ceil(bucket.wait_s(now=now))),
        )

    def _bucket(self, key_no: int, budget: Budget, quota: Quota, now: float) -> Bucket:
        bucket = self._buckets.get((key_no, budget))
        if bucket is None:
            bucket = self._buckets[key_no, budget] = Bucket(quota, now=now)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end((key_no, budget))
        return bucket


def _policy(budget: Budget, quota: Quota) -> bytes:
    return b'"%s";q=%d;w=%d' % (budget.encode(), quota.count, math.ceil(quota.window_s))


def _seconds(bucket: Bucket, now: float) -> int:
    """Return the seconds until all that was drawn is there again."""
    return math.ceil(bucket.full_in_s(now=now))
