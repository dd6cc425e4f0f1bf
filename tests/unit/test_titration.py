"""Conditions and actions, one by one, from a table written by hand from docs/model.md, section 4."""

from __future__ import annotations

from typing import Any

import pytest

from trialsim.model import titration
from trialsim.model.titration import EVER, NEW, NEW_OR_ONGOING, ONGOING

FIRST, SECOND, BOTH = 0b01, 0b10, 0b11


def holds(kind: int, *, toxicities: int = BOTH, mode: int = NEW_OR_ONGOING, at_least: int = 1, response: int = 1,
          level: int = 0, new: int = 0, ongoing: int = 0, ever: int = 0, n_onsets: tuple[int, ...] = (0, 0),
          seen: int = 0, wanted_level: int = 0, days: float = 0.0, today: float = 0.0,
          onset_days: tuple[float, ...] = (0.0, 0.0), resolved_days: tuple[float, ...] = (0.0, 0.0),
          seen_day: float = 0.0, dose_since_day: float = 0.0, was_reduced: bool = False) -> bool:  # fmt: skip
    return titration.condition_holds(
        kind, toxicities, mode, at_least, response, wanted_level, days, today, level, 3, new, ongoing,
        ever | new | ongoing, n_onsets, onset_days, resolved_days, seen, seen_day, dose_since_day, was_reduced,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("new", "ongoing", "ever", "expected"),
    [(0, 0, 0, True), (FIRST, 0, 0, False), (0, SECOND, 0, False), (0, 0, BOTH, True)],
)
def test_tolerated_means_nothing_new_and_nothing_ongoing(new: int, ongoing: int, ever: int, expected: bool) -> None:
    assert holds(titration.TOLERATED, new=new, ongoing=ongoing, ever=ever) is expected


def test_tolerated_looks_at_dose_limiting_toxicities_only() -> None:
    assert holds(titration.TOLERATED, toxicities=FIRST, new=SECOND, ongoing=SECOND)


@pytest.mark.parametrize(
    ("mode", "new", "ongoing", "ever", "expected"),
    [
        (NEW, FIRST, 0, 0, True),
        (NEW, 0, FIRST, 0, False),
        (ONGOING, 0, FIRST, 0, True),
        (ONGOING, FIRST, 0, 0, False),
        (NEW_OR_ONGOING, FIRST, 0, 0, True),
        (NEW_OR_ONGOING, 0, FIRST, 0, True),
        (NEW_OR_ONGOING, 0, 0, FIRST, False),
        (EVER, 0, 0, FIRST, True),
        (EVER, 0, 0, SECOND, False),
    ],
)
def test_a_toxicity_counts_as_its_timing_says(mode: int, new: int, ongoing: int, ever: int, expected: bool) -> None:
    found = holds(titration.HAS_TOXICITY, toxicities=FIRST, mode=mode, new=new, ongoing=ongoing, ever=ever)
    assert found is expected


def test_at_least_counts_onsets_of_the_named_toxicities_so_far() -> None:
    two: dict[str, Any] = {"toxicities": FIRST, "mode": EVER, "at_least": 2, "ever": BOTH}
    assert not holds(titration.HAS_TOXICITY, n_onsets=(1, 5), **two)
    assert holds(titration.HAS_TOXICITY, n_onsets=(2, 0), **two)


def test_a_partial_response_is_also_a_minor_one() -> None:
    assert holds(titration.HAS_RESPONSE, response=1, seen=2)
    assert not holds(titration.HAS_RESPONSE, response=2, seen=1)


def test_at_maximum_is_the_highest_level_and_always_is_always() -> None:
    assert [holds(titration.AT_MAXIMUM, level=level) for level in (0, 1, 2)] == [False, False, True]
    assert holds(titration.ALWAYS)


@pytest.mark.parametrize(
    ("action", "amount", "level", "expected"),
    [
        (titration.ESCALATE, 1, 0, 1),
        (titration.ESCALATE, 5, 1, 3),
        (titration.REDUCE, 1, 2, 1),
        (titration.REDUCE, 1, 0, 0),
        (titration.KEEP, 0, 2, 2),
    ],
)
def test_actions_move_on_a_ladder_of_four_and_never_leave_it(
    action: int, amount: int, level: int, expected: int
) -> None:
    assert titration.level_after(action, amount, level, 4) == expected


@pytest.mark.parametrize(
    ("resume", "waiting_for", "ongoing", "level", "expected"),
    [
        (titration.RESUME_SAME, 0, FIRST, 2, (2, FIRST)),
        (titration.RESUME_SAME - 1, 0, FIRST, 2, (1, FIRST)),
        (titration.RESUME_SAME - 1, 0, FIRST, 0, (0, FIRST)),
        (1, 0, FIRST, 3, (1, FIRST)),
        (titration.RESUME_SAME - 1, SECOND, BOTH, 2, (2, BOTH)),  # held already: waits for more, no lower
        (titration.RESUME_SAME - 1, 0, SECOND, 2, (2, 0)),  # what it names is over: nobody is held
    ],
)
def test_a_hold_sets_where_to_resume_once(
    resume: int, waiting_for: int, ongoing: int, level: int, expected: tuple[int, int]
) -> None:
    masks = (FIRST, waiting_for, ongoing)
    found = titration.level_after_hold(resume, *masks, level, 4), titration.waiting_after_hold(*masks)
    assert found == expected
