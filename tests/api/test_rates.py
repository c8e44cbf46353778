"""How fast a key may call."""

import math
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.clients import a_client
from matcher.api.rates import HEADERS_KEY, Rates
from matcher.domain.errors import TooManyRequestsError
from matcher.domain.limits import Budget, Quota
from running import RunningService, running

PATH = "/v1/regions/31"
LIMIT = 5


class Clock:
    """A clock that is turned by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> Rates:
    return Rates({Budget.CALLS: Quota(2, 60.0), Budget.ANSWERS: Quota(1, 60.0)}, clock=clock)


def test_a_key_that_is_too_fast_is_told_when_to_come_back(rates: Rates, clock: Clock) -> None:
    for _ in range(2):
        rates.draw(1, Budget.CALLS, {})
    with pytest.raises(TooManyRequestsError) as refusal:
        rates.draw(1, Budget.CALLS, {})
    clock.now += refusal.value.retry_after_s
    rates.draw(1, Budget.CALLS, {})


def test_one_key_does_not_use_up_what_another_has(rates: Rates) -> None:
    for _ in range(2):
        rates.draw(1, Budget.CALLS, {})
    rates.draw(2, Budget.CALLS, {})


def test_answers_to_offers_live_when_all_else_is_throttled(rates: Rates) -> None:
    for _ in range(2):
        rates.draw(1, Budget.CALLS, {})
    rates.draw(1, Budget.ANSWERS, {})


def test_the_headers_tell_the_policy_and_what_is_left(rates: Rates) -> None:
    state: dict[str, object] = {}
    rates.draw(1, Budget.CALLS, state)
    assert state[HEADERS_KEY] == (
        (b"ratelimit-policy", b'"calls";q=2;w=60'),
        (b"ratelimit", b'"calls";r=1;t=30'),
    )


def test_a_budget_without_a_quota_is_not_limited() -> None:
    rates = Rates({})
    state: dict[str, object] = {}
    for _ in range(1_000):
        rates.draw(1, Budget.CALLS, state)
    assert state == {}


@pytest.fixture(scope="module")
def slow_service(data_dir: Path) -> Iterator[RunningService]:
    with running(data_dir, rate_limit=LIMIT) as started:
        yield started


@pytest.fixture
def caller(slow_service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(slow_service, data_dir) as client:
        yield client


def test_a_key_past_its_limit_is_refused_by_the_service(caller: httpx.Client) -> None:
    answers = [caller.get(PATH) for _ in range(LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [200] * LIMIT + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= math.ceil(60 / LIMIT)
    assert answers[-1].json()["code"] == "too-many-requests"


def test_every_answer_tells_what_is_left(caller: httpx.Client) -> None:
    first = caller.get(PATH)
    assert first.headers["ratelimit-policy"] == f'"calls";q={LIMIT};w=60'
    assert first.headers["ratelimit"].startswith(f'"calls";r={LIMIT - 1};t=')


def test_a_refusal_tells_it_too(caller: httpx.Client) -> None:
    refused = caller.get("/v1/regions/99")
    assert refused.status_code == 404
    assert refused.headers["ratelimit"].startswith(f'"calls";r={LIMIT - 1};t=')


def test_whoever_is_not_known_has_no_rate(slow_service: RunningService) -> None:
    assert "ratelimit" not in slow_service.client.get(PATH).headers


def test_an_offer_can_be_answered_when_all_else_is_throttled(caller: httpx.Client) -> None:
    while caller.get(PATH).status_code == 200:
        pass
    answer = caller.post("/v1/offers/00000000-0000-4000-8000-000000000000/accept")
    assert answer.status_code == 404
    assert answer.headers["ratelimit-policy"].startswith('"answers";')
