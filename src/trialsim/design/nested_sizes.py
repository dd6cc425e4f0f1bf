"""Trials of many sizes on the same patients: which of them reject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trialsim.design.conduct.blocks import Trial
from trialsim.design.conduct.event_trials import event_rows
from trialsim.design.conduct.timelines import simulated
from trialsim.design.conduct.trials import rows_of_trials
from trialsim.design.decisions import REJECT
from trialsim.design.hypotheses import Setting
from trialsim.storage.replicate_store import Rows


def rejections_by_size(trials: Sequence[Trial], setting: Setting, seed: int, first: int, n: int) -> Rows:
    """Whether each trial of each size rejects, as 0 and 1, trial by trial: shape (n x sizes,) int8.

    Every size sees the first patients of the same timelines.
    """
    questions = trials[0].questions
    if trials[0].wald is not None:
        each = [trial.rows(setting, seed, first, n)["decision"] == REJECT for trial in trials]
        return np.column_stack(each).astype(np.int8).reshape(-1)
    engines = [setting.engine] * len(setting.protocols)
    found = simulated(engines, setting.protocols, setting.arms, questions.all, seed, first, n)
    columns = []
    for trial in trials:
        if trial.decisions is not None and trial.plan is not None:
            rows = rows_of_trials(found, trial.decisions, trial.questions, trial.plan, trial.n_arms)
        else:
            if trial.event_decisions is None or trial.event_plan is None:
                raise AssertionError("a trial has decisions and a plan")
            rows = event_rows(found, trial.event_decisions, trial.event_plan, False)
        columns.append(rows["decision"] == REJECT)
    return np.column_stack(columns).astype(np.int8).reshape(-1)
