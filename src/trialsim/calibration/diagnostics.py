"""Whether chains have converged: rank-normalised split R-hat, effective sample sizes, Monte Carlo errors (ArviZ).

Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021, Bayesian Analysis 16:667: R-hat at most 1.01, and an effective sample
size of the bulk and of the tails that is enough for the quantiles which are reported.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

from trialsim.typing import Floats

LARGEST_R_HAT: Final = 1.01
SMALLEST_ESS: Final = 1000.0


def diagnostics(chains: Floats, names: tuple[str, ...]) -> pd.DataFrame:
    """One row a parameter: `r_hat`, `ess_bulk`, `ess_tail`, `mcse_median_score`. Chains: (m, n, parameters)."""
    axes = {"chain_axis": 0, "draw_axis": 1}
    rows = []
    for i, name in enumerate(names):
        draws = np.ascontiguousarray(chains[:, :, i])
        rows.append(
            {
                "parameter": name,
                "r_hat": float(array_stats.rhat(draws, **axes)),
                "ess_bulk": float(array_stats.ess(draws, method="bulk", **axes)),
                "ess_tail": float(array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **axes)),
                "mcse_median_score": float(array_stats.mcse(draws, method="median", **axes)),
            }
        )
    return pd.DataFrame(rows)


def smallest_ess_of(table: pd.DataFrame) -> float:
    """The smallest effective sample size of any parameter, in bulk or tails."""
    return float(table[["ess_bulk", "ess_tail"]].to_numpy().min())


def has_converged(table: pd.DataFrame, min_ess: float = SMALLEST_ESS) -> bool:
    """Whether every parameter meets the limits."""
    return bool((table["r_hat"] <= LARGEST_R_HAT).all()) and smallest_ess_of(table) >= min_ess
