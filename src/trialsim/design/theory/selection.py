"""Randomised selection of the best of several arms (Simon, Wittes and Ellenberg 1985, Cancer Treatment Reports).

Every arm treats n patients and the arm with most successes is taken, ties being broken at random. There is no test and
no control of a type I error: the design only makes it probable that an arm which is better by a worthwhile difference
is the one taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trialsim.design.theory.arguments import LARGEST_ARM, check_count, check_numbers, check_positive, check_probability
from trialsim.design.theory.binomial import binomial_weights
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.theory.sawtooth import first_reaching
from trialsim.errors import RequestError

MOST_ARMS = 50


@dataclass(frozen=True)
class SelectionSize:
    """The patients per arm that select the best arm with at least the wanted probability.

    `probability` is the one reached with `n` per arm, `n_total` counts the patients of all arms.
    """

    n: int
    n_total: int
    probability: float


def selection_probabilities(n: int, rates: Sequence[float]) -> tuple[float, ...]:
    """The probability of each arm to be taken, with n patients in each arm; they sum to 1.

    `rates` are the true success rates, one per arm. Raises RequestError for fewer than two arms, for a rate outside 0
    to 1 and for an n that is no whole number above 0.
    """
    check_count("n", n)
    check_numbers("rates", rates)
    check_count("number of arms", len(rates), 2, MOST_ARMS)
    for rate in rates:
        check_probability("rate", rate, with_ends=True)
    equal = binomial_weights(n, np.array(rates, dtype=np.float64))
    fewer = np.cumsum(equal, axis=1) - equal
    # A tie at random is a tie decided by a uniform number u of each arm: given that of one arm, another is beaten with
    # probability fewer + u equal. Gauss and Legendre's rule integrates this polynomial in u without error.
    nodes, node_weights = np.polynomial.legendre.leggauss(len(rates) // 2 + 1)
    beaten = fewer[:, None, :] + (nodes[:, None] + 1.0) / 2.0 * equal[:, None, :]  # (arms, nodes, n + 1)
    taken = [equal[arm] * np.delete(beaten, arm, axis=0).prod(axis=0) for arm in range(len(rates))]
    return tuple(float(node_weights @ one.sum(axis=1)) / 2.0 for one in taken)


def selection_probability(n: int, p: float, difference: float, n_arms: int) -> float:
    """The probability that the best arm is taken, with n patients in each arm.

    All arms but the best have the success rate `p`, the best has `p + difference`. Raises RequestError for numbers
    that describe no such trial.
    """
    _check_rates(p, difference)
    check_count("number of arms", n_arms, 2, MOST_ARMS)
    return selection_probabilities(n, (*[p] * (n_arms - 1), min(p + difference, 1.0)))[-1]


def smallest_selection(
    p: float, difference: float, n_arms: int, probability: float = 0.9, largest: int = LARGEST_ARM
) -> SelectionSize:
    """The smallest number of patients per arm that takes the best arm with at least a wanted probability.

    Rates as in `selection_probability`. Raises RequestError for numbers that describe no such trial, and where more
    than `largest` patients per arm would be needed.
    """
    _check_rates(p, difference)
    check_count("number of arms", n_arms, 2, MOST_ARMS)
    check_probability("probability", probability)
    check_count("largest", largest)

    def reached(n: int) -> float:
        return selection_probability(n, p, difference, n_arms)

    crossing = first_reaching(reached, probability, lambda n: 20 + math.isqrt(n), largest)
    if crossing is None:
        wrong = f"No trial of at most {largest} patients per arm selects the best arm that often."
        allowed = f"probabilities up to {reached(largest):.4f}, larger differences, or a larger limit."
        raise RequestError(f"probability: {probability}", wrong, allowed)
    return SelectionSize(crossing.n, crossing.n * n_arms, crossing.reached)


def _check_rates(p: float, difference: float) -> None:
    """Refuse rates of which one is no probability or the best is not the best."""
    check_probability("p", p, with_ends=True)
    check_positive("difference", difference)
    if p + difference > highest_accepted(1.0):  # 0.7 + 0.3 and the like may round upwards
        raise RequestError(f"difference: {difference}", f"With p = {p} the best rate exceeds 1.", f"up to {1.0 - p:g}.")
