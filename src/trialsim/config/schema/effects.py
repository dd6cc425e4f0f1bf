"""Effects of baseline covariates, as they stand in a scenario: on the hazard of an event, and on sensitivity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import model_serializer, model_validator

from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import HazardRatio, Measurement, Number, OddsRatio
from trialsim.config.schema.written_values import mistake


class EffectTerm(NamedTuple):
    """One ratio: its place beside `effects`, its covariate, its category if it has one, and `per` how much."""

    place: tuple[str, ...]
    covariate: str
    category: str | None
    ratio: Number
    per: float


class Effect(Section):
    """The effect of a baseline covariate; `ratio_key` is the key of its ratio, and with an s of ratios by category.

    Continuous: a ratio for each `per` of distance from `reference` (by default the covariate's median).
    Categorical: ratios by category, 1 for those that are not named.
    """

    per: Measurement | None = None
    """The distance of a continuous covariate for which the ratio holds, such as 10 years."""
    reference: Measurement | None = None
    """The value at which the ratio is 1; the median of the covariate unless given."""

    ratio_key: ClassVar[str]

    @property
    def ratio(self) -> Number | None:
        """The ratio for each `per`, None for categories."""
        raise NotImplementedError

    @property
    def ratios(self) -> Mapping[str, Number] | None:
        """The ratios by category, None for a continuous covariate."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.ratios is None) == (self.ratio is None or self.per is None):
            key = self.ratio_key
            raise mistake(
                "an effect is one ratio per unit, or ratios by category",
                f"{{{key}: 1.2, per: 10 years}} or {{{key}s: {{female: 1.3}}}}",
            )
        if self.per is not None and self.per.value <= 0.0:
            raise mistake("`per` must be above 0", "such as 10 years")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = handler(self)
        keys = (self.ratio_key, "per", "reference", f"{self.ratio_key}s")
        return {key: written[key] for key in keys if written[key] is not None}


class HazardEffect(Effect):
    """The effect of a baseline covariate on a hazard."""

    hazard_ratio: HazardRatio | None = None
    """The hazard ratio for each `per` of a continuous covariate."""
    hazard_ratios: dict[str, HazardRatio] | None = None
    """The hazard ratios by category; 1 for those that are not named."""

    ratio_key: ClassVar[str] = "hazard_ratio"

    @property
    def ratio(self) -> HazardRatio | None:
        """The hazard ratio for each `per`, None for categories."""
        return self.hazard_ratio

    @property
    def ratios(self) -> Mapping[str, HazardRatio] | None:
        """The hazard ratios by category, None for a continuous covariate."""
        return self.hazard_ratios


class SensitivityEffect(Effect):
    """The effect of a baseline covariate on the odds of being sensitive to the drug."""

    odds_ratio: OddsRatio | None = None
    """The odds ratio for each `per` of a continuous covariate."""
    odds_ratios: dict[str, OddsRatio] | None = None
    """The odds ratios by category; 1 for those that are not named."""

    ratio_key: ClassVar[str] = "odds_ratio"

    @property
    def ratio(self) -> OddsRatio | None:
        """The odds ratio for each `per`, None for categories."""
        return self.odds_ratio

    @property
    def ratios(self) -> Mapping[str, OddsRatio] | None:
        """The odds ratios by category, None for a continuous covariate."""
        return self.odds_ratios


def effect_terms(effects: Mapping[str, Effect]) -> tuple[EffectTerm, ...]:
    """The ratios of effects by covariate, in the order of the file."""
    terms = []
    for name, effect in effects.items():
        place = ("effects", name)
        if effect.ratio is not None and effect.per is not None:
            terms.append(EffectTerm((*place, effect.ratio_key), name, None, effect.ratio, effect.per.value))
        for category, ratio in (effect.ratios or {}).items():
            terms.append(EffectTerm((*place, f"{effect.ratio_key}s", category), name, category, ratio, 1.0))
    return tuple(terms)
