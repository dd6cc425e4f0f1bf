"""What a calibration stores of itself while it lasts: the chains leg by leg, the variants one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from trialsim.calibration.model import Calibration
from trialsim.calibration.sampling import SAMPLER, Chains
from trialsim.storage.checkpoint import Checkpoint

CHAINS: Final = "chains"
VARIANTS: Final = "variants"


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


def read_variants(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The rows of the variants of the sensitivity analysis so far."""
    columns = checkpoint.read(VARIANTS)
    if not columns:
        return []
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def write_variants(checkpoint: Checkpoint, rows: Sequence[dict[str, Any]]) -> None:
    """Store the rows of the variants so far."""
    checkpoint.write(VARIANTS, {name: np.array([row[name] for row in rows]) for name in rows[0]})
