"""The designs of a study of size by name, and which keys of the study each needs and may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Design = Literal[
    "single-stage", "ahern", "simon-optimal", "simon-minimax", "simon-admissible", "fleming", "bryant-day", "precision",
    "one-sample-logrank", "two-arm", "logrank", "rmst", "selection", "predictive-probability", "bop2", "thall-simon",
    "non-inferiority", "equivalence", "non-inferiority-survival",
]  # fmt: skip
Alternative = Literal["rate", "hazard ratio", "arms"]


@dataclass(frozen=True)
class DesignKeys:
    """The keys that a design `needs` and those that it `may_use`; keys that are not in `SPECIAL_KEYS` are of all.

    `alternative`: what a number given as the alternative is; with `arms`, the arms' own changes are the alternative.
    `n_arms`: how many arms there are; None for two or more of equal size.
    """

    needs: tuple[str, ...]
    may_use: tuple[str, ...] = ()
    alternative: Alternative = "rate"
    n_arms: int | None = 1

    def uses(self, key: str) -> bool:
        """Whether a key says something to this design."""
        return key not in SPECIAL_KEYS or key in self.needs or key in self.may_use


# Keys that only some designs use, in the order in which they are checked.
SPECIAL_KEYS: Final = (
    "n", "null", "margin", "stages", "toxicity", "half_width", "confidence", "reference", "rates", "medians",
    "hazards", "until",
    "variants", "control", "allocation", "looks", "looks.spending", "looks.futility", "looks.boundary", "looks.first",
    "looks.every", "looks.reestimate", "bayesian", "test", "two_sided", "sides", "alpha", "safety", "conduct.accrual",
    "conduct.overrun", "conduct.interim_after", "conduct.not_evaluable", "conduct.attained", "conduct.follow_up",
    "conduct.events",
)  # fmt: skip
_LOOKS: Final = ("conduct.accrual", "conduct.overrun", "conduct.interim_after")
_COUNTS: Final = ("safety", "conduct.not_evaluable")
_BOUNDS: Final = ("looks", "looks.spending", "looks.futility", "looks.boundary")
_MANY_LOOKS: Final = ("looks", "looks.first", "looks.every", *_COUNTS, *_LOOKS)
_ARMS: Final = ("control", "allocation")
_PLAIN_TIMES: Final = ("medians", "hazards")
_AT_EVENTS: Final = ("conduct.follow_up", "conduct.events")
_SINGLE_STAGE: Final = DesignKeys(("null", "alternative"), ("n", "alpha", "conduct.attained", *_COUNTS))
_OF_STAGES: Final = ("alpha", "conduct.attained", *_COUNTS, *_LOOKS)
_TWO_STAGE: Final = DesignKeys(("null", "alternative"), ("n", *_OF_STAGES))
_MARGIN: Final = DesignKeys(("variants", "rates", "margin"), ("n", "alpha", *_ARMS, *_COUNTS), "arms", n_arms=2)

KEYS: Final[dict[str, DesignKeys]] = {
    "single-stage": _SINGLE_STAGE,
    "ahern": _SINGLE_STAGE,
    "simon-optimal": _TWO_STAGE,
    "simon-minimax": _TWO_STAGE,
    "simon-admissible": _TWO_STAGE,
    "fleming": DesignKeys(("null", "alternative", "stages"), _OF_STAGES),
    "bryant-day": DesignKeys(("null", "alternative", "toxicity"), ("alpha", *_COUNTS, *_LOOKS)),
    "precision": DesignKeys(("half_width",), ("n", "alternative", "confidence", *_COUNTS)),
    "two-arm": DesignKeys(
        ("variants", "alternative"),
        ("n", "rates", *_BOUNDS, "test", "two_sided", "sides", "alpha", *_ARMS, *_COUNTS, *_LOOKS),
        "arms",
        n_arms=2,
    ),
    "logrank": DesignKeys(
        ("variants", "alternative"),
        ("n", *_PLAIN_TIMES, "test", *_BOUNDS, "looks.reestimate", "sides", "alpha", *_AT_EVENTS, *_ARMS),
        "hazard ratio",
        n_arms=2,
    ),
    "rmst": DesignKeys(
        ("variants", "alternative", "until"),
        ("n", *_PLAIN_TIMES, "sides", "alpha", "conduct.follow_up", *_ARMS),
        "hazard ratio",
        n_arms=2,
    ),
    "one-sample-logrank": DesignKeys(
        ("reference", "alternative"), ("n", "sides", "alpha", "conduct.follow_up"), "hazard ratio"
    ),
    "predictive-probability": DesignKeys(("null", "alternative"), ("n", "alpha", "bayesian", *_MANY_LOOKS)),
    "bop2": DesignKeys(("null", "alternative"), ("n", "alpha", "bayesian", *_MANY_LOOKS)),
    "thall-simon": DesignKeys(("null", "alternative", "n", "bayesian"), _MANY_LOOKS),
    "non-inferiority": _MARGIN,
    "equivalence": _MARGIN,
    "non-inferiority-survival": DesignKeys(
        ("variants", "alternative", "margin"),
        ("n", "medians", *_BOUNDS, "alpha", "conduct.follow_up", "conduct.events", *_ARMS),
        "hazard ratio",
        n_arms=2,
    ),
    "selection": DesignKeys(("variants", "alternative"), ("n", "rates", *_ARMS, *_COUNTS), "arms", n_arms=None),
}
USED_BY: Final = {key: tuple(name for name, keys in KEYS.items() if keys.uses(key)) for key in SPECIAL_KEYS}
OF_TIMES: Final = USED_BY["conduct.follow_up"]
ARMS: Final = USED_BY["variants"]
