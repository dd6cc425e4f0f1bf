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
DECISION_NAMES: Final = (*ACTION_NAMES, "resume")

# Where a held patient resumes.
RESUME_SAME: Final = -1  # the level at which the drug was held
# a level of 0 or more: that level


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


def level_after(action: int, amount: int, level: int, n_levels: int) -> int:
    """The level after an action: escalation stops at the top of the ladder, reduction at its bottom.

    For a hold, `amount` tells where the patient will resume: `RESUME_SAME`, or a level counted from 0; a hold that
    resumes lower is given `-1 - n` for n levels lower.
    """
    if action == ESCALATE:
        return min(level + amount, n_levels - 1)
    if action == REDUCE:
        return max(level - amount, 0)
    if action == HOLD:
        return min(amount, n_levels - 1) if amount >= 0 else max(level + amount + 1, 0)
    return level
