"""Virtual patients by draw of the posterior, and who of them stands as a real patient does."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from trialsim.typing import Counts, Flags, Floats


@dataclass(frozen=True)
class Virtual:
    """Virtual patients of an arm: shapes (outcomes, draws, patients), and (draws, patients) of what has no outcome.

    `event` is the study day of each event, infinite for none, `resolved` the one on which a patient counts as resolved,
    `known` the one on which an investigator knows the outcome. `left` is the study day of leaving.
    """

    event: Floats
    resolved: Floats
    known: Floats
    left: Floats
    is_evaluable: Flags

    @classmethod
    def of(cls, event: Floats, resolved: Floats, left: Floats, is_evaluable: Flags, is_time: bool) -> Virtual:
        """From patients, outcomes first; of times to events all is known at the event or on leaving."""
        seen = np.where(event <= left, event, inf) if is_time else event
        known = np.minimum(event, left) if is_time else resolved
        return cls(seen, resolved, known, left, is_evaluable)

    @property
    def n_draws(self) -> int:
        """How many draws there are."""
        return int(self.left.shape[0])

    @property
    def n(self) -> int:
        """How many there are under each draw."""
        return int(self.left.shape[1])

    def in_state(self, seen: float, has_event: Flags, is_known: Flags) -> Flags:
        """Who is in the joint state of a real patient after `seen` days on study, shape (draws, patients).

        `has_event` and `is_known` (outcomes,) are what is known of the real one: of each outcome that the event came,
        that there will be none, or that it is open.
        """
        found = np.ones(self.left.shape, np.bool_)
        for event, known, came, closed in zip(self.event, self.known, has_event, is_known, strict=True):
            if came:
                found &= event <= seen
            elif closed:
                found &= (known <= seen) & (event > seen)
            else:
                found &= known > seen
        return found

    def share_in_state(self, seen: float, has_event: Flags, is_known: Flags) -> Floats:
        """The share who are in the joint state of a real patient by draw, shape (draws,); half a patient is added."""
        count = np.count_nonzero(self.in_state(seen, has_event, is_known), axis=1)
        return np.asarray((count + 0.5) / (self.n + 1.0))

    def who_goes_on(
        self, seen: float, has_event: Flags, is_known: Flags, draws: Counts, rng: np.random.Generator
    ) -> tuple[Counts, Counts]:
        """For each future, of some draw, a virtual patient in the state of a real one: the draw and the place.

        Where a draw has none, one of any draw is taken; where no draw has one, one in whom the outcomes that are open
        in the real one are open, whatever the others are; and where there is none of these either, the one whose
        outcomes were open for longest.
        """
        state = has_event, is_known
        chance = np.asarray(rng.random(len(draws)))
        found = np.flatnonzero(self.in_state(seen, *state))
        if len(found) == 0:
            found = np.flatnonzero((self.known[~is_known] > seen).all(axis=0))
        if len(found) == 0:
            found = np.array([int(self.known[~is_known].min(axis=0).argmax())])
        starts = np.searchsorted(found, np.arange(self.n_draws + 1) * self.n)
        first, count = starts[draws], np.diff(starts)[draws]
        first, count = np.where(count > 0, first, 0), np.where(count > 0, count, len(found))
        chosen = found[first + (chance * count).astype(np.int64)]
        return chosen // self.n, chosen % self.n
