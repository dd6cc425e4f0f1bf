"""Titration rules: the state that a doctor sees, to a decision about the dose.

Levels are counted from 0 in a ladder of exact doses; a dose is always a look-up, never a sum. Sets of toxicities are
bit masks over their positions in the scenario. Rules are tried in order and the first that holds decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trialsim.model.rules import Condition

# Kinds of condition.
ALWAYS: Final = 0
TOLERATED: Final = 1
HAS_TOXICITY: Final = 2
HAS_RESPONSE: Final = 3
AT_MAXIMUM: Final = 4
AT_LEVEL: Final = 5  # the level, or a higher one
FROM_DAY: Final = 6  # the study day, or a later one
IS_STABLE: Final = 7  # no better response seen for a number of days
IS_UNCHANGED: Final = 8  # the dose has stayed for a number of days
IS_FREE: Final = 9  # none of the toxicities for a number of days
WAS_REDUCED: Final = 10  # the dose was reduced or held before
# Groups of conditions, which have parts.
ALL_OF: Final = 11
ANY_OF: Final = 12
NOT: Final = 13
TIMED: Final = (FROM_DAY, IS_STABLE, IS_UNCHANGED, IS_FREE)  # what may come to hold though nothing happens

# How recent a toxicity must be.
NEW_OR_ONGOING: Final = 0
NEW: Final = 1
ONGOING: Final = 2
EVER: Final = 3
RECENT: Final = 4  # an onset within the last `days`

# Actions.
KEEP: Final = 0
ESCALATE: Final = 1
REDUCE: Final = 2
HOLD: Final = 3
STOP: Final = 4
RESUME: Final = 5  # what ends a hold; no rule names it
STILL_HELD: Final = 6  # a visit during a hold, at which nothing is decided
GO_TO: Final = 7
DECISION_NAMES: Final = ("keep", "escalate", "reduce", "hold", "stop", "resume", "still held", "go to")

# Where a held patient resumes: a level counted from 0, or -1 - n for n levels below the one that was held.
RESUME_SAME: Final = -1

_SAME_INSTANT: Final = 1e-6  # days: as visits are rounded, see `course.repeated_day`


def has_lasted(since_day: float, today: float, days: float) -> bool:
    """Whether at least `days` have gone by, to the millionth of a day."""
    return today - since_day > days - _SAME_INSTANT


def toxicities_meant(
    mode: int, new: int, ongoing: int, ever: int, onset_days: Sequence[float], today: float, days: float
) -> int:
    """The mask of toxicities that count under a mode; `new` means since the last visit (or just now, at onset)."""
    if mode == NEW:
        return new
    if mode == ONGOING:
        return ongoing
    if mode == EVER:
        return ever
    if mode == RECENT:
        recent = 0
        for i in range(len(onset_days)):
            if (ever >> i) & 1 and not has_lasted(onset_days[i], today, days):
                recent |= 1 << i
        return recent
    return new | ongoing


def onsets_so_far(toxicities: int, n_onsets: Sequence[int]) -> int:
    """How many onsets the toxicities in a mask have had."""
    total = 0
    for i in range(len(n_onsets)):
        if (toxicities >> i) & 1:
            total += n_onsets[i]
    return total


def is_free(
    toxicities: int, ongoing: int, ever: int, resolved_days: Sequence[float], today: float, days: float
) -> bool:
    """Whether none of the toxicities in a mask is there, nor has been within the last `days`.

    The time counts from the first dose, or from the day on which the last of them was over.
    """
    if toxicities & ongoing:
        return False
    for i in range(len(resolved_days)):
        if (toxicities >> i) & (ever >> i) & 1 and not has_lasted(resolved_days[i], today, days):
            return False
    return has_lasted(0.0, today, days)


def begins_there(value: float, category: int, at_least: float, below: float) -> bool:
    """Whether a baseline value (of a category: its position) is one of those for which a first level is."""
    return value == category if category >= 0 else at_least <= value < below


def condition_holds(
    kind: int,
    toxicities: int,
    mode: int,
    at_least: int,
    response: int,
    wanted_level: int,
    days: float,
    today: float,
    level: int,
    n_levels: int,
    new: int,
    ongoing: int,
    ever: int,
    n_onsets: Sequence[int],
    onset_days: Sequence[float],
    resolved_days: Sequence[float],
    response_seen: int,
    response_seen_day: float,
    dose_since_day: float,
    was_reduced: bool,
) -> bool:
    """Whether one condition of a rule holds, not a group of them.

    The first seven arguments are the condition, the others what is known of the patient: the study day, level
    (0-based), masks of toxicities new since the last visit, ongoing, and ever seen, per toxicity how many onsets and
    the days of the last onset and of its end, the best response seen (a state of `disease`) and since when, the day
    of the last change of dose, and whether the dose was reduced or held before.
    """
    if kind == TOLERATED:
        return (toxicities & (new | ongoing)) == 0
    if kind == HAS_TOXICITY:
        if (toxicities & toxicities_meant(mode, new, ongoing, ever, onset_days, today, days)) == 0:
            return False
        return at_least <= 1 or onsets_so_far(toxicities, n_onsets) >= at_least
    if kind == HAS_RESPONSE:
        return response_seen >= response
    if kind == AT_MAXIMUM:
        return level == n_levels - 1
    if kind == AT_LEVEL:
        return level >= wanted_level
    if kind == FROM_DAY:
        return has_lasted(0.0, today, days)
    if kind == IS_STABLE:
        return has_lasted(response_seen_day, today, days)
    if kind == IS_UNCHANGED:
        return has_lasted(dose_since_day, today, days)
    if kind == IS_FREE:
        return is_free(toxicities, ongoing, ever, resolved_days, today, days)
    if kind == WAS_REDUCED:
        return was_reduced
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


def whole_holds(condition: Condition, holds: Callable[[Condition], bool]) -> bool:
    """Whether a condition or a group of conditions holds; `holds` answers for those that have no parts."""
    if condition.kind == ALL_OF:
        return all(whole_holds(part, holds) for part in condition.parts)
    if condition.kind == ANY_OF:
        return any(whole_holds(part, holds) for part in condition.parts)
    if condition.kind == NOT:
        return not whole_holds(condition.parts[0], holds)
    return holds(condition)


def level_after(action: int, amount: int, level: int, n_levels: int) -> int:
    """The level after a move: `amount` levels up or down, stopped by the ends of the ladder, or to level `amount`."""
    if action == ESCALATE:
        return min(level + amount, n_levels - 1)
    if action == REDUCE:
        return max(level - amount, 0)
    if action == GO_TO:
        return amount
    return level
