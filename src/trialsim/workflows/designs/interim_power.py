"""What a design still reaches once a look has been taken: a table of conditional power."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from trialsim.design.adaptive.conditional_power import conditional_power, predictive_power
from trialsim.design.base import PlannedDesign
from trialsim.design.theory.requests import require_finite
from trialsim.design.z_scale import ZScale, z_scale_of
from trialsim.errors import RequestError

PREDICTIVE: Final = "what the look says, flat prior"


def table_of_power(planned: PlannedDesign, look: int, z: float, effect: float | None) -> pd.DataFrame:
    """The conditional power after a look; see `TrialDesign.conditional_power`. Raises `RequestError`."""
    scale = z_scale_of(planned)
    _check_taken(scale, look, z)
    if effect is not None:
        scale.check(effect)
    trend = z / math.sqrt(scale.shares[look - 1])
    cases: list[tuple[str, float, float]] = [
        ("the alternative", scale.alternative, scale.drift),
        ("the current trend", scale.effect_of(trend), trend),
        ("the null hypothesis", scale.null, 0.0),
    ]
    if effect is not None:
        cases.insert(2, ("the given effect", float(effect), scale.drift_of(effect)))
    lower, sides, bounds = scale.futility, scale.sides, (scale.shares, scale.upper)
    rows: list[dict[str, Any]] = [
        {
            "under": under,
            scale.effect: value,
            "conditional_power": conditional_power(*bounds, look, z, drift, lower=lower, sides=sides),
        }
        for under, value, drift in cases
    ]
    averaged = predictive_power(*bounds, look, z, lower=lower, sides=sides)
    return pd.DataFrame([*rows, {"under": PREDICTIVE, scale.effect: math.nan, "conditional_power": averaged}])


def _check_taken(scale: ZScale, look: int, z: float) -> None:
    """Refuse a look that is not an interim one, and a z with which the trial has ended. Raises `RequestError`."""
    n_interim = len(scale.shares) - 1
    if look not in range(1, n_interim + 1):
        wrong = f"the design has {n_interim} interim look{'s' if n_interim > 1 else ''} before the last one."
        allowed = f"1 to {n_interim}." if n_interim > 1 else "1."
        raise RequestError(f"look = {look}", wrong, allowed, key="look")
    require_finite("z", z)
    size = abs(z) if scale.sides == 2 else z
    bound = scale.upper[look - 1]
    if size >= bound:
        wrong = f"the trial has ended: at look {look} it rejects from {bound:.4g}."
        raise RequestError(f"z = {z:g}", wrong, f"below {bound:.4g}.", key="z")
