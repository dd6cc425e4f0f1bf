"""What the answers owe to what was assumed: every other interpretation of the cohort, and narrower and wider priors.

Each variant is calibrated anew and its own trial simulated under its own posterior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.analysis import value_and_error
from trialsim.analysis.published import groups_of
from trialsim.analysis.variance_components import split_of
from trialsim.calibration.fitting import MOST_STEPS, fit, quick
from trialsim.calibration.model import calibration_of
from trialsim.calibration.posterior import Posterior
from trialsim.calibration.predictive import simulated
from trialsim.config import Scenario
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.endpoints.registry import statistics_of
from trialsim.endpoints.responses import ANY_STATISTIC
from trialsim.records.columns import TOXICITY_PREFIX

PRIOR_WIDTHS: Final = (0.5, 2.0)
BASE: Final = "as calibrated"
N_TRIALS: Final = 20_000


@dataclass(frozen=True)
class Variant:
    """One other assumption: what was asked, what is answered here, and how that changes the scenario or the prior."""

    question: str
    answer: str
    changes: Mapping[str, Any]
    prior_width: float = 1.0

    @property
    def name(self) -> str:
        """The variant in a few words."""
        return f"{self.question}: {self.answer}" if self.answer else self.question


def variants_of(scenario: Scenario) -> list[Variant]:
    """The scenario as it is, every interpretation of its cohort that was not taken, and the widths of the priors."""
    variants = [Variant(BASE, "", {})]
    cohort = scenario.cohort
    choices = cohort.chosen(scenario.interpretations) if cohort is not None else {}
    for name, choice in choices.items():
        interpretations = cohort.ambiguities[name].interpretations if cohort is not None else {}
        question = name.replace("_", " ")
        variants += [
            Variant(question, other, {f"interpretations.{name}": other}) for other in interpretations if other != choice
        ]
    return variants + [Variant("width of all priors", f"× {width:g}", {}, width) for width in PRIOR_WIDTHS]


def quantities_of(scenario: Scenario, columns: Sequence[str]) -> list[str]:
    """What is looked at: response, each reported toxicity, dose, as far as the trial has them."""
    toxicities = [name for name, item in statistics_of(columns).items() if item.column.startswith(TOXICITY_PREFIX)]
    return [scenario.responses[-1].flat.statistic, ANY_STATISTIC, *toxicities, "dose.median"]


def answers_under(
    scenario: Scenario,
    variant: Variant,
    seed: int,
    workers: int,
    most_steps: int,
    prior_draws: ParameterTable | None = None,
) -> list[dict[str, Any]]:
    """One row a quantity: what the variant's own trial gives under its own posterior."""
    changed = scenario.with_changes(dict(variant.changes)) if variant.changes else scenario
    calibration = calibration_of(changed, prior_width=variant.prior_width, prior_draws=prior_draws).quickened()
    fitted = fit(calibration, seed, workers, quick(most_steps))
    ess = float(fitted.diagnostics["ess_bulk"].min())
    store = simulated(calibration, Posterior(fitted).scores, seed, N_TRIALS)
    statistics, draws = statistics_of(store.columns), groups_of(store)
    rows = []
    for quantity in quantities_of(changed, store.columns):
        value, mcse = value_and_error(statistics[quantity], store)
        values = statistics[quantity].per_trial(store)
        is_defined = ~np.isnan(values)
        split = split_of(values[is_defined], draws[is_defined] if draws is not None else None)
        rows.append(
            {
                "variant": variant.name,
                "quantity": quantity,
                "unit": statistics[quantity].unit,
                "value": value,
                "mcse": float(np.hypot(mcse, split.parameters / np.sqrt(ess))),
                "sd_parameters": split.parameters,
                "r_hat": float(fitted.diagnostics["r_hat"].max()),
            }
        )
    return rows


def sensitivity(
    scenario: Scenario,
    seed: int,
    workers: int = 1,
    most_steps: int = MOST_STEPS,
    known: Sequence[dict[str, Any]] = (),
    on_variant: Callable[[list[dict[str, Any]], int, int], None] = lambda rows, done, wanted: None,
    prior_draws: ParameterTable | None = None,
) -> pd.DataFrame:
    """How far each other assumption moves what the trial says: a row a variant and quantity.

    `value` ± `mcse` (which holds the error of the chain's finite length too) and `shift` from the calibration as it is,
    with `shift_mcse`. `known` are rows of variants that are done. `on_variant` gets all rows after each variant. Where
    the prior is of draws (`prior_draws`), its width is that of the normal scores about their medians: the medians and
    the dependence stay, and a parameter's distance from its median is halved or doubled on the scale of its score.
    """
    rows = list(known)
    variants = variants_of(scenario)
    for n_done, variant in enumerate(variants, start=1):
        if not any(row["variant"] == variant.name for row in rows):
            rows += answers_under(scenario, variant, seed, workers, most_steps, prior_draws)
        on_variant(rows, n_done, len(variants))
    return with_shifts(pd.DataFrame(rows))


def with_shifts(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their distance from the base variant."""
    base = rows[rows["variant"] == BASE].set_index("quantity")
    is_base = rows["variant"] == BASE
    at_base, error = rows["quantity"].map(base["value"]), rows["quantity"].map(base["mcse"])
    together = np.hypot(rows["mcse"].to_numpy(), error.to_numpy())
    return rows.assign(shift=rows["value"] - at_base, shift_mcse=np.where(is_base, 0.0, together))
