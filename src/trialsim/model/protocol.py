"""The flat numbers that engines read: a scenario with every name resolved, unit converted and default filled in.

Days everywhere, doses in mg a day, sets as bit masks, names only where the log needs them. `config` builds a `Protocol`
from a scenario; engines never see a scenario.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from trialsim.model import disease, draws
from trialsim.model.accrual import arrival_at_expected_count
from trialsim.model.course import repeated_day
from trialsim.model.rules import Rule
from trialsim.model.strategy import Strategy
from trialsim.model.units import MG_PER_DAY, DoseUnit

MISSED_ASSESSMENT: Final = "missed assessment"  # the decision, an occurrence for each assessment


# Effects of baseline values are (covariate, category or -1, reference, weight): `weight` is the log ratio per unit of a
# continuous covariate's distance from `reference`, or of being in the category.
Effects = tuple[tuple[int, int, float, float], ...]


# (covariate, weight) of independent standard normal scores: the score of a correlated covariate is their weighted sum.
Scores = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Clock:
    """One event clock.

    `coefficient` is the hazard's coefficient for time in days at the protocol's reference dose, made from its rate. The
    weights of `effects` are log hazard ratios. `frailty` is a position in `Protocol.frailties` or -1. The clock starts
    `delay_days` after it could first run. A dose below `dose_floor` (mg/day) acts as that dose, so that a negative
    exponent gives a finite hazard without the drug. A clock that is `driven_by_exposure` ages with the dose that is
    taken, and not with time.

    A toxicity that is `part_of` another (its position, or -1) has no clock: an onset of the other is one of this too
    where its severity, a uniform number for each onset, lies below `share`. So the grades of a toxicity share a clock.

    `response` is the category that a response step reaches, from 1 for the least. The coefficient, and not the rate,
    has the `partner_ratio`: what drugs that are given besides make of the hazard.

    From the age `piece_days[i]` (days since it started, rising) up to the next the hazard is multiplied by
    `piece_ratios[i]`.
    """

    name: str
    kind: int
    coefficient: float
    shape: float
    dose_exponent: float
    states: int
    needs_treatment: bool
    needs_sensitivity: bool
    effects: Effects
    frailty: int
    code: int
    recurs: bool = False
    is_severe: bool = False
    is_dose_limiting: bool = False
    is_reported: bool = True
    resolution: Clock | None = None
    rate_per_month: float = 0.0
    delay_days: float = 0.0
    dose_floor: float = 0.0
    driven_by_exposure: bool = False
    part_of: int = -1
    share: float = 0.0
    response: int = 0
    partner_ratio: float = 1.0
    piece_days: tuple[float, ...] = ()
    piece_ratios: tuple[float, ...] = ()

    @property
    def highest_ratio(self) -> float:
        """The largest factor that a piece has on the hazard; 1 before the first of them."""
        return max((1.0, *self.piece_ratios))

    @property
    def depends_on_dose(self) -> bool:
        """Whether a change of dose changes this clock's hazard."""
        return self.dose_exponent != 0.0 or self.driven_by_exposure


@dataclass(frozen=True)
class Covariate:
    """One baseline covariate: continuous (`categories` empty) or categorical (`cumulative_shares` filled).

    `scores` are those of covariates above it and its own, where it is correlated with some of them; otherwise empty.
    """

    name: str
    unit: str
    code: int
    categories: tuple[str, ...] = ()
    cumulative_shares: tuple[float, ...] = ()
    distribution: int = 0
    location: float = 0.0
    spread: float = 0.0
    lowest_share: float = 0.0
    highest_share: float = 1.0
    scores: Scores = ()


@dataclass(frozen=True)
class FirstLevel:
    """A level at which some patients begin: those of a category (or -1), or with a value from `at_least` to `below`."""

    covariate: int
    category: int
    at_least: float
    below: float
    level: int


@dataclass(frozen=True)
class Frailty:
    """A lognormal frailty with median 1, shared by the clocks that name it.

    It is 0 with probability `p_long_term`: none of these events ever happens to such a patient (a mixture cure model).
    """

    name: str
    sd_log: float
    code: int
    p_long_term: float = 0.0


