"""A study of size that is ready to be simulated: its questions, its truths, its design."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.stats import nbinom

from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.conduct.blocks import Trial
from trialsim.design.conduct.trials import Questions
from trialsim.design.decisions import TwoArms
from trialsim.design.hypotheses import (
    Setting,
    evaluable_shares,
    followed,
)
from trialsim.design.plan import (
    ALTERNATIVE,
    Plan,
    ever_more_power,
    precision_at,
    single_at,
)
from trialsim.design.search import multiples
from trialsim.design.theory.toxicity import ToxicityBoundary, bayesian_boundary, exact_boundary
from trialsim.design.time_to_event.one_arm import OneSamplePlan
from trialsim.design.time_to_event.two_arm import EventPlan
from trialsim.design.two_arm.boundaries import MOST_EXACT, ExactBounds
from trialsim.design.two_arm.plan import exact_bounds_of, seats_of, two_arm_at
from trialsim.design.two_arm.wald import WaldTest, of_size
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
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
PROBES: Final = 400  # large trials that tell how many events to expect
Protocols = tuple[Protocol, ...]


@dataclass(frozen=True)
class Ready:
    """A study ready to be simulated. `truths` are the protocols of the arms under each truth, the null first.

    `rates` are the true rates of the first question in every arm at the point values, with their Monte Carlo errors;
    `plan` is the exact design, `events` that of a trial with times to events, `wald` that of a trial on any other
    endpoint. `posterior` are the arms with all their draws, of which `truths` has some.
    """

    sizing: Sizing
    engine: str
    seed: int
    questions: Questions
    arms: Arms | None
    better: str
    rates: dict[str, tuple[float, float]]
    truths: dict[str, Protocols]
    plan: Plan | None = None
    events: EventPlan | OneSamplePlan | None = None
    wald: WaldTest | None = None
    posterior: Protocols = ()
    boundary: ToxicityBoundary | None = None
    levers: dict[str, str] = field(default_factory=dict)
    n_draws: int = DRAWS_LOOKED_AT

    @property
    def study(self) -> SizeStudy:
        """The study."""
        return self.sizing.study

    @property
    def names(self) -> tuple[str, ...]:
        """The arms by name, the control first."""
        return tuple(self.sizing.scenarios)

    @cached_property
    def step(self) -> int:
        """Sizes rise by so many patients: by one for each turn of the arms."""
        return len(seats_of(self.study, self.names)) if len(self.names) > 1 else 1

    @property
    def follow_up_days(self) -> float:
        """How long everyone is followed in the simulator."""
        return self.study.conduct.follow_up.value if self.events is not None else self.questions.horizon_days

    def setting(self, truth: str, n: int) -> Setting:
        """A truth with enough patients for a trial of `n`; a trial with a Wald test sees to its own number."""
        own = self.posterior if truth == ALL_DRAWS else self.truths[truth]
        if self.wald is not None:
            return Setting(truth, tuple(of_size(item, n) for item in own), self.arms, self.engine)
        room = n
        if self.events is None and self.study.conduct.inevaluable == "replaced":
            room = n + math.ceil(nbinom.ppf(ENOUGH, n, self.least_evaluable[truth]))
        protocols = tuple(followed(item, room, self.follow_up_days) for item in own)
        return Setting(truth, protocols, self.arms, self.engine)

    @cached_property
    def least_evaluable(self) -> dict[str, float]:
        """A share of evaluable patients that hardly any trial falls short of, under each truth.

        Raises `RequestError` where so few are evaluable that no trial could replace the others.
        """
        found = {}
        for truth, protocols in {**self.truths, ALL_DRAWS: self.posterior or self.truths[ALTERNATIVE]}.items():
            shares = [evaluable_shares(item, self.questions.primary, self.follow_up_days) for item in protocols]
            found[truth] = min(float(np.quantile(item, LEAST)) for item in shares)
            if found[truth] < FEWEST_EVALUABLE:
                few = 100.0 * min(float(item.mean()) for item in shares)
                wrong = f"hardly anyone is evaluable ({few:.0f} %), and all others would be replaced."
                raise RequestError("conduct.inevaluable: replaced", wrong, "failures or dropped, or less drop-out.")
        return found

    def conduct(self, looks: tuple[int, ...]) -> c.Conduct:
        """How a trial with these looks goes on around them."""
        own = self.study.conduct
        overrun = own.overrun if own.overrun is not None else (0 if own.accrual == "pause" else c.NO_PAUSE)
        wait = own.interim_after.value if own.interim_after is not None else math.inf
        return c.Conduct(looks, overrun, c.INEVALUABLE_NAMES.index(own.inevaluable), wait)

    def trial(self, n: int | None = None) -> Trial:
        """The trial as planned, or with another number of patients where its design has one for every number."""
        if self.wald is not None:
            size = n if n is not None else self.wald.n
            return Trial(self.questions, 2, wald=replace(self.wald, n=size))
        if self.events is not None:
            size = n if n is not None else int(self.events.numbers["n"])
            events, n_arms = self.events, len(self.names)
            own_decisions, conduct = events.decisions(size), events.conduct(size)
            return Trial(self.questions, n_arms, event_decisions=own_decisions, event_plan=conduct)
        if self.plan is None:
            raise AssertionError("a study has a plan")
        decisions = self.plan.decisions if n is None else self.plan_at(n).decisions
        own = self.questions
        if own.safety is not None:
            own = replace(own, at_least=self.boundary_for(decisions.looks[-1]).at_least)
        return Trial(own, len(self.names), decisions, self.conduct(decisions.looks))

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers of the design, as they are reported."""
        if self.wald is not None:
            half = self.wald.n // 2
            names = {"endpoint": self.wald.endpoints[0].name, "test": "wald", "sides": self.wald.sides}
            return {"n": self.wald.n, "n_control": self.wald.n - half, "n_experimental": half, **names}
        if self.events is not None:
            return self.events.numbers
        return self.plan.numbers if self.plan is not None else {}

    @property
    def n(self) -> int:
        """The largest number of patients of the trial as it is planned."""
        if self.wald is not None:
            return self.wald.n
        return int(self.events.numbers["n"]) if self.events is not None else self.plan.n if self.plan is not None else 0

    @property
    def is_searched(self) -> bool:
        """Whether there are designs of many sizes, among which simulation can search."""
        return self.is_two_stage or self.study.design not in ("fleming", "bryant-day", "selection")

    @property
    def is_two_stage(self) -> bool:
        """Whether it is one of Simon's designs: there is one for every power, not for every size."""
        return self.study.design.startswith("simon-")

    @cached_property
    def two_stage(self) -> dict[int, Plan]:
        """Simon's designs planned for ever more power, by n."""
        return ever_more_power(self.study, float(self.numbers["p1"]))

    @cached_property
    def sizes(self) -> Counts:
        """The sizes, rising, among which simulation can search."""
        if self.is_two_stage:
            return np.array(list(self.two_stage))
        most = self.study.largest_n if self.exact_bounds is None else min(self.study.largest_n, MOST_EXACT)
        return multiples((10 if self.events is not None else 2) * self.step, most, self.step)

    @cached_property
    def exact_bounds(self) -> ExactBounds | None:
        """The exact boundaries of looks at two proportions by n; None where they are not asked for."""
        return exact_bounds_of(self.study, self.better, self.plan.seats) if self.plan is not None else None

    def plan_at(self, n: int) -> Plan:
        """The design with `n` patients."""
        if self.plan is None:
            raise AssertionError("a study has a plan")
        if self.is_two_stage:
            return self.two_stage[n]
        if self.study.design == "precision":
            return precision_at(self.study, n, float(self.plan.numbers["p1"]), n)
        if isinstance(self.plan.decisions, TwoArms):
            decisions = two_arm_at(self.study, self.plan.decisions, n, self.plan.seats, self.exact_bounds)
            return replace(self.plan, decisions=decisions)
        return single_at(self.study, n, float(self.plan.numbers["p1"]))

    def boundary_for(self, n: int) -> ToxicityBoundary:
        """The boundary that stops a trial of up to `n` patients for toxicity."""
        return safety_boundary(self.study, n)


def safety_boundary(study: SizeStudy, n: int) -> ToxicityBoundary:
    """The boundary of a study that stops a trial of up to `n` patients for toxicity."""
    own = study.safety
    if own is None:
        raise AssertionError("the study has no boundary")
    if own.method == "exact":
        return exact_boundary(n, own.rate.value, own.alpha, own.first)
    return bayesian_boundary(n, own.rate.value, own.certainty, own.prior, own.first)
