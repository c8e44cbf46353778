"""The model finds what made people say yes, believes little answers little, and sizes waves by it."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from matcher.matching import acceptance
from matcher.matching.acceptance import PRIOR, Circumstances, chance_filled, fit, wave_size


def circumstances(count: int, seed: int = 1) -> Circumstances:
    rng = np.random.default_rng(seed)
    asked = rng.integers(0, 30, count).astype(float)

    def flag(share: float) -> Any:
        return (rng.random(count) < share).astype(float)

    return Circumstances(
        distance_km=rng.gamma(2, 1, count),
        notice_h=rng.gamma(1, 12, count),
        is_night=flag(0.1),
        is_evening=flag(0.3),
        is_weekend=flag(0.3),
        needs_skill=flag(0.4),
        asked=asked,
        accepted=np.floor(asked * rng.random(count)),
    )


def test_without_answers_the_prior_stands() -> None:
    assert fit(circumstances(0), np.zeros(0, bool)).weights() == pytest.approx(PRIOR.weights())


def test_many_answers_reveal_the_weights_that_made_them() -> None:
    truth = replace(PRIOR, base=0.5, distance=-1.2, night=-2.0, weekend=0.6)
    offers = circumstances(60_000)
    answers = np.random.default_rng(2).random(len(offers)) < truth.chance(offers)
    assert fit(offers, answers).weights() == pytest.approx(truth.weights(), abs=0.12)


def test_a_few_answers_move_it_a_little() -> None:
    offers = circumstances(3)
    moved = fit(offers, np.ones(3, bool)).chance(offers) - PRIOR.chance(offers)
    assert (moved > 0).all()
    assert (moved < 0.4).all()


def test_it_is_the_maximum_that_a_general_optimiser_finds() -> None:
    offers = circumstances(400, seed=3)
    answers = np.random.default_rng(4).random(400) < 0.4
    prior, spread = PRIOR.weights(), acceptance.PRIOR_SPREAD

    def loss(weights: Any) -> float:
        chance = expit(offers.design() @ weights)
        likelihood = np.log(np.where(answers, chance, 1 - chance)).sum()
        return float(((weights - prior) ** 2 / spread**2).sum() / 2 - likelihood)

    found = minimize(loss, prior, method="BFGS", options={"gtol": 1e-6})
    assert fit(offers, answers).weights() == pytest.approx(found.x, abs=1e-4)


def test_earlier_refusals_never_count_where_it_is_decided_whom_to_ask() -> None:
    offers = circumstances(50)
    refuser = replace(offers, asked=offers.asked + 20)
    model = fit(offers, np.arange(50) % 3 == 0)
    assert model.impersonal_chance(refuser) == pytest.approx(model.impersonal_chance(offers), abs=0)
    assert (model.chance(refuser) < model.chance(offers)).all()


@given(st.lists(st.floats(0, 1), max_size=9), st.integers(0, 10))
def test_the_chance_of_filled_places_is_the_sum_over_all_outcomes(chances: list[float], places: int) -> None:
    expected = sum(
        np.prod([chance if yes else 1 - chance for yes, chance in zip(outcome, chances, strict=True)])
        for outcome in itertools.product([False, True], repeat=len(chances))
        if sum(outcome) >= places
    )
    assert chance_filled(chances, places) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(0.05, 0.95), max_size=20), st.integers(1, 4), st.floats(0.5, 0.99), st.integers(1, 12))
def test_a_wave_is_the_smallest_that_reaches_the_target(
    chances: list[float], places: int, target: float, most: int
) -> None:
    size = wave_size(chances, places, target=target, most=most)
    limit = min(most, len(chances))
    assert size <= limit
    assert size >= min(places, limit)
    if size < limit:
        assert chance_filled(chances[:size], places) >= target
    if size > min(places, limit):
        assert chance_filled(chances[: size - 1], places) < target
