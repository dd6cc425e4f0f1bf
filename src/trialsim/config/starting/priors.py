"""Wide priors from a few counts: what the counts and the time of observation make plausible, as a place to start from.

A toxicity's rate has the value at which as many patients as were counted would have it: with the dose raised at every
visit, until they leave or the data are cut. Its prior is lognormal with that median, and wide: the counts themselves
enter once more when the cohort is calibrated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import brentq

from trialsim.config.schema.quantities import Dose, Duration
from trialsim.config.starting.pilot import Pilot
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.typing import Floats

WIDE: Final = 1.0  # sd on the log or logit scale: 90 % from a fifth to five times the median
PROGRESSION_FREE: Final = 6.0  # months, assumed: the median time to progression or death
WITHDRAWAL: Final = 0.02  # per month, assumed
RESOLUTION: Final = 1.0  # per month, assumed: toxicities last a month on average
FIRST_RESPONSE: Final = 0.5  # per month, assumed: counts do not tell how fast responses come
DOSE_EXPONENT: Final = 0.7  # assumed, as in trials that randomised doses
EXPONENT: Final = "toxicity dose exponent"
_SHARE_OF_DEATH: Final = 1.0 / 6.0  # of the rate of progression or death, assumed
_RELAPSE: Final = 2.0 / 3.0  # rate of relapse by that of progression or death, assumed
_LARGEST_SHARE: Final = 0.99  # that a rate is sought for: some leave, or are not observed, before any event
_N_STEPS: Final = 1000  # of the time observed, over which hazards are added


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


class Leaving(NamedTuple):
    """Rates per month at which patients leave: by progression, by death before it; and that of relapse."""

    progression: float
    death: float
    relapse: float


def leaving(pilot: Pilot) -> Leaving:
    """The rates of a disease that progresses, from the median progression-free survival where it is known."""
    text = pilot.progression_free
    median = Duration.number(text) / DAYS_PER_MONTH if text is not None else PROGRESSION_FREE
    either = math.log(2.0) / median
    return Leaving(either * (1.0 - _SHARE_OF_DEATH), either * _SHARE_OF_DEATH, either * _RELAPSE)


def _rate_of_leaving(pilot: Pilot) -> float:
    rates = leaving(pilot)
    return rates.progression + rates.death if pilot.progresses else WITHDRAWAL


def months_at_risk(pilot: Pilot) -> float:
    """The mean time on treatment, in months: until the cut-off, or until the patient leaves at the assumed rates."""
    rate = _rate_of_leaving(pilot)
    return -math.expm1(-rate * months_observed(pilot)) / rate


class _Time(NamedTuple):
    """Steps of the time since entry, in months: their middles, how long one is, and who is observed so long."""

    middle: Floats
    step: float
    is_observed: Floats

    def share_with_event(self, hazard: Floats, leaving: float) -> float:
        """The share with an event of a hazard (steps,) before they leave at a rate, and before the cut-off."""
        either = hazard + leaving
        at_begin = np.exp(-(np.cumsum(either) - either) * self.step)
        in_step = -np.expm1(-either * self.step) * hazard / either
        return float((at_begin * in_step * self.is_observed).sum())


def _time(pilot: Pilot) -> _Time:
    accrual, end = (Duration.number(text) / DAYS_PER_MONTH for text in (pilot.accrual, pilot.follow_up))
    middle = (np.arange(_N_STEPS) + 0.5) * end / _N_STEPS
    return _Time(middle, end / _N_STEPS, np.clip((end - middle) / min(accrual, end), 0.0, 1.0))


def toxicity_rate(pilot: Pilot, share: float) -> float:
    """The rate per month, at the reference dose, at which a share of patients has a toxicity in the pilot.

    The dose is raised at every visit. A hazard is proportional to a power of the dose.
    """
    time, doses = _time(pilot), np.array(pilot.doses)
    visits = np.floor(time.middle / (Duration.number(pilot.every) / DAYS_PER_MONTH)).astype(np.int64)
    reference = Dose.number(pilot.with_unit(pilot.reference_level))
    relative = (doses[np.minimum(visits, len(doses) - 1)] / reference) ** DOSE_EXPONENT
    leaving = _rate_of_leaving(pilot)

    def excess(log_rate: float) -> float:
        return time.share_with_event(np.exp(log_rate) * relative, leaving) - min(share, _LARGEST_SHARE)

    return math.exp(brentq(excess, math.log(1e-9), math.log(1e3)))


def share_responding(pilot: Pilot) -> float:
    """The share of those who can respond who do so before they leave, and before the cut-off."""
    time = _time(pilot)
    return time.share_with_event(np.full(_N_STEPS, FIRST_RESPONSE), _rate_of_leaving(pilot))


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
    raised = f", the dose raised every {pilot.every}" if len(pilot.levels) > 1 else ""
    priors = [
        StartingPrior(
            f"{name} rate",
            _rate(toxicity_rate(pilot, share_with(count, pilot.patients))),
            f"{count} of {pilot.patients} with {name}, some {months:.1f} months on treatment{raised}",
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
    sensitive = min(0.95, share_with(n, of) / share_responding(pilot))
    priors = [
        StartingPrior(
            "sensitive", f"{sensitive:.2g}", f"{n} of {of} with a response; some leave before", "logit-normal"
        ),
        StartingPrior(f"{names[0]} rate", _rate(FIRST_RESPONSE), "the prior alone: counts tell no speed", sd=0.7),
    ]
    at_risk = months_at_risk(pilot)
    months = max(at_risk - 1.0 / FIRST_RESPONSE, at_risk / 2.0)  # a better response comes after the first
    for below, name in pairwise(names):
        best, among = pilot.n_at_least(name), pilot.n_at_least(below)
        number = _rate(rate_of_share(share_with(best, among), months))
        priors.append(StartingPrior(f"{name} rate", number, f"{best} of {among} with {below} or better"))
    return [*priors, *_of_progression(pilot)]


def _of_progression(pilot: Pilot) -> list[StartingPrior]:
    if not pilot.progresses:
        return []
    rates, text = leaving(pilot), pilot.progression_free
    source = f"median progression-free survival of {text}" if text is not None else "the prior alone"
    return [
        StartingPrior("relapse rate", _rate(rates.relapse), "the prior alone", sd=0.7),
        StartingPrior("progression rate", _rate(rates.progression), source, sd=0.7),
    ]


def _rate(rate: float) -> str:
    return f"{rate:.2g} /month"
