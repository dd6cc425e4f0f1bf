"""Trials of two arms on any endpoint of a comparison, cut off as the scenario says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.trial import Trial
from trialsim.design.conduct.trials import columns_of
from trialsim.design.two_arms.wald import WaldTest
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.records.columns import FIRST_ONSET_PREFIX
from trialsim.records.digest import row_type
from trialsim.simulation.patients import PatientTable, patient_table
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Flags


@dataclass(frozen=True)
class WaldTrial(Trial):
    """A trial with `n` patients in all."""

    test: WaldTest
    n: int

    def rows(self, setting: Setting, seed: int, first: int, n_trials: int) -> Rows:
        """The rows of a block of trials; `x_` is the number of the arm, in thousandths, `n_` its patients."""
        protocols = [of_size(item, self.n) for item in setting.protocols]
        tables = [patient_table(setting.engine, item, seed, first, n_trials) for item in protocols]
        if setting.arms is None:
            raise TypeError("the patients of two arms are allocated to them")
        rows = np.zeros(n_trials, row_type(columns_of(2)))
        rows["replicate"] = np.arange(first, first + n_trials)
        difference, variance = np.zeros(n_trials), np.zeros(n_trials)
        day = np.zeros(n_trials)
        for i, (protocol, table, endpoint) in enumerate(zip(protocols, tables, self.test.endpoints, strict=True)):
            is_in_arm = setting.arms.of(protocol, table, seed) == i
            value, added = endpoint.of_trials(table, is_in_arm)
            difference += value if i == 1 else -value
            variance += np.bincount(table.replicate, weights=added**2, minlength=n_trials)
            rows[f"n_{i}"] = np.bincount(table.replicate[is_in_arm], minlength=n_trials)
            rows[f"x_{i}"] = np.nan_to_num(np.round(1000.0 * value)).astype(np.int64)
            np.maximum.at(day, table.replicate, table["enrolled_day"] + table["follow_up_days"])
            rows["n_severe_toxicity"] += np.bincount(
                table.replicate[is_in_arm & self._has_severe_toxicity(table)], minlength=n_trials
            )
        rows["statistic"] = self.test.statistic(difference, variance)
        rows["decision"] = self.test.decide(rows["statistic"])
        rows["look"], rows["decided_day"] = 1, day
        rows["enrolled"] = rows["n_0"] + rows["n_1"]
        rows["parameter_draw"] = draw_numbers(protocols[0].n_parameter_draws, seed, rows["replicate"].astype(np.int64))
        return rows

    def _has_severe_toxicity(self, table: PatientTable) -> Flags:
        """Who had a severe toxicity."""
        has_toxicity = np.zeros(len(table), np.bool_)
        for name in self.test.harms:
            column = f"{FIRST_ONSET_PREFIX}{name}"
            has_toxicity |= ~np.isnan(table[column]) if column in table.columns else False
        return has_toxicity


def of_size(protocol: Protocol, n: int) -> Protocol:
    """The protocol with `n` patients, who come as quickly as before."""
    return replace(protocol, accrual=protocol.accrual.with_patients(n))
