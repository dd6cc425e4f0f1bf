"""The engine against a second program of the same scenario, written from docs/model.md alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from verification.second_program import DEFAULTS, simulate

import trialsim as ts
from trialsim.config import load_parameters


def test_the_engine_and_the_second_program_agree_on_every_published_figure(tosi2000: ts.Scenario) -> None:
    found = load_parameters("tosi2000").parameters
    parameters = {name: float(str(parameter.mode).split()[0]) for name, parameter in found.items()}
    assert set(parameters) == set(DEFAULTS)
    second = simulate(20_000, 3, parameters)
    first: Any = ts.run(tosi2000, replicates=500, seed=11).estimates.set_index("quantity")
    for quantity in tosi2000.published_statistics:
        value, mcse = float(first.loc[quantity, "value"]), float(first.loc[quantity, "mcse"])
        z = (value - second[quantity]) / math.hypot(mcse, second[f"{quantity}.se"])
        assert abs(z) < 4, f"{quantity}: {value:.4f} against {second[quantity]:.4f}, z = {z:.1f}"
    assert np.isfinite([second[quantity] for quantity in tosi2000.published_statistics]).all()
