"""Re-estimation of the events or patients of a planned design with one interim look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.base import Information, PlannedDesign
from trialsim.design.theory.arguments import check_numbers
from trialsim.design.theory.requests import require_finite
from trialsim.design.two_arms.words import rule_in_words
from trialsim.design.z_scale import ZScale, z_scale_of
from trialsim.errors import RequestError
from trialsim.records.tables import plain_mapping, plain_rows

STEP: Final = 0.1  # of z in the table of the rule
PARTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)  # of the drift under the alternative, in the table of effects


@dataclass(frozen=True)
class Reestimation:
    """A second stage that is made larger in a promising zone; tables are pandas DataFrames.

    Attributes
    ----------
    numbers
        The look, the planned and the largest numbers of events or patients, weights, bounds, the zone on the z scale;
        level and power, and the power without re-estimation. `unweighted_alpha` is the level of a test that pools the
        stages instead, without weights.
    table
        The rule: for each z at the look the estimated effect, the conditional power at this trend with the planned
        second stage, how many events or patients there are then in all, and the conditional power with so many.
    paragraph
        The rule in whole sentences.
    """

    planned: PlannedDesign = field(repr=False)
    scale: ZScale = field(repr=False)
    zone: PromisingZone

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers of the rule, by the field's names."""
        zone, scale, unit = self.zone, self.scale, self.scale.unit
        null, alternative = self._level(), zone.reached(scale.drift)
        return {
            f"{unit}_at_look": round(scale.after[0]), unit: round(scale.after[-1]),
            f"most_{unit}": self._in_all(zone.look + zone.factor * (1.0 - zone.look)),
            "weight_first": math.sqrt(zone.look), "weight_second": math.sqrt(1.0 - zone.look),
            "reject_from_z": [zone.upper, zone.final],
            "promising_from": zone.low, "promising_to": zone.high, "target": zone.target, "factor": zone.factor,
            "promising_from_z": zone.z_of(zone.low), "promising_to_z": min(zone.z_of(zone.high), zone.upper),
            "alpha": null.rejects, "unweighted_alpha": null.unweighted, "power": alternative.rejects,
            "power_without": alternative.without,
        }  # fmt: skip

    def _level(self) -> Any:
        """What is reached without an effect; futility that is not binding does not count."""
        futility = self.planned.study.looks.futility
        return self.zone.reached(0.0, counts_futility=futility is not None and futility.binding)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The rule by z at the look, from below the promising zone to above it."""
        zone = self.zone
        low = max(zone.z_of(zone.low), zone.lower, -2.0 * STEP)
        high = min(zone.z_of(zone.high), zone.upper)
        steps = np.arange(math.floor(low / STEP), math.ceil(high / STEP) + 1)
        z = np.round(steps * STEP, 10)
        return self.at(z[(z >= zone.lower) & (z < zone.upper)].tolist())

    def at(self, z: float | Iterable[float]) -> pd.DataFrame:
        """The rule at one z at the look, or at several.

        Parameters
        ----------
        z
            The statistic at the look, positive where the experimental arm does better.

        Returns
        -------
        DataFrame
            As `table`.

        Raises
        ------
        RequestError
            For a z that is not a finite number, and one with which the trial has ended.
        """
        listed = [*z] if isinstance(z, Iterable) and not isinstance(z, str) else [z]
        return pd.DataFrame([self._row(require_finite("z", value)) for value in listed])

    def _row(self, z: float) -> dict[str, Any]:
        zone, scale, planned = self.zone, self.scale, 1.0 - self.zone.look
        if not zone.lower <= z < zone.upper:
            allowed = f"from {zone.lower:.4g} to below {zone.upper:.4g}."
            raise RequestError(f"z = {z:g}", "the trial ends at the look.", allowed, key="z")
        second = float(zone.second_stage(z))
        return {
            "z": z, scale.effect: scale.effect_of(z / math.sqrt(zone.look)),
            "conditional_power": float(zone.conditional_power(z, planned)),
            scale.unit: self._in_all(zone.look + second),
            "conditional_power_then": float(zone.conditional_power(z, second)),
        }  # fmt: skip

    def _in_all(self, information: float) -> int:
        """Events, or patients in whole turns of the allocation, of some information; more than planned rounded up."""
        turn = self.planned.study.n_in_turn if self.scale.unit == Information.PATIENTS.value else 1
        if information <= 1.0 + 1e-12:
            return round(self.scale.after[-1])
        return turn * math.ceil(information * self.scale.after[-1] / turn - 1e-9)

    def operating_characteristics(self, effects: float | Iterable[float] | None = None) -> pd.DataFrame:
        """What the rule comes to at true effects, by numerical integration; events and patients are not rounded.

        Parameters
        ----------
        effects
            One or several: hazard ratios, or rates of the experimental arm. By default from the null hypothesis to
            beyond the alternative.

        Returns
        -------
        DataFrame
            A row for each: how probably the trial rejects (`rejects`), and would without re-estimation (`without`), the
            expected events or patients of both, how probable the promising zone is, and how probably a test that pools
            the stages without weights rejects (`unweighted`).

        Raises
        ------
        RequestError
            For what is no effect.
        """
        scale, unit = self.scale, self.scale.unit
        listed = [effects] if effects is not None and not isinstance(effects, Iterable) else effects
        if listed is None:
            listed = [scale.effect_of(part * scale.drift) for part in PARTS]
            listed = [value for value in listed if math.isfinite(value)]
        rows = []
        for effect in listed:
            scale.check(effect)
            at = self.zone.reached(scale.drift_of(effect))
            rows.append({
                scale.effect: effect, "rejects": at.rejects, "without": at.without,
                f"expected_{unit}": at.information * scale.after[-1],
                f"expected_{unit}_without": at.information_without * scale.after[-1], "promising": at.promising,
                "unweighted": at.unweighted,
            })  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def paragraph(self) -> str:
        """The rule in whole sentences."""
        at, unit = self.numbers, self.scale.unit
        rule = rule_in_words(self.zone, at[f"{unit}_at_look"], at[unit], at[f"most_{unit}"], unit)
        powers = f"{at['power']:.3f}, without re-estimation {at['power_without']:.3f}"
        return f"{rule}The power is {powers} (normal approximation)."

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "numbers": plain_mapping(self.numbers), "table": plain_rows(self.table),
            "operating_characteristics": plain_rows(self.operating_characteristics()), "paragraph": self.paragraph,
        }  # fmt: skip

    def __str__(self) -> str:
        return self.table.to_string(index=False)


def reestimated(
    planned: PlannedDesign, promising: float | Sequence[float], target: float | None, factor: float
) -> Reestimation:
    """The rule for a planned design; see `TrialDesign.reestimation`. Raises `RequestError`."""
    scale = z_scale_of(planned)
    if len(scale.shares) != 2:
        wrong = f"the design has {len(scale.shares)} looks."
        raise RequestError("looks", wrong, "2 looks: re-estimation is at the only interim one.", key="looks")
    if scale.sides == 2:
        wrong = "the rule is that of a one-sided test."
        raise RequestError("sides = 2", wrong, f"1, with alpha {planned.study.alpha / 2.0:g}.", key="sides")
    wanted = planned.study.power if target is None else target
    ends = [*promising] if isinstance(promising, Iterable) and not isinstance(promising, str) else [promising]
    check_numbers("promising", ends)
    if not 1 <= len(ends) <= 2:
        raise RequestError(
            f"promising: {promising!r}", "a zone has two ends.", "0.36, or [0.36, 0.8].", key="promising"
        )
    low, high = (*ends, wanted)[:2]
    lower = scale.lower[0] if scale.lower else -math.inf
    zone = PromisingZone(scale.shares[0], scale.upper[0], scale.upper[1], low, high, wanted, factor, lower)
    return Reestimation(planned, scale, zone)
