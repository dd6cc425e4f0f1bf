"""How a trial is conducted under a design: when it is looked at, when accrual waits, what each patient counts for.

Both engines read this plan and share nothing else of it. A patient is *resolved* when all outcomes of the design are
known: a response or its window gone by, progression, death, the end of observation. Whoever leaves before being
evaluable, without a response, or withdraws before the window of a toxicity that is decided on, is not evaluable. A look
after m patients concerns the first m in order of enrolment.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

# What becomes of a patient who is not evaluable.
REPLACED: Final = 0  # the next patient takes the place, once it is known
FAILURE: Final = 1  # counts as one without a response, or with the toxicity
DROPPED: Final = 2  # keeps the place and does not count
NOT_EVALUABLE_NAMES: Final = ("replaced", "failures", "dropped")

NO_PAUSE: Final = 1_000_000_000  # an overrun that never stops accrual before a look

# Kinds of outcomes.
RESPONSE: Final = 0
TOXICITY: Final = 1
PROGRESSION_OR_DEATH: Final = 2
DEATH: Final = 3


# What becomes of an outcome about toxicity that is open when a patient withdraws.
NO_EVENT: Final = 0
NOT_EVALUABLE: Final = 1
AN_EVENT: Final = 2


@dataclass(frozen=True)
class Outcome:
    """One outcome of every patient: whether an event happens within `window_days` of the first dose, [0, window].

    `least` is the least response that counts (a `disease` state), `toxicities` the names of the clocks that count.
    `if_left`: what withdrawal makes of an open outcome about toxicity.
    """

    kind: int
    window_days: float = inf
    least: int = 0
    toxicities: tuple[str, ...] = ()
    if_left: int = NO_EVENT


@dataclass(frozen=True)
class Conduct:
    """Looks after numbers of patients (rising, the last is the final analysis), those of all arms together.

    Before a look that is due after m patients at most m + `overrun` are enrolled, beyond those not evaluable who are
    replaced. `not_evaluable` is one of `REPLACED`, `FAILURE`, `DROPPED`. An interim look waits until its patients are
    resolved or `wait_days` have gone by since their first dose, the final one until all are resolved.
    """

    looks: tuple[int, ...]
    overrun: int = 0
    not_evaluable: int = REPLACED
    wait_days: float = inf

    def most_before(self, look: int) -> int:
        """How many may be enrolled before a look (from 0), beyond those who are replaced."""
        return min(self.looks[look] + self.overrun, self.looks[-1])


@dataclass(frozen=True)
class EventConduct:
    """Interim looks after numbers of events (rising), and a final one `follow_up_days` after the last entry.

    `n_patients` enrol without a pause. With `final_events`, more than any interim look has, the final look is taken as
    soon as there are so many; 0 where their number does not matter.
    """

    interim: tuple[int, ...]
    n_patients: int
    follow_up_days: float
    final_events: int = 0

    @property
    def n_looks(self) -> int:
        """How many looks there are, the final one among them."""
        return len(self.interim) + 1