@dataclass(frozen=True)
class Accrual:
    """Either exactly `n_patients` uniformly over `window_days`, or a Poisson process (`window_days` 0).

    For the Poisson process: `starts` (days) and `rates` (per day) of each interval, `site_shares` cumulative over
    sites within each interval, closing at `closes_day` (infinity: never) or at `n_patients` enrolled.
    """

    n_patients: int
    window_days: float
    starts: tuple[float, ...] = (0.0,)
    rates: tuple[float, ...] = (0.0,)
    site_names: tuple[str, ...] = ()
    site_shares: tuple[tuple[float, ...], ...] = ()
    closes_day: float = float("inf")
    p_ineligible: float = 0.0

    @property
    def latest_entry_day(self) -> float:
        """The calendar day before which everyone enters; infinity where the calendar does not tell."""
        return self.window_days or self.closes_day

    @property
    def expected_entry_day(self) -> float:
        """The calendar day by which as many arrivals are expected as patients are wanted (eligible or not)."""
        if self.window_days > 0.0:
            return self.window_days
        return arrival_at_expected_count(self.n_patients / (1.0 - self.p_ineligible), self.starts, self.rates)

    def with_patients(self, n_patients: int) -> Accrual:
        """The same accrual, as quick as before, of another number of patients."""
        window_days = self.window_days * n_patients / self.n_patients
        return replace(self, n_patients=n_patients, window_days=window_days)


@dataclass(frozen=True)
class VisitPhase:
    """Visits at an interval of their own, from `start_day` on, the first `n_visits` of them."""

    start_day: float
    every_days: float
    n_visits: int


@dataclass(frozen=True)
class CutOff:
    """When observation ends: at `day`, or `day` days after the last entry, or when `count` of `counted` are seen.

    `counted` is one of the `COUNT_` codes of `vocabulary`; `latest_day` bounds the last kind.
    """

    kind: int
    day: float
    counted: int = -1
    count: int = 0
    latest_day: float = float("inf")


@dataclass(frozen=True)
class ParameterPlace:
    """Where a parameter stands: a field of the protocol, of its cut-off, or of the clock or frailty at a position.

    `what` is `p_sensitive` or the `odds_ratio` of an `effect` on it, `visit_every_days`, `assessment_every_days`,
    `p_missed_assessment`, `evaluable_after_days`, `day` or `latest_day` (of the cut-off); of a clock `rate`, `shape`,
    `dose_exponent`, `delay_days`, `share`, or the `hazard_ratio` of an `effect`; of a frailty `sd_log` or
    `p_long_term`. An `effect` is a position, its ratio is for each `per` of its covariate. Where `of_resolution` is
    true, it is the `rate` or `shape` with which the toxicity of that clock resolves.
    """

    what: str
    clock: int = -1
    of_resolution: bool = False
    frailty: int = -1
    effect: int = -1
    per: float = 1.0


