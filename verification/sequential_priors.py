"""A posterior as the next prior: prior, then statistics A, then statistics B, against A and B at once.

    python -m verification.sequential_priors [replicates]

The 27 patients tell both parts: responses and the fates of responders, and all else (toxicities, doses, evaluability,
follow-up). The terms of the likelihood are a product, so that in the end the posterior must be the same, but for what a
Gaussian copula of the draws between the two loses. Prints, for both orders, how far the medians and 90 % limits of each
parameter are from those of the calibration at once, in posterior standard deviations on the scale of the prior.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd

from trialsim.calibration.fitting import ConvergenceCriteria, fit
from trialsim.calibration.likelihood import cells_of
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.posterior import Posterior
from trialsim.config import load_published_trial
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.simulation.workers import available_cores
from trialsim.typing import Floats

RESPONSE = ("response", "responders")
POINTS = (0.5, 0.05, 0.95)
MIN_ESS = 4000.0


def part_of(calibration: Calibration, has_response: bool) -> Calibration:
    """The calibration to the terms about response, or to all others."""
    terms = tuple(
        term for term in calibration.terms if has_response == term.quantities[0].startswith(RESPONSE)
    )  # fmt: skip
    return replace(calibration, terms=terms, simulator=calibration.simulator.with_cells(cells_of(terms)))


def draws_of(calibration: Calibration, seed: int) -> ParameterTable:
    """Draws of the posterior."""
    found = fit(calibration, seed, available_cores(), ConvergenceCriteria(MIN_ESS, 4000))
    return Posterior(found, 8000).table


def in_sequence(calibration: Calibration, is_response_first: bool) -> ParameterTable:
    """Draws of the posterior given one part, with the posterior given the other part as the prior."""
    between = draws_of(part_of(calibration, is_response_first), 11)
    second = calibration_of(
        load_published_trial("tosi2000"), replicates=calibration.simulator.n_trials, prior_draws=between
    )
    return draws_of(part_of(second, not is_response_first), 12)


def points(calibration: Calibration, draws: ParameterTable) -> tuple[Floats, Floats]:
    """Median and 90 % limits of each parameter, and its sd, on the scale of the prior of the parameter set."""
    scores = calibration.prior.scores(draws.values)
    return np.quantile(scores, POINTS, axis=0), scores.std(axis=0)


def main() -> None:
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    calibration = calibration_of(load_published_trial("tosi2000"), replicates=replicates)
    at_once, sds = points(calibration, draws_of(calibration, 10))
    again, _ = points(calibration, draws_of(calibration, 13))
    columns = {"at once, another seed": (again - at_once) / sds}
    for words, is_response_first in (("response first", True), ("response last", False)):
        found, _ = points(calibration, in_sequence(calibration, is_response_first))
        columns[words] = (found - at_once) / sds
    for words, moved in columns.items():
        table = pd.DataFrame(moved.T, index=list(calibration.names), columns=["median", "lower", "upper"])
        print(f"\n{words}: largest {np.abs(moved).max(axis=1).round(3)}, mean {np.abs(moved).mean(axis=1).round(3)}")
        print(table.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
