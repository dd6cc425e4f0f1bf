"""Counts of responses that overlap, as counts of patients who are each in one place.

A publication may print any response and partial ones, or each category, or a category and better; seen, or confirmed.
Each is a set of the states in which a patient may end: the best response seen, and the best one confirmed. What
the sets have in common, and what sets them apart, are parts that exclude each other; the counts of the parts follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialsim.endpoints.responses import ANY_RESPONSE, CONFIRMED_RESPONSE
from trialsim.model.disease import ResponseCategory
from trialsim.model.protocol import Protocol
from trialsim.typing import Floats

State = tuple[int, int]  # the number of the best category seen, and of the best one confirmed; 0 for none
States = frozenset[State]


@dataclass(frozen=True)
class Part:
    """Some states that lie in the sets of `inside` and in no others, and how many patients ended there."""

    states: States
    inside: tuple[int, ...]
    count: int


class CountsError(ValueError):
    """Counts that contradict each other, or do not tell those of the parts."""


def states_of(protocol: Protocol) -> dict[str, States]:
    """The states that the endpoints of responses count, by their names."""
    responses, first = protocol.responses, protocol.first_response
    everywhere = [(seen, confirmed) for seen in range(len(responses) + 1) for confirmed in range(seen + 1)]

    def those(least_seen: int = 0, most_seen: int = len(responses), least_confirmed: int = 0) -> States:
        return frozenset(
            state for state in everywhere if least_seen <= state[0] <= most_seen and state[1] >= least_confirmed
        )

    found = {ANY_RESPONSE: those(first), CONFIRMED_RESPONSE: those(least_confirmed=first)}
    for number, category in enumerate(responses, 1):
        found[category.name] = those(number, number)
        found[f"{category.name} or better"] = those(number)
        found[f"confirmed {category.name}"] = those(least_confirmed=number)
    return found


def parts_of(sets: Sequence[States], counts: Sequence[int]) -> list[Part]:
    """The parts of some sets with their counts, in the order of their least states. Raises `CountsError`."""
    by_sets: dict[tuple[int, ...], set[State]] = {}
    for state in sorted(frozenset().union(*sets)):
        by_sets.setdefault(tuple(i for i, item in enumerate(sets) if state in item), set()).add(state)
    is_in = np.array([[float(i in inside) for inside in by_sets] for i in range(len(sets))])
    if np.linalg.matrix_rank(is_in) < len(by_sets):
        raise CountsError("they overlap, and do not tell how many are in both")
    numbers = np.rint(np.linalg.lstsq(is_in, np.asarray(counts, np.float64))[0])
    if not np.array_equal(is_in @ numbers, np.asarray(counts, np.float64)):
        raise CountsError("they do not add up")
    if numbers.min() < 0.0:
        raise CountsError("the wider of two has fewer patients")
    found = zip(by_sets.items(), numbers.tolist(), strict=True)
    return [Part(frozenset(states), inside, int(count)) for (inside, states), count in found]


def not_telling(left_out: States, sets: Mapping[str, States]) -> list[str]:
    """The names of sets whose counts do not tell that of one left out; wide sets are kept before narrow ones."""
    kept = sorted(sets, key=lambda name: (-len(sets[name]), -max(sets[name])[0]))
    while kept and _tell(left_out, [sets[name] for name in kept]):
        kept.pop()
    return [name for name in sets if name in kept]


def _tell(wanted: States, sets: Sequence[States]) -> bool:
    """Whether the counts of some sets give that of another one."""
    states = sorted(wanted.union(*sets))
    rows = [_indicator(item, states) for item in sets]
    together = [*rows, _indicator(wanted, states)]
    return bool(np.linalg.matrix_rank(np.array(rows)) == np.linalg.matrix_rank(np.array(together)))


def _indicator(states: States, everywhere: Sequence[State]) -> Floats:
    return np.array([float(state in states) for state in everywhere])


def categories_in(states: States, responses: Sequence[ResponseCategory]) -> list[ResponseCategory]:
    """The categories of response that are the best one seen in some states."""
    return [responses[number - 1] for number in sorted({seen for seen, _ in states}) if number > 0]
