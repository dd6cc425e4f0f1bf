"""Wide priors from a few counts: what the counts and the time of observation make plausible, as a place to start from.

A rate has the value at which as many patients as were counted would have the event in the mean time at risk. Its prior
is lognormal with that median, and wide: the counts themselves enter once more when the cohort is calibrated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from trialsim.config.schema.quantities import Duration
from trialsim.config.starting.pilot import Pilot
from trialsim.model.units import DAYS_PER_MONTH

WIDE: Final = 1.0  # sd on the log or logit scale: 90 % from a fifth to five times the median
PROGRESSION: Final = 0.1  # per month, assumed: half of the patients within 7 months
RELAPSE: Final = 0.08  # per month, assumed
DEATH: Final = 0.02  # per month, assumed
WITHDRAWAL: Final = 0.02  # per month, assumed
RESOLUTION: Final = 1.0  # per month, assumed: toxicities last a month on average
FIRST_RESPONSE: Final = 0.5  # per month, assumed: counts do not tell how fast responses come
DOSE_EXPONENT: Final = 0.7  # assumed, as in trials that randomised doses
EXPONENT: Final = "toxicity dose exponent"


@dataclass(frozen=True)
class StartingPrior:
    """A parameter to start from: its name, its number as text, how wide its prior is, and what informs it."""

    name: str
    number: str
    informed_by: str
    distribution: str = "lognormal"
    sd: float = WIDE
    above: float | None = None


def months_observed(pilot: Pilot) -> float:
    """The mean time from entry to the data cut-off, in months: patients enter uniformly over the accrual."""
    accrual, end = (Duration.number(text) / DAYS_PER_MONTH for text in (pilot.accrual, pilot.follow_up))
    return max(end - min(accrual, end) / 2.0, end / 2.0)


def months_at_risk(pilot: Pilot) -> float:
    """The mean time on treatment, in months: until the cut-off, or until the patient leaves at the assumed rates."""
    leaving = PROGRESSION + DEATH if pilot.responses else WITHDRAWAL
    return -math.expm1(-leaving * months_observed(pilot)) / leaving


def share_with(count: int, of: int) -> float:
    """A share that is neither 0 nor 1, whatever the count."""
    return (count + 0.5) / (of + 1.0)


def rate_of_share(share: float, months: float) -> float:
    """The rate per month at which a share of patients has an event within so many months."""
    return -math.log1p(-share) / months


def starting_priors(pilot: Pilot) -> list[StartingPrior]:
    """Priors for every number that the scenario of a pilot says is calibrated."""
    return [*_of_toxicities(pilot), *_of_responses(pilot)]


def has_dose_exponent(pilot: Pilot) -> bool:
    """Whether toxicity may depend on the dose: where there are several levels."""
    return len(pilot.levels) > 1 and bool(pilot.toxicities)


def _of_toxicities(pilot: Pilot) -> list[StartingPrior]:
    months = months_at_risk(pilot)
    priors = [
        StartingPrior(
            f"{name} rate",
            _rate(rate_of_share(share_with(count, pilot.patients), months)),
            f"{count} of {pilot.patients} with {name}, some {months:.1f} months on treatment",
        )
        for name, count in pilot.toxicities.items()
    ]
    if has_dose_exponent(pilot):
        number = f"{DOSE_EXPONENT:g}"
        priors.append(StartingPrior(EXPONENT, number, "the prior alone", "normal", sd=0.4, above=0.0))
    return priors


def _of_responses(pilot: Pilot) -> list[StartingPrior]:
    if not pilot.responses:
        return []
    names = list(pilot.responses)
    n, of = pilot.n_at_least(names[0]), pilot.n_evaluable
    sensitive = min(0.95, 1.25 * share_with(n, of))  # some who could respond leave before they do
    priors = [
        StartingPrior("sensitive", f"{sensitive:.2g}", f"{n} of {of} with a response", "logit-normal"),
        StartingPrior(f"{names[0]} rate", _rate(FIRST_RESPONSE), "the prior alone: counts tell no speed", sd=0.7),
    ]
    at_risk = months_at_risk(pilot)
    months = max(at_risk - 1.0 / FIRST_RESPONSE, at_risk / 2.0)  # a better response comes after the first
    for below, name in pairwise(names):
        best, among = pilot.n_at_least(name), pilot.n_at_least(below)
        number = _rate(rate_of_share(share_with(best, among), months))
        priors.append(StartingPrior(f"{name} rate", number, f"{best} of {among} with {below} or better"))
    return [
        *priors,
        StartingPrior("relapse rate", _rate(RELAPSE), "the prior alone", sd=0.7),
        StartingPrior("progression rate", _rate(PROGRESSION), "the prior alone", sd=0.7),
    ]


def _rate(rate: float) -> str:
    return f"{rate:.2g} /month"
