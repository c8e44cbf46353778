"""How likely an offer is accepted: a plain model that a person can read, with a prior for where little is known.

A logistic regression whose weights have names. Its prior says what the field reports before any answer is
seen; history moves it away from there as far as it speaks. The answers of one person enter only where the
chance that a place is filled is worked out, never where it is decided who is asked: declining costs nobody
anything (Regulations on Voluntary Service, art. 25: nobody may be forced).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["PRIOR", "Circumstances", "Model", "chance_filled", "fit", "wave_size"]

Floats = NDArray[np.float64]

# One in four says yes to an alert from nearby, in several countries.
BASE_RATE: Final = 0.25
# As many answers of one person weigh as much as what is known of everybody.
PERSON_WEIGHT: Final = 8.0
MOST_STEPS: Final = 50
TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of offers when they are made; arrays of one length, one entry an offer.

    ``distance_km`` from the volunteer's place; ``notice_h`` from the offer to the start; ``is_night``,
    ``is_evening`` and ``is_weekend`` of the start in local time; ``needs_skill`` whether a skill is asked
    for; ``asked`` and ``accepted`` count the person's earlier offers and their yeses.
    """

    distance_km: Floats
    notice_h: Floats
    is_night: Floats
    is_evening: Floats
    is_weekend: Floats
    needs_skill: Floats
    asked: Floats
    accepted: Floats

    def __len__(self) -> int:
        return len(self.distance_km)

    def person(self) -> Floats:
        """Return how far each person's own answers speak for a yes, in logits around 0, shrunk where there are few."""
        rate = (self.accepted + PERSON_WEIGHT * BASE_RATE) / (self.asked + PERSON_WEIGHT)
        return np.asarray(logit(rate) - logit(BASE_RATE), np.float64)

    def design(self) -> Floats:
        """Return the matrix of the regression, one column a weight, in the order of ``Model``."""
        return np.column_stack(
            [
                np.ones(len(self)),
                np.log1p(self.distance_km),
                np.log1p(self.notice_h),
                self.is_night,
                self.is_evening,
                self.is_weekend,
                self.needs_skill,
                self.person(),
            ]
        )


@dataclass(frozen=True, slots=True)
class Model:
    """The weights, in logits: what each circumstance adds to the odds of a yes."""

    base: float
    distance: float
    notice: float
    night: float
    evening: float
    weekend: float
    skill: float
    person: float
    answers: int = 0

    def weights(self) -> Floats:
        """Return the weights as an array."""
        return np.array([getattr(self, name) for name in WEIGHTS])

    def chance(self, offers: Circumstances) -> Floats:
        """Return the probability that each offer is accepted: how many have to be asked follows from it."""
        return np.asarray(expit(offers.design() @ self.weights()))

    def impersonal_chance(self, offers: Circumstances) -> Floats:
        """Return the same as if nobody had ever answered: what may enter the choice of whom to ask."""
        weights = self.weights()
        weights[-1] = 0.0
        return np.asarray(expit(offers.design() @ weights))


WEIGHTS: Final = tuple(each.name for each in fields(Model) if each.name != "answers")

# Farther and at night less, with longer notice a little more; a person's own rate counts as it is.
PRIOR: Final = Model(
    base=float(logit(BASE_RATE)),
    distance=-0.4,
    notice=0.1,
    night=-0.7,
    evening=-0.1,
    weekend=0.0,
    skill=0.1,
    person=1.0,
)
PRIOR_SPREAD: Final = np.array([1.0, 0.5, 0.3, 0.7, 0.5, 0.5, 0.5, 0.5])


def fit(offers: Circumstances, is_accepted: NDArray[np.bool_], prior: Model = PRIOR) -> Model:
    """Return the most probable weights after these answers, given the prior.

    The posterior has one maximum, which Newton's steps reach; each is halved until it does not go down.

    Parameters
    ----------
    offers
        The circumstances of answered offers, at the time when they were made.
    is_accepted
        Whether each was accepted.
    prior
        What is believed before.
    """
    design, mean, precision = offers.design(), prior.weights(), 1 / PRIOR_SPREAD**2
    weights = mean.copy()
    for _ in range(MOST_STEPS):
        chance = expit(design @ weights)
        slope = design.T @ (is_accepted - chance) - precision * (weights - mean)
        curvature = (design.T * (chance * (1 - chance))) @ design + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        here = _log_posterior(design, is_accepted, weights, mean, precision)
        while _log_posterior(design, is_accepted, weights + step, mean, precision) < here - TOLERANCE:
            step /= 2
        weights = weights + step
        if np.abs(step).max() < TOLERANCE:
            break
    named = dict(zip(WEIGHTS, weights.tolist(), strict=True))
    return Model(**named, answers=len(offers))


def chance_filled(chances: Sequence[float] | Floats, places: int) -> float:
    """Return the probability that at least ``places`` of independent offers are accepted."""
    if places <= 0:
        return 1.0
    # Of the numbers of yeses below the places; what goes past is filled.
    below = np.zeros(places)
    below[0] = 1.0
    for chance in chances:
        below[1:] = below[1:] * (1 - chance) + below[:-1] * chance
        below[0] *= 1 - chance
    return float(1 - below.sum())


def wave_size(chances: Sequence[float] | Floats, places: int, *, target: float, most: int) -> int:
    """Return how many of the candidates, in their order, to ask at once.

    The fewest that fill the places with probability ``target``, never fewer than the places, and not
    more than ``most`` or than there are.
    """
    limit = min(most, len(chances))
    for size in range(min(places, limit), limit):
        if chance_filled(chances[:size], places) >= target:
            return size
    return limit


def _log_posterior(
    design: Floats, is_accepted: NDArray[np.bool_], weights: Floats, mean: Floats, precision: Floats
) -> float:
    logits = design @ weights
    likelihood = (is_accepted * logits - np.logaddexp(0, logits)).sum()
    return float(likelihood - (precision * (weights - mean) ** 2).sum() / 2)
