"""Randomised selection of the best of several arms (Simon, Wittes and Ellenberg 1985, Cancer Treatment Reports).

Every arm treats n patients and the arm with most successes is taken, ties being broken at random. There is no test and
no control of a type I error: the design only makes it probable that an arm which is better by a worthwhile difference
is the one taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trialsim.design.theory.arguments import check_count, check_numbers, check_probability
from trialsim.design.theory.binomial import binomial_weights

MOST_ARMS = 50


def selection_probabilities(n: int, rates: Sequence[float]) -> tuple[float, ...]:
    """The probability of each arm to be taken, with n patients in each arm; they sum to 1.

    `rates` are the true success rates, one per arm. Raises RequestError for fewer than two arms, for a rate outside 0
    to 1 and for an n that is not a whole number above 0.
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
