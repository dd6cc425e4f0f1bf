"""Titration rules: the state that a doctor sees, to a decision about the dose.

Levels are counted from 0 in a ladder of exact doses; a dose is always a look-up, never a sum. Sets of toxicities are
bit masks over their positions in the scenario. Rules are tried in order and the first that holds decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# Kinds of condition.
ALWAYS: Final = 0
TOLERATED: Final = 1
HAS_TOXICITY: Final = 2
HAS_RESPONSE: Final = 3
AT_MAXIMUM: Final = 4

# How recent a toxicity must be.
NEW_OR_ONGOING: Final = 0
NEW: Final = 1
ONGOING: Final = 2
EVER: Final = 3

# Actions.
KEEP: Final = 0
ESCALATE: Final = 1
REDUCE: Final = 2
HOLD: Final = 3
STOP: Final = 4
ACTION_NAMES: Final = ("keep", "escalate", "reduce", "hold", "stop")
RESUME: Final = 5  # what ends a hold; no rule names it
STILL_HELD: Final = 6  # a visit during a hold, at which nothing is decided
DECISION_NAMES: Final = (*ACTION_NAMES, "resume", "still held")

# Where a held patient resumes: a level counted from 0, or -1 - n for n levels below the one that was held.
RESUME_SAME: Final = -1


def toxicities_meant(mode: int, new: int, ongoing: int, ever: int) -> int:
    """The mask of toxicities that count under a mode; `new` means since the last visit (or just now, at onset)."""
    if mode == NEW:
        return new
    if mode == ONGOING:
        return ongoing
    if mode == EVER:
        return ever
    return new | ongoing


def onsets_so_far(toxicities: int, n_onsets: Sequence[int]) -> int:
    """How many onsets the toxicities in a mask have had."""
    total = 0
    for i in range(len(n_onsets)):
        if (toxicities >> i) & 1:
            total += n_onsets[i]
    return total


def condition_holds(
    kind: int,
    toxicities: int,
    mode: int,
    at_least: int,
    response: int,
    level: int,
    n_levels: int,
    new: int,
    ongoing: int,
    ever: int,
    n_onsets: Sequence[int],
    response_seen: int,
) -> bool:
    """Whether one condition of a rule holds.

    The first five arguments are the condition, the others what is known of the patient: level (0-based), masks of
    toxicities new since the last visit, ongoing, and ever seen, onsets so far per toxicity, and the best response
    seen (a state of `disease`).
    """
    if kind == TOLERATED:
        return (toxicities & (new | ongoing)) == 0
    if kind == HAS_TOXICITY:
        if (toxicities & toxicities_meant(mode, new, ongoing, ever)) == 0:
            return False
        return at_least <= 1 or onsets_so_far(toxicities, n_onsets) >= at_least
    if kind == HAS_RESPONSE:
        return response_seen >= response
    if kind == AT_MAXIMUM:
        return level == n_levels - 1
    return kind == ALWAYS


def waiting_after_hold(waits_for: int, waiting_for: int, ongoing: int) -> int:
    """The mask of toxicities that a patient is held for after a rule said hold; 0 for not held.

    A hold with nothing ongoing to wait for holds nobody; one more hold makes a held patient wait for more.
    """
    return waiting_for | waits_for if waits_for & ongoing else waiting_for


def level_after_hold(resume: int, waits_for: int, waiting_for: int, ongoing: int, level: int, n_levels: int) -> int:
    """The level at which a patient will resume after a rule said hold.

    Only the hold that stops the drug sets it: a further hold of a held patient, or one with nothing ongoing to wait
    for, leaves it as it is.
    """
    if waiting_for != 0 or not waits_for & ongoing:
        return level
    return min(resume, n_levels - 1) if resume >= 0 else max(level + resume + 1, 0)


def level_after(action: int, amount: int, level: int, n_levels: int) -> int:
    """The level after an escalation or reduction by `amount`, which stop at the ends of the ladder; else the same."""
    if action == ESCALATE:
        return min(level + amount, n_levels - 1)
    if action == REDUCE:
        return max(level - amount, 0)
    return level
