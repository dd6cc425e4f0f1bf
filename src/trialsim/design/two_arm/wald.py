"""Two arms on any endpoint of a comparison: the difference over its standard error, at the scenario's own cut-off."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from trialsim.design.conduct.trials import columns_of
from trialsim.design.decisions import FUTILE, REJECT
from trialsim.design.hypotheses import Setting
from trialsim.endpoints.per_patient import Endpoint
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.records.columns import FIRST_ONSET_PREFIX
from trialsim.records.digest import row_type
from trialsim.simulation.patients import patient_table
from trialsim.storage.replicate_store import Rows


@dataclass(frozen=True)
class WaldTest:
    """Reject where the difference of the arms' numbers, in the better direction, reaches so many standard errors.

    `endpoints` are the endpoint as the control and the experimental arm have it; `n` patients in all. The variance of
    each arm's number is what its patients add up to (the delta method, or the infinitesimal jackknife). `harms` are the
    names of the severe toxicities.
    """

    endpoints: tuple[Endpoint, Endpoint]
    n: int
    alpha: float
    sides: int
    harms: tuple[str, ...]

    def rows(self, setting: Setting, seed: int, first: int, n_trials: int) -> Rows:
        """The rows of a block of trials; `x_` is the number of the arm, in thousandths, `n_` its patients."""
        protocols = [of_size(item, self.n) for item in setting.protocols]
        tables = [patient_table(setting.engine, item, seed, first, n_trials) for item in protocols]
        if setting.arms is None:
            raise AssertionError("two arms are allocated")
        rows = np.zeros(n_trials, row_type(columns_of(2)))
        rows["replicate"] = np.arange(first, first + n_trials)
        difference, variance = np.zeros(n_trials), np.zeros(n_trials)
        day = np.zeros(n_trials)
        for i, (protocol, table, endpoint) in enumerate(zip(protocols, tables, self.endpoints, strict=True)):
            own = setting.arms.of(protocol, table, seed) == i
            value, added = endpoint.of_trials(table, own)
            difference += value if i == 1 else -value
            variance += np.bincount(table.replicate, weights=added**2, minlength=n_trials)
            rows[f"n_{i}"] = np.bincount(table.replicate[own], minlength=n_trials)
            rows[f"x_{i}"] = np.nan_to_num(np.round(1000.0 * value)).astype(np.int64)
            np.maximum.at(day, table.replicate, table["enrolled_day"] + table["follow_up_days"])
            harmed = np.zeros(len(table), np.bool_)
            for name in self.harms:
                column = f"{FIRST_ONSET_PREFIX}{name}"
                harmed |= ~np.isnan(table[column]) if column in table.names else False
            rows["harmed"] += np.bincount(table.replicate[own & harmed], minlength=n_trials)
        gain = difference if self.endpoints[0].better == "higher" else -difference
        z = np.divide(gain, np.sqrt(variance), out=np.zeros(n_trials), where=variance > 0.0)
        z = np.nan_to_num(z)
        rows["statistic"] = z
        size = np.abs(z) if self.sides == 2 else z
        rows["decision"] = np.where(size >= norm.isf(self.alpha / self.sides), REJECT, FUTILE)
        rows["look"], rows["decided_day"] = 1, day
        rows["enrolled"] = rows["n_0"] + rows["n_1"]
        rows["parameter_draw"] = draw_numbers(protocols[0].n_parameter_draws, seed, rows["replicate"].astype(np.int64))
        return rows


def of_size(protocol: Protocol, n: int) -> Protocol:
    """The protocol with `n` patients, who come as quickly as before."""
    plan = protocol.accrual
    return replace(protocol, accrual=replace(plan, n_patients=n, window_days=plan.window_days * n / plan.n_patients))