@dataclass(frozen=True)
class Protocol:
    """A whole trial as flat numbers.

    `p_sensitive` is the probability of being sensitive where `sensitivity_effects`, whose weights are log odds ratios,
    shift nothing. `responses` are the categories of response, from the least to the best. A response is confirmed by
    an assessment at least `confirmation_days` after the one that first saw it; 0 for never.

    Where parameters are known only as draws, `parameter_places` tells where each stands (a parameter may stand in
    several places) and `parameter_draws` has one row a draw; see `model.parameters`. The protocol's own numbers are
    then those of no trial in particular (the medians). A `strategy` decides in place of the rules. `dose_days` are
    study days up to which the total dose of each patient is recorded.

    Doses are in `dose_unit`. Where that is for each m² or kg, `body_size` is the position of the covariate that is the
    size of a patient; it makes mg of totals, and of nothing else: hazards and rules see the dose in `dose_unit`.
    """

    title: str
    opens: str
    accrual: Accrual
    covariates: tuple[Covariate, ...]
    frailties: tuple[Frailty, ...]
    p_sensitive: float
    sensitivity_effects: Effects
    reference_dose: float
    levels: tuple[float, ...]
    first_level: int
    early_visits: tuple[VisitPhase, ...]
    visit_every_days: float
    visit_rules: tuple[Rule, ...]
    onset_rules: tuple[Rule, ...]
    responses: tuple[disease.ResponseCategory, ...]
    clocks: tuple[Clock, ...]
    assessment_every_days: float
    p_missed_assessment: float
    confirmation_days: float
    evaluable_after_days: float
    counts_early_progression: bool
    counts_early_death: bool
    cut_off: CutOff
    clinic_slots_per_day: int
    parameter_names: tuple[str, ...] = ()
    parameter_places: tuple[tuple[ParameterPlace, ...], ...] = ()
    parameter_draws: tuple[tuple[float, ...], ...] = ()
    strategy: Strategy | None = None
    dose_days: tuple[float, ...] = ()
    first_levels: tuple[FirstLevel, ...] = ()
    dose_share: float = 1.0
    dose_unit: DoseUnit = MG_PER_DAY
    body_size: int = -1

    @property
    def n_parameter_draws(self) -> int:
        """How many draws of the parameters there are; 0 where nothing varies."""
        return len(self.parameter_draws)

    @cached_property
    def first_response(self) -> int:
        """The least category that counts as a response, from 1; beyond the best one if none does."""
        return next((i for i, item in enumerate(self.responses, 1) if item.counts), len(self.responses) + 1)

    def visit_day(self, number: int) -> float:
        """The study day of the n-th titration visit, n from 1; those at an interval of their own come first."""
        for phase in self.early_visits:
            if number <= phase.n_visits:
                return repeated_day(number, phase.every_days, phase.start_day)
            number -= phase.n_visits
        return repeated_day(number, self.visit_every_days, self.early_visits_end_day)

    @cached_property
    def early_visits_end_day(self) -> float:
        """The study day of the last of the early visits, 0 if there are none."""
        if not self.early_visits:
            return 0.0
        last = self.early_visits[-1]
        return repeated_day(last.n_visits, last.every_days, last.start_day)

    @cached_property
    def toxicities(self) -> tuple[int, ...]:
        """Positions of the toxicity clocks; a toxicity's bit in a mask is its place in this tuple."""
        return tuple(i for i, clock in enumerate(self.clocks) if clock.kind == disease.TOXICITY)

    def parts_of(self, position: int) -> tuple[int, ...]:
        """Positions of the toxicities that are part of one, in the order of the file."""
        return self._parts.get(position, ())

    @cached_property
    def _parts(self) -> dict[int, tuple[int, ...]]:
        parts: dict[int, tuple[int, ...]] = {}
        for i, clock in enumerate(self.clocks):
            if clock.part_of >= 0:
                parts[clock.part_of] = (*parts.get(clock.part_of, ()), i)
        return parts

    @cached_property
    def decision_codes(self) -> dict[str, int]:
        """Every decision of this trial by name, with the code that its draws are addressed by."""
        names = ["arrival", "eligibility", "site", "sensitivity", MISSED_ASSESSMENT]
        names += [covariate_decision(c.name) for c in self.covariates]
        names += [frailty_decision(f.name) for f in self.frailties]
        names += [severity_decision(self.clocks[position].name) for position in self._parts]
        for clock in self.clocks:
            names.append(clock_decision(clock.name))
            if clock.resolution is not None:
                names.append(clock_decision(clock.resolution.name))
        return {name: draws.decision_code(name) for name in names}


def covariate_decision(name: str) -> str:
    """The name of the decision that draws a baseline covariate."""
    return f"baseline: {name}"


def frailty_decision(name: str) -> str:
    """The name of the decision that draws a frailty."""
    return f"frailty: {name}"


def clock_decision(name: str) -> str:
    """The name of the decision that draws a clock's threshold."""
    return f"clock: {name}"


def severity_decision(toxicity: str) -> str:
    """The name of the decision that draws how severe an onset of a toxicity is."""
    return f"severity: {toxicity}"


def resolution_name(toxicity: str) -> str:
    """The name of the clock that ends a toxicity."""
    return f"{toxicity} resolves"
