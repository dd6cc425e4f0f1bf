"""Smallest sample sizes where the quantity wanted goes up and down with n.

Exact probabilities do not rise steadily with the number of patients: a critical value moves by whole patients, so
power falls at some n and rises again (Chernick and Liu 2002, The American Statistician). Two sizes are worth
knowing: the first that reaches what is wanted, and the one from which no larger one falls back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from trialsim.design.theory.rounding import lowest_accepted


@dataclass(frozen=True)
class Crossing:
    """The first n that reaches what was wanted, what it reaches, and the n from which that lasts.

    `stays_from` is the smallest n such that every size from it to `checked_to` reaches what was wanted.
    """

    n: int
    reached: float
    stays_from: int
    checked_to: int


def first_reaching(
    quantity: Callable[[int], float], wanted: float, teeth: Callable[[int], int], largest: int, start: int = 1
) -> Crossing | None:
    """The first n from `start` to `largest` at which a quantity is at least what is wanted; None where there is none.

    None below `start` reaches it. The neighbourhood is found by ever longer steps and halving. From there n goes down,
    and up, until as many sizes in sequence as `teeth(n)` say the same: `teeth` must exceed the length of a tooth of the
    saw.
    """
    at, wanted = lru_cache(maxsize=None)(quantity), lowest_accepted(wanted)
    start_of_search = _some_reaching(at, wanted, teeth, largest, start)
    if start_of_search is None:
        return None
    window = teeth(start_of_search)
    first, below = start_of_search, start_of_search - 1
    while below >= max(start, first - window):
        first = below if at(below) >= wanted else first
        below -= 1
    last_failure, above = start_of_search - 1, start_of_search
    while above < min(largest, last_failure + 1 + window):
        above += 1
        last_failure = above if at(above) < wanted else last_failure
    stays_from = last_failure + 1
    while stays_from > first and at(stays_from - 1) >= wanted:
        stays_from -= 1
    return Crossing(first, at(first), stays_from, above)


def _some_reaching(
    at: Callable[[int], float], wanted: float, teeth: Callable[[int], int], largest: int, start: int
) -> int | None:
    """An n that reaches what is wanted and lies near the first one."""
    failing, reaching, step = start - 1, start, max(1, start // 16)
    while at(reaching) < wanted:
        if reaching == largest:
            near = range(largest - 1, max(start - 1, largest - 1 - teeth(largest)), -1)
            return next((n for n in near if at(n) >= wanted), None)
        failing, reaching, step = reaching, min(reaching + step, largest), 2 * step
    while reaching - failing > 1:
        middle = (failing + reaching) // 2
        failing, reaching = (failing, middle) if at(middle) >= wanted else (middle, reaching)
    return reaching
