"""What a calibration stores of itself while it lasts.

Chains leg by leg, draws without each statistic round by round, what is left out and variants one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from trialsim.calibration.importance import ImportanceSample
from trialsim.calibration.model import Calibration
from trialsim.calibration.sampling import SAMPLER, Chains
from trialsim.storage.checkpoint import Checkpoint
from trialsim.typing import Floats

CHAINS: Final = "chains"
VARIANTS: Final = "variants"
LEFT_OUT: Final = "left_out"
ROUNDS: Final = "left_out_rounds"


def priors_of(calibration: Calibration) -> list[str]:
    """The priors in words, which tell them from any others."""
    return [str(marginal) for marginal in calibration.prior.marginals]


def prior_draws_of(calibration: Calibration) -> dict[str, Any]:
    """What tells the draws that are the prior from any others, and what they give; empty where there are none."""
    draws = calibration.prior_draws
    if draws is None:
        return {}
    return {"digest": draws.digest, "draws": len(draws.values), "parameters": calibration.drawn_names}


def request_of(calibration: Calibration, seed: int) -> dict[str, Any]:
    """What makes unfinished chains those of this calibration and of no other."""
    return {
        "scenario": calibration.scenario.to_mapping(),
        "priors": priors_of(calibration),
        "prior": prior_draws_of(calibration),
        "seed": seed,
        "patients": calibration.simulator.n_trials,
        "sampler": SAMPLER,
    }


def read_chains(checkpoint: Checkpoint) -> Chains:
    """The chains so far."""
    arrays = checkpoint.read(CHAINS)
    return Chains.of_arrays(arrays) if arrays is not None else Chains()


def write_chains(checkpoint: Checkpoint, chains: Chains) -> None:
    """Store the chains so far."""
    checkpoint.write(CHAINS, chains.arrays())


def read_rounds(checkpoint: Checkpoint) -> list[Floats]:
    """The log posteriors without each statistic, round by round so far."""
    arrays = checkpoint.read(ROUNDS) or {}
    return [arrays[f"{i}"] for i in range(len(arrays))]


def write_rounds(checkpoint: Checkpoint, sample: ImportanceSample) -> None:
    """Store the rounds so far."""
    checkpoint.write(ROUNDS, {f"{i}": densities for i, densities in enumerate(sample.log_densities)})


def read_rows(checkpoint: Checkpoint, name: str) -> list[dict[str, Any]]:
    """The rows of a table so far: `VARIANTS` of the sensitivity analysis, or statistics that were `LEFT_OUT`."""
    columns = checkpoint.read(name)
    if not columns:
        return []
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def write_rows(checkpoint: Checkpoint, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the rows of a table so far; a number that is missing is not a number."""
    columns = {key: [np.nan if row[key] is None else row[key] for row in rows] for key in rows[0]}
    checkpoint.write(name, {key: np.array(values) for key, values in columns.items()})
