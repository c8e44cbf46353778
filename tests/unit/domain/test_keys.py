"""Keys as texts."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain import keys
from matcher.domain.access import Principal, Scope
from matcher.domain.errors import GrantExceededError
from matcher.domain.keys import Grant, SecretKind

LETTERS = string.ascii_letters + string.digits


@pytest.fixture(scope="module")
def secret() -> str:
    return keys.make(SecretKind.KEY)


@pytest.mark.parametrize("kind", SecretKind)
def test_a_new_secret_says_what_it_is(kind: SecretKind) -> None:
    assert keys.kind_of(keys.make(kind)) is kind


def test_no_two_secrets_are_alike() -> None:
    assert len({keys.make(SecretKind.KEY) for _ in range(1_000)}) == 1_000


@given(place=st.integers(0, 40), letter=st.sampled_from(LETTERS))
def test_one_wrong_letter_is_found_without_a_look_up(secret: str, place: int, letter: str) -> None:
    mistyped = secret[:place] + letter + secret[place + 1 :]
    assert (keys.kind_of(mistyped) is SecretKind.KEY) == (mistyped == secret)


@given(place=st.integers(8, 39))
def test_two_letters_in_the_wrong_order_are_found_without_a_look_up(secret: str, place: int) -> None:
    swapped = secret[:place] + secret[place + 1] + secret[place] + secret[place + 2 :]
    assert (keys.kind_of(swapped) is SecretKind.KEY) == (swapped == secret)


@given(st.text())
def test_a_text_that_is_no_secret_is_none(text: str) -> None:
    assert keys.kind_of(text) is None


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(0, 0)])
def test_a_part_of_a_secret_is_none(secret: str, cut: slice) -> None:
    assert keys.kind_of(secret[cut]) is None


def test_a_lone_surrogate_has_a_digest_like_any_text() -> None:
    assert len(keys.digest("\ud800")) == 32


def test_what_is_shown_of_a_secret_leaves_most_of_it_out(secret: str) -> None:
    assert secret.startswith(keys.shorten(secret))
    assert len(keys.shorten(secret)) == len(SecretKind.KEY) + 4


def bearer(*scopes: Scope, regions: tuple[str, ...] = ("31",)) -> Principal:
    return Principal(client_no=1, key_no=1, scopes=frozenset(scopes), regions=regions)


def grant(*regions: str) -> Grant:
    return Grant(frozenset({Scope.OFFERS_READ}), regions)


def test_a_key_may_grant_what_it_has() -> None:
    keys.check_grant(bearer(Scope.OFFERS_READ, Scope.KEYS_MANAGE), grant("3101", "310101002"))


def test_a_key_may_not_grant_a_scope_that_it_lacks() -> None:
    with pytest.raises(GrantExceededError, match="offers:read"):
        keys.check_grant(bearer(Scope.OFFERS_WRITE), grant("31"))


@pytest.mark.parametrize("region", ["", "3", "32", "11"])
def test_a_key_may_not_grant_a_region_that_is_not_within_its_own(region: str) -> None:
    with pytest.raises(GrantExceededError, match="region"):
        keys.check_grant(bearer(Scope.OFFERS_READ), grant("31", region))
