"""A study of size that is ready to be simulated: its outcomes, its truths, its design."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.stats import nbinom

from trialsim.config import Scenario
from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, NULL, Hypotheses, Information, PlannedDesign
from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.trial import CountTrial, EventTrial, Trial
from trialsim.design.conduct.wald_trials import WaldTrial, of_size
from trialsim.design.counts import CountDesign
from trialsim.design.draft import Draft, Protocols
from trialsim.design.hypotheses import evaluable_shares, with_follow_up
from trialsim.design.outcomes import Outcomes
from trialsim.design.safety import safety_boundary
from trialsim.design.theory.toxicity import ToxicityBoundary
from trialsim.design.time_to_event.planned import EventDesign
from trialsim.design.two_arms.wald import PlannedWald
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.simulation.allocation import Arms
from trialsim.typing import Counts

POSTERIOR: Final = "calibrated"
MEDIAN: Final = "posterior median"
ALL_DRAWS: Final = "all draws"  # for the search: as many draws as there are
DRAWS_LOOKED_AT: Final = 500
FEWEST_DRAWS: Final = 100
TRIALS_A_DRAW: Final = 40  # so that the power at each draw is known to a tenth
ENOUGH: Final = 0.9999  # with which probability there is somebody to replace whoever is not evaluable
LEAST: Final = 0.01  # the quantile, over trials of 100 patients, of the share who are evaluable
FEWEST_EVALUABLE: Final = 0.05


@dataclass(frozen=True)
class PreparedStudy:
    """A study ready to be simulated. `truths` are the protocols of the arms under each truth, the null first.

    `rates` are the true rates of the first outcome in every arm at the point values, with their Monte Carlo errors;
    `design` is what is planned for them. `posterior` are the arms with all their draws, of which `truths` has some; it
    is empty where the study gives plain numbers for the arms.
    """

    draft: Draft
    engine: str
    seed: int
    design: PlannedDesign
    truths: dict[str, Protocols]
    posterior: Protocols
    rates: dict[str, tuple[float, float]] = field(default_factory=dict)
    boundary: ToxicityBoundary | None = None
    obtained_by: dict[str, str] = field(default_factory=dict)

    @property
    def sizing(self) -> Sizing:
        """The study and its scenarios."""
        return self.draft.sizing

    @property
    def scenario(self) -> Scenario:
        """The scenario of the control, or of the only arm."""
        return next(iter(self.sizing.scenarios.values()))

    @property
    def study(self) -> SizeStudy:
        """The study."""
        return self.draft.study

    @property
    def names(self) -> tuple[str, ...]:
        """The arms by name, the control first."""
        return self.draft.names

    @property
    def outcomes(self) -> Outcomes:
        """The outcomes of every patient."""
        return self.draft.outcomes

    @property
    def arms(self) -> Arms | None:
        """The allocation to several arms."""
        return self.draft.arms

    def error_of_setting(self, truth: str) -> float:
        """The standard error of the probability of success that comes from how exactly the rate of a truth was set.

        The share of sensitive patients is set on simulated patients, as many as those that tell what the model says.
        0 where nothing was set, or where no formula says what a rate does.
        """
        wanted = {NULL: self.study.null.value if self.study.null is not None else None}
        rate = {**wanted, ALTERNATIVE: self.study.alternative_rate}.get(truth)
        value, error = self.rates.get("modelled", (0.0, 0.0))
        if rate is None or error == 0.0 or self.design.design.hypotheses is not Hypotheses.RESPONSE_RATE:
            return 0.0
        n = value * (1.0 - value) / error**2
        margin = min(math.sqrt(rate * (1.0 - rate) / n), rate, 1.0 - rate)
        low, high = (self.design.at_rates((rate + sign * margin,)) for sign in (-1.0, 1.0))
        return abs(high.rejects - low.rejects) / 2.0 if low is not None and high is not None else 0.0

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers of the design, as they are reported."""
        return self.design.numbers

    @property
    def n(self) -> int:
        """The largest number of patients of the trial as it is planned; 0 where a search has to find it."""
        return self.design.n

    @property
    def is_searched(self) -> bool:
        """Whether n is searched by simulation: it is not given, and there are designs of many sizes."""
        return self.study.n is None and self.design.design.is_searched

    @cached_property
    def sizes(self) -> Counts:
        """The sizes, rising, among which simulation can search."""
        return self.design.sizes()

    @property
    def follow_up_days(self) -> float:
        """How long everyone is followed in the simulator."""
        at_events = self.design.design.information is Information.EVENTS
        return self.study.conduct.follow_up.value if at_events else self.outcomes.horizon_days

    def setting(self, truth: str, n: int) -> Setting:
        """A truth with enough patients for a trial of `n`; one that is cut off as the scenario says has just `n`."""
        protocols_of_truth = self.posterior if truth == ALL_DRAWS else self.truths[truth]
        information = self.design.design.information
        if information is Information.CUT_OFF:
            return Setting(truth, tuple(of_size(item, n) for item in protocols_of_truth), self.arms, self.engine)
        room = n
        if information is Information.PATIENTS and self.study.conduct.not_evaluable == "replaced":
            room = n + math.ceil(nbinom.ppf(ENOUGH, n, self.least_evaluable[truth]))
        protocols = tuple(with_follow_up(item, room, self.follow_up_days) for item in protocols_of_truth)
        return Setting(truth, protocols, self.arms, self.engine)

    @cached_property
    def least_evaluable(self) -> dict[str, float]:
        """A share of evaluable patients that hardly any trial falls short of, under each truth.

        Raises `RequestError` where so few are evaluable that no trial could replace the others.
        """
        least = {}
        for truth, protocols in {**self.truths, ALL_DRAWS: self.posterior or self.truths[ALTERNATIVE]}.items():
            shares = [evaluable_shares(item, self.outcomes.primary, self.follow_up_days) for item in protocols]
            least[truth] = min(float(np.quantile(item, LEAST)) for item in shares)
            if least[truth] < FEWEST_EVALUABLE:
                few = 100.0 * min(float(item.mean()) for item in shares)
                wrong = f"hardly anyone is evaluable ({few:.0f} %), and all others would be replaced."
                raise RequestError(
                    "conduct.not_evaluable: replaced",
                    wrong,
                    "failures or dropped, or less drop-out.",
                    key="conduct.not_evaluable",
                )
        return least

    def conduct(self, looks: tuple[int, ...]) -> c.Conduct:
        """How a trial with these looks at numbers of patients goes on around them."""
        conduct = self.study.conduct
        overrun = conduct.overrun if conduct.overrun is not None else (0 if conduct.accrual == "pause" else c.NO_PAUSE)
        wait = conduct.interim_after.value if conduct.interim_after is not None else math.inf
        return c.Conduct(looks, overrun, c.NOT_EVALUABLE_NAMES.index(conduct.not_evaluable), wait)

    def trial(self, n: int | None = None) -> Trial:
        """The trial as planned, or with another number of patients where its design has one for every number."""
        design = self.design if n is None else self.design.at(n)
        if isinstance(design, CountDesign):
            return self.count_trial(design)
        if isinstance(design, EventDesign):
            return EventTrial(self.outcomes, design.decisions, design.conduct)
        if isinstance(design, PlannedWald):
            return WaldTrial(design.test, design.n)
        raise TypeError(f"no way to conduct a {type(design).__name__}")

    def count_trial(self, design: CountDesign) -> CountTrial:
        """The trial of a design that counts patients, with the boundary for toxicity of its size."""
        outcomes, looks = self.outcomes, design.decisions.looks
        if outcomes.safety is not None:
            outcomes = replace(outcomes, at_least=safety_boundary(self.study, looks[-1]).at_least)
        return CountTrial(outcomes, len(self.names), design.decisions, self.conduct(looks))
