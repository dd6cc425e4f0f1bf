"""The posterior density that is sampled: prior, simulator and terms of the likelihood, on the scale of scores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from trialsim.calibration.drawn_prior import check_context, prior_with_draws
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.prior import JointPrior, log_density, prior_of
from trialsim.calibration.published_terms import published_terms
from trialsim.calibration.simulator import Simulator, probabilities_of
from trialsim.calibration.targets import TargetError, Term
from trialsim.config import Scenario, load_parameters, protocol_of
from trialsim.config.calibrated.draw_tables import FixedNumber, ParameterTable
from trialsim.config.calibrated.draws import parameter_places
from trialsim.config.schema.parameters import ParameterValue
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import own_name, parameter_name
from trialsim.config.schema.written_values import split_number
from trialsim.config.source.yaml import Places
from trialsim.endpoints.published_checks import check_cohort
from trialsim.errors import ConfigurationError, HazardError, Problem
from trialsim.typing import Floats

REPLICATES: Final = 800  # simulated trials at each point: see docs/why/calibration.md
SEED_OF_DRAWS: Final = 20


@dataclass(frozen=True)
class Calibration:
    """What is calibrated to what: scenario with fixed numbers, prior, terms, and the simulator between them.

    `factors` make engine units of parameter units; `bounds` are what the scenario allows, in engine units.
    `prior_draws` are the draws that the prior was made of; None where the parameter set alone has it.
    """

    scenario: Scenario
    prior: JointPrior
    factors: tuple[float, ...]
    bounds: tuple[tuple[float, float], ...]
    terms: tuple[Term, ...]
    simulator: Simulator
    prior_draws: ParameterTable | None = None

    @property
    def drawn_names(self) -> list[str]:
        """The parameters whose prior is of draws."""
        draws = self.prior_draws
        return [name for name in self.names if draws is not None and name in draws.names]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in order."""
        return self.prior.names

    @cached_property
    def fixed_numbers(self) -> dict[str, FixedNumber]:
        """The numbers that the scenario calls calibrated and that were fixed, by a prior or by the scenario."""
        used = dict.fromkeys(_kinds(self.scenario))
        values = self.scenario.parameters.values
        return {name: _fixed_number(values[name]) for name in used if name in values and name not in self.names}

    @cached_property
    def n_patients(self) -> int:
        """How many patients the cohort has."""
        return self.scenario.accrual.patients

    def engine_values(self, z: Floats) -> Floats:
        """Scores to the numbers that engines read. Shapes (…, parameters)."""
        return np.asarray(self.prior.values(z) * np.array(self.factors))

    def probabilities(self, z: Floats, workers: int = 1) -> Floats:
        """The cell probabilities at each row of scores. Shapes (n, parameters) to (n, cells).

        A row whose parameters no trial can be simulated under (an infinite hazard) is missing.
        """
        return probabilities_of(self.numbers(z, workers))

    def numbers(self, z: Floats, workers: int = 1) -> Floats:
        """The counts of the cells at each row of scores, as `Simulator.numbers`. Shape (n, cells, 2)."""
        values = self.engine_values(z).tolist()
        if workers == 1 or len(values) == 1:
            return np.array([self._numbers_at(row) for row in values])
        with ThreadPoolExecutor(workers) as pool:
            return np.array(list(pool.map(self._numbers_at, values)))

    def _numbers_at(self, values: list[float]) -> Floats:
        nothing = np.full((len(self.simulator.cells), 2), np.nan)
        if not all(low <= value <= high for value, (low, high) in zip(values, self.bounds, strict=True)):
            return nothing
        try:
            return self.simulator.numbers(values)
        except (HazardError, OverflowError):
            return nothing

    def log_likelihoods(self, z: Floats, workers: int = 1) -> Floats:
        """The log-likelihood of each term at each row of scores. Shapes (n, parameters) to (n, terms)."""
        values = log_likelihoods(self.terms, self.simulator.cells, self.probabilities(z, workers))
        return np.where(np.isnan(values), -np.inf, values)

    def log_posterior(self, z: Floats, workers: int = 1) -> Floats:
        """The log posterior density at each row of scores, up to a constant. Shapes (n, parameters) to (n,)."""
        return np.asarray(log_density(z) + self.log_likelihoods(z, workers).sum(axis=-1))

    def quickened(self) -> Calibration:
        """The same with half as many simulated patients."""
        return replace(self, simulator=replace(self.simulator, n_trials=max(1, self.simulator.n_trials // 2)))

    def without(self, quantity: str) -> Calibration:
        """The same without one statistic."""
        terms = published_terms(self.scenario, quantity)
        return replace(self, terms=terms, simulator=self.simulator.with_cells(cells_of(terms)))


def calibration_of(
    scenario: Scenario,
    *,
    replicates: int = REPLICATES,
    seed: int = SEED_OF_DRAWS,
    prior_width: float = 1.0,
    prior_draws: ParameterTable | None = None,
    cohort_places: Places | None = None,
) -> Calibration:
    """A scenario with a cohort, made ready to be calibrated to it.

    The numbers that are fixed are the scenario's own. The likelihood at a point comes from `replicates` simulated
    trials, on the draws of `seed`. `prior_width` multiplies the width of every marginal prior. Parameters that
    `prior_draws` have take their joint prior from these. `cohort_places` tells where each key of the cohort is from.
    Raises `ConfigurationError` where there is no cohort, no prior, or a statistic that cannot be a target, and
    `OptionError` for draws that cannot be the prior.
    """
    fixed = scenario.with_changes({"parameters.use": "mode"})
    if fixed.cohort is None:
        problem, allowed = "there is no cohort to calibrate it to.", "`cohort: NAME`."
        raise ConfigurationError([Problem(scenario.name, "cohort", problem, allowed)])
    places_of_cohort = cohort_places or {(): f"cohort {fixed.cohort.name}"}
    check_cohort(fixed.cohort, protocol_of(fixed), places_of_cohort)
    kinds, values = _kinds(fixed), fixed.parameters.values
    places = {
        name: place for name, place in parameter_places(fixed).items() if name in values and values[name].is_filled_in
    }
    if fixed.parameters.calibrated_to is None:
        problem, allowed = "no parameter set is named, so there are no priors.", "`parameters: {calibrated_to: FILE}`."
        raise ConfigurationError([Problem(scenario.name, "parameters", problem, allowed)])
    parameters = load_parameters(fixed.parameters.calibrated_to)
    drawn = prior_draws.names if prior_draws is not None else ()
    prior = prior_of(parameters, tuple(places), prior_width, drawn)
    if prior_draws is not None:
        check_context(prior_draws, fixed)
        prior = prior_with_draws(prior, prior_draws, kinds, prior_width)
    try:
        terms = published_terms(fixed)
    except TargetError as error:
        raise error.at(places_of_cohort) from None
    simulator = Simulator(
        protocol=protocol_of(fixed),
        places=tuple(places[name] for name in prior.names),
        cells=cells_of(terms),
        n_trials=replicates,
        seed=seed,
    )
    factors = tuple(_factor(parameters.name, name, unit, kinds[name]) for name, unit in prior.names_and_units)
    bounds = tuple((kinds[name].lowest, kinds[name].highest) for name in prior.names)
    return Calibration(fixed, prior, factors, bounds, terms, simulator, prior_draws)


def _fixed_number(value: ParameterValue) -> FixedNumber:
    """A fixed value of a scenario as a number with its unit; shares as parts of 1."""
    number, unit = split_number(str(value.value)) or (float("nan"), "")
    is_share = unit == "%"
    source = value.source or "fixed in the calibration"
    return FixedNumber(number / 100.0 if is_share else number, "" if is_share else unit, source)


def _factor(where: str, name: str, unit: str, kind: type[Quantity]) -> float:
    """What makes engine units of the unit of a prior."""
    factor = kind.factor_of(unit)
    if factor is None:
        problem = f"{unit!r} is not a valid unit of this prior." if unit else "this prior needs its unit."
        raise ConfigurationError([Problem(where, f"{name}.prior.median", problem, f"{kind.allowed()}.")])
    return factor


def _kinds(scenario: Scenario) -> dict[str, type[Quantity]]:
    """The kind of number that each parameter stands for."""
    return {
        parameter_name(quantity, own_name(place)): type(quantity)
        for place, quantity in quantities_in(scenario)
        if quantity.calibrated
    }
