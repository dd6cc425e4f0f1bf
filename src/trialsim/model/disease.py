"""Disease states and what moves between them.

stable ─▶ minor response ─▶ partial response        (only in patients sensitive to the drug)
   │            └──────┬──────────┘
   ▼                   ▼
progressed          relapsed                         death from any state
"""

from __future__ import annotations

from typing import Final

# Disease states.
STABLE: Final = 0
MINOR: Final = 1
PARTIAL: Final = 2
RELAPSED: Final = 3
PROGRESSED: Final = 4
STATE_NAMES: Final = ("stable", "minor response", "partial response", "relapsed", "progressed")

RESPONSE_NAMES: Final = ("none", "minor", "partial")

IN_RESPONSE: Final = (1 << MINOR) | (1 << PARTIAL)
BEFORE_PROGRESSION: Final = (1 << STABLE) | IN_RESPONSE
AFTER_PROGRESSION: Final = (1 << RELAPSED) | (1 << PROGRESSED)
NO_STATE: Final = 0
ANY_STATE: Final = BEFORE_PROGRESSION | AFTER_PROGRESSION

HALF_A_MILLIONTH: Final = 0.5e-6  # of a day

# Kinds of clock.
TOXICITY: Final = 0
MINOR_RESPONSE: Final = 1
PARTIAL_RESPONSE: Final = 2
RELAPSE: Final = 3
PROGRESSION: Final = 4
DEATH: Final = 5
WITHDRAWAL: Final = 6
DISCONTINUATION: Final = 7
KIND_NAMES: Final = (
    "toxicity", "minor response", "partial response", "relapse", "progression", "death", "withdrawal",
    "discontinuation",
)  # fmt: skip

STATES_OF_KIND: Final = {
    TOXICITY: ANY_STATE,
    MINOR_RESPONSE: 1 << STABLE,
    PARTIAL_RESPONSE: 1 << MINOR,
    RELAPSE: IN_RESPONSE,
    PROGRESSION: 1 << STABLE,
    DEATH: ANY_STATE,
    WITHDRAWAL: ANY_STATE,
    DISCONTINUATION: ANY_STATE,
}


def runs(
    states: int, needs_treatment: bool, needs_sensitivity: bool, state: int, on_treatment: bool, is_sensitive: bool
) -> bool:
    """Whether a clock runs: its states hold the present one, and treatment and sensitivity are there if needed."""
    if not (states >> state) & 1:
        return False
    return (on_treatment or not needs_treatment) and (is_sensitive or not needs_sensitivity)


def state_after(kind: int) -> int:
    """The state that a response step, a relapse or a progression leads to, by the kind of its clock."""
    if kind == MINOR_RESPONSE:
        return MINOR
    if kind == PARTIAL_RESPONSE:
        return PARTIAL
    return RELAPSED if kind == RELAPSE else PROGRESSED


def confirms(seen_day: float, today: float, confirmation_days: float) -> bool:
    """Whether a response that was first seen on one study day is confirmed by being seen today.

    To the nearest millionth of a day, as days of assessments are.
    """
    return confirmation_days > 0.0 and today - seen_day > confirmation_days - HALF_A_MILLIONTH


def is_response(state: int) -> bool:
    """Whether a state is a response (minor or partial)."""
    return state in (MINOR, PARTIAL)


def is_progression(state: int) -> bool:
    """Whether a state lies after relapse or progression."""
    return state in (RELAPSED, PROGRESSED)
