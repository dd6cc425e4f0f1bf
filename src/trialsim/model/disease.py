"""Disease states and what moves between them.

stable ─▶ response 1 ─▶ … ─▶ response K             (only in patients sensitive to the drug; K of the scenario)
   │            └──────┬──────────┘
   ▼                   ▼
progressed          relapsed                         death from any state
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST_RESPONSES: Final = 6  # categories

# Disease states; those between are the categories of response, from the least to the best.
STABLE: Final = 0
RELAPSED: Final = MOST_RESPONSES + 1
PROGRESSED: Final = MOST_RESPONSES + 2

IN_RESPONSE: Final = sum(1 << state for state in range(1, MOST_RESPONSES + 1))
BEFORE_PROGRESSION: Final = (1 << STABLE) | IN_RESPONSE
AFTER_PROGRESSION: Final = (1 << RELAPSED) | (1 << PROGRESSED)
NO_STATE: Final = 0
ANY_STATE: Final = BEFORE_PROGRESSION | AFTER_PROGRESSION

HALF_A_MILLIONTH: Final = 0.5e-6  # of a day

# Kinds of clock.
TOXICITY: Final = 0
RESPONSE: Final = 1
RELAPSE: Final = 2
PROGRESSION: Final = 3
DEATH: Final = 4
WITHDRAWAL: Final = 5
DISCONTINUATION: Final = 6
KIND_NAMES: Final = ("toxicity", "response", "relapse", "progression", "death", "withdrawal", "discontinuation")

STATES_OF_KIND: Final = {
    TOXICITY: ANY_STATE,
    RELAPSE: IN_RESPONSE,
    PROGRESSION: 1 << STABLE,
    DEATH: ANY_STATE,
    WITHDRAWAL: ANY_STATE,
    DISCONTINUATION: ANY_STATE,
}


@dataclass(frozen=True)
class ResponseCategory:
    """A category of response, such as "partial response": its abbreviation, and whether it counts as a response."""

    name: str
    abbreviation: str
    counts: bool = True

    @property
    def short(self) -> str:
        """The name without the word response, as rules and strategies write it: "partial"."""
        return self.name.removesuffix(" response")

    @property
    def column(self) -> str:
        """The name as part of the name of a column that expressions use: partial, complete_response, pain_free."""
        return _COLUMNS.get(self.name, re.sub(r"\W", "_", self.name))

    @property
    def count_column(self) -> str:
        """The column that counts patients with it as the best one: n_partial, n_complete_response, n_pain-free.

        The name can be read from it: only spaces are replaced, and no name has an underscore.
        """
        return f"n_{_COLUMNS.get(self.name, self.name.replace(' ', '_'))}"

    @property
    def statistic(self) -> str:
        """The name of the statistic that counts it: response.partial, or response.complete response."""
        return f"{STATISTIC_PREFIX}{_COLUMNS.get(self.name, self.name)}"


STATISTIC_PREFIX: Final = "response."  # before the name of a category, the name of its statistic
_COLUMNS: Final = {"minor response": "minor", "partial response": "partial"}


def runs(
    states: int, needs_treatment: bool, needs_sensitivity: bool, state: int, on_treatment: bool, is_sensitive: bool
) -> bool:
    """Whether a clock runs: its states hold the present one, and treatment and sensitivity are there if needed."""
    if not (states >> state) & 1:
        return False
    return (on_treatment or not needs_treatment) and (is_sensitive or not needs_sensitivity)


def state_after(kind: int, response: int) -> int:
    """The state that a clock of a kind leads to; `response` is the category that a response step reaches."""
    if kind == RESPONSE:
        return response
    return RELAPSED if kind == RELAPSE else PROGRESSED


def state_name(state: int, responses: tuple[ResponseCategory, ...]) -> str:
    """A state in words."""
    if 0 < state <= len(responses):
        return responses[state - 1].name
    return {STABLE: "stable", RELAPSED: "relapsed", PROGRESSED: "progressed"}[state]


def confirms(seen_day: float, today: float, confirmation_days: float) -> bool:
    """Whether a response that was first seen on one study day is confirmed by being seen today.

    To the nearest millionth of a day, as days of assessments are.
    """
    return confirmation_days > 0.0 and today - seen_day > confirmation_days - HALF_A_MILLIONTH


def is_response(state: int) -> bool:
    """Whether a state is a category of response."""
    return STABLE < state < RELAPSED


def is_progression(state: int) -> bool:
    """Whether a state lies after relapse or progression."""
    return state >= RELAPSED
