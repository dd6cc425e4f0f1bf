"""A trial under a design: all that is needed to run it under some truth, on either engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trialsim.design.conduct.event_trials import event_rows, event_trials
from trialsim.design.conduct.reference import reference_event_rows, reference_rows
from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.timelines import Timelines, ideal, simulated
from trialsim.design.conduct.trials import counts_at_looks, decided, rows_of_trials
from trialsim.design.decisions import REJECT, Decisions
from trialsim.design.outcomes import Outcomes
from trialsim.design.time_to_event.decisions import DecisionsAtEvents
from trialsim.model import interim as c
from trialsim.simulation.engine import REFERENCE
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts, Flags, Floats


class Trial(ABC):
    """What can be run under a truth."""

    @abstractmethod
    def rows(self, setting: Setting, seed: int, first: int, n: int) -> Rows:
        """The rows of a block of trials; columns as in `trials.columns_of`."""


@dataclass(frozen=True)
class TrialOnTimelines(Trial, ABC):
    """A trial whose looks see the `outcomes` of patients in order of arrival: a larger one begins with the same."""

    outcomes: Outcomes

    @abstractmethod
    def rejects(self, timelines: Timelines) -> Flags:
        """Whether each trial of a block rejects."""


@dataclass(frozen=True)
class CountTrial(TrialOnTimelines):
    """A trial with looks after numbers of patients."""

    n_arms: int
    decisions: Decisions
    conduct: c.Conduct

    def rows(self, setting: Setting, seed: int, first: int, n: int) -> Rows:
        """The rows of a block of trials."""
        if setting.engine == REFERENCE:
            plan = self.decisions, self.outcomes, self.conduct, self.n_arms
            return reference_rows(*plan, setting, seed, first, n)
        return decided(self.decisions, self.outcomes, self.conduct, setting, seed, first, n)

    def counts(self, setting: Setting, seed: int, first: int, n: int) -> Counts:
        """What the trials of a block count at each look; see `trials.counts_at_looks`."""
        return counts_at_looks(self.outcomes, self.conduct, setting, seed, first, n)

    def rejects(self, timelines: Timelines) -> Flags:
        """Whether each trial of a block rejects."""
        rows = rows_of_trials(timelines, self.decisions, self.outcomes, self.conduct, self.n_arms)
        return np.asarray(rows["decision"] == REJECT)

    def ideal_rows(self, cells: Sequence[Floats], allocation: Sequence[int], seed: int, first: int, n: int) -> Rows:
        """The rows of a block of trials whose outcomes are immediate and independent, at known rates."""
        looks = self.decisions.looks
        timelines = ideal(cells, allocation, seed, first, n, looks[-1])
        plain = Outcomes(self.outcomes.primary)
        return rows_of_trials(timelines, self.decisions, plan=c.Conduct(looks), outcomes=plain, n_arms=self.n_arms)


@dataclass(frozen=True)
class EventTrial(TrialOnTimelines):
    """A trial with looks at times to events."""

    decisions: DecisionsAtEvents
    conduct: c.EventConduct

    def rows(self, setting: Setting, seed: int, first: int, n: int) -> Rows:
        """The rows of a block of trials."""
        plan = self.decisions, self.outcomes, self.conduct
        if setting.engine == REFERENCE:
            return reference_event_rows(*plan, setting, seed, first, n)
        return event_trials(*plan, setting, seed, first, n)

    def rejects(self, timelines: Timelines) -> Flags:
        """Whether each trial of a block rejects."""
        rows = event_rows(timelines, self.decisions, self.conduct, False)
        return np.asarray(rows["decision"] == REJECT)


def rejections_by_size(trials: Sequence[Trial], setting: Setting, seed: int, first: int, n: int) -> Rows:
    """Whether each trial of each size rejects, as 0 and 1, trial by trial: shape (n x sizes,) int8.

    Where looks see timelines, every size sees the first patients of the same ones.
    """
    on_timelines = [trial for trial in trials if isinstance(trial, TrialOnTimelines)]
    if on_timelines:
        engines = [setting.engine] * len(setting.protocols)
        chosen = on_timelines[0].outcomes.all
        timelines = simulated(engines, setting.protocols, setting.arms, chosen, seed, first, n)
        columns = [trial.rejects(timelines) for trial in on_timelines]
    else:
        columns = [trial.rows(setting, seed, first, n)["decision"] == REJECT for trial in trials]
    return np.column_stack(columns).astype(np.int8).reshape(-1)
