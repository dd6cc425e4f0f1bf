"""What is refused before any work starts: the impossible, and what is too large for a machine or for sense."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from trialsim.config import Scenario, protocol_of
from trialsim.errors import OptionError, RequestError
from trialsim.model import vocabulary as v
from trialsim.model.draws import LARGEST_SEED
from trialsim.model.hazards import dose_factor
from trialsim.model.protocol import Clock, Protocol

MOST_REPLICATES: Final = 10_000_000
MOST_COURSES: Final = 1_000_000_000
MOST_VISITS_PER_PATIENT: Final = 100_000
MAX_RECURRENCES_PER_PATIENT: Final = 10_000
MOST_SCREENED: Final = 1_000_000
MOST_WORKERS: Final = 1024
MOST_DRAWS: Final = 100_000
MOST_STEPS_OF_CHAINS: Final = 100_000
MOST_REPLICATES_OF_COHORT: Final = 100_000
_LARGEST_EXPONENT: Final = 700.0


def check_request(scenario: Scenario, replicates: int, seed: int, keep: int) -> None:
    """Refuse what is impossible or too large, before any work starts."""
    n_patients = scenario.accrual.patients
    if replicates < 1 or replicates > MOST_REPLICATES:
        allowed = f"1 to {MOST_REPLICATES:,}; 10,000 already give a proportion to 0.5 percentage points."
        raise OptionError(f"--replicates {replicates}", "this number of replicates is out of range.", allowed)
    if replicates * n_patients > MOST_COURSES:
        allowed = f"at most {MOST_COURSES:,} patient courses in all: {MOST_COURSES // n_patients:,} replicates."
        raise OptionError(f"--replicates {replicates}", f"with {n_patients:,} patients this is too much.", allowed)
    _check_seed(seed)
    if keep < 0:
        raise OptionError(f"--keep {keep}", "this number of replicates is out of range.", "0 or more.")
    _check_visits(scenario)


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= LARGEST_SEED:
        raise OptionError(f"--seed {seed}", "this seed is out of range.", "a whole number from 0 to 2^64 - 1.")


def most_replicates(scenario: Scenario) -> int:
    """How many replicates a run of a scenario may have."""
    return min(MOST_REPLICATES, MOST_COURSES // scenario.accrual.patients)


def _check_visits(scenario: Scenario) -> None:
    """A trial whose visits or assessments outnumber any real one is a slip of the pen, and would not end."""
    protocol = protocol_of(scenario)
    plan = protocol.accrual
    screened = plan.n_patients / (1.0 - plan.p_ineligible)
    if screened > MOST_SCREENED:
        allowed = f"at most {MOST_SCREENED:,} screened."
        raise RequestError("accrual.ineligible", f"{screened:,.0f} would be screened in each trial.", allowed)
    horizon = _expected_horizon(protocol)
    for name, every in (
        ("treatment.every", protocol.visit_every_days),
        ("assessment.every", protocol.assessment_every_days),
    ):
        if every > 0.0 and horizon / every > MOST_VISITS_PER_PATIENT:
            allowed = f"at most {MOST_VISITS_PER_PATIENT:,} for one patient."
            raise RequestError(f"{name} = {every:g} days", f"that makes {horizon / every:,.0f} visits.", allowed)
    for clock in protocol.clocks:
        if clock.recurs and clock.resolution is not None:
            cycle = _typical_cycle(clock, protocol)
            if horizon > cycle * MAX_RECURRENCES_PER_PATIENT:
                allowed = f"at most {MAX_RECURRENCES_PER_PATIENT:,} in one patient; look at the rates and shapes."
                raise RequestError(f"events.{clock.name}", f"it would recur every {cycle:.2g} days.", allowed)


def _expected_horizon(protocol: Protocol) -> float:
    """How many days the trial is expected to last at most."""
    cut_off, plan = protocol.cut_off, protocol.accrual
    last_entry = min(plan.latest_entry_day, plan.expected_entry_day)
    days = {v.CUT_AT_DAY: cut_off.day, v.CUT_AFTER_COUNT: cut_off.latest_day}
    return days.get(cut_off.kind, cut_off.day + last_entry)


def _typical_cycle(clock: Clock, protocol: Protocol) -> float:
    """The days from one onset of a toxicity that recurs to the next, roughly."""
    if clock.resolution is None:
        return math.inf
    return _typical_days(clock, protocol) + _typical_days(clock.resolution, protocol)


def expected_events(protocol: Protocol) -> float:
    """How many rows the event log of one trial has, roughly and rather too many: patients who stay to the end."""
    horizon = _expected_horizon(protocol)
    rows = 4.0 + len(protocol.clocks)
    for every in (protocol.visit_every_days, protocol.assessment_every_days):
        rows += 2.0 * horizon / every if every > 0.0 else 0.0
    for clock in protocol.clocks:
        rows += 4.0 * horizon / _typical_cycle(clock, protocol) if clock.recurs else 0.0
    return rows * protocol.accrual.n_patients


def trials_to_keep(protocol: Protocol, wanted: int) -> int:
    """Of how many trials patients and events can be kept: as many as wanted, or as memory has room for."""
    return min(wanted, int(v.MAX_LOGGED_EVENTS / expected_events(protocol)))


def _typical_days(clock: Clock, protocol: Protocol) -> float:
    """The median time in which a clock fires at the dose that makes it fastest: (log 2 / coefficient)^(1 / shape)."""
    fastest = max(
        dose_factor(dose, protocol.reference_dose, clock.dose_exponent, clock.dose_floor) for dose in protocol.levels
    )
    hazard = clock.coefficient * fastest * clock.highest_ratio
    exponent = math.log(math.log(2.0) / hazard) / clock.shape if hazard > 0.0 else math.inf
    return clock.delay_days + math.exp(exponent) if exponent < _LARGEST_EXPONENT else math.inf


def longest_follow_up(protocol: Protocol) -> float:
    """For how many days a patient can be observed at most; infinity where the calendar does not tell."""
    cut_off = protocol.cut_off
    days = {v.CUT_AT_DAY: cut_off.day, v.CUT_AFTER_COUNT: cut_off.latest_day}
    return max([days.get(cut_off.kind, cut_off.day + protocol.accrual.latest_entry_day), *_cut_off_draws(protocol)])


def _cut_off_draws(protocol: Protocol) -> Iterator[float]:
    """The days of the cut-off under each draw of the parameters, where it varies."""
    for where, values in zip(protocol.parameter_places, zip(*protocol.parameter_draws, strict=True), strict=True):
        if any(place.what in ("day", "latest_day") for place in where):
            yield from values


def check_strategy(options: Mapping[str, object]) -> None:
    """Refuse what does not go with a strategy that is a Python function: options that have a value."""
    for name, value in options.items():
        if value is not None:
            problem, allowed = (
                "nobody can tell whether it is the same function there.",
                "a run of its own, on this machine.",
            )
            raise RequestError(f"{name} with a strategy", problem, allowed)


def check_workers(workers: int | None, block_size: int | None) -> None:
    """Refuse impossible numbers of workers and sizes of blocks."""
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise OptionError(f"--workers {workers}", "this number of workers is out of range.", f"1 to {MOST_WORKERS}.")
    if block_size is not None and not 1 <= block_size <= MOST_REPLICATES:
        allowed = f"1 to {MOST_REPLICATES:,} replicates."
        raise OptionError(f"--block-size {block_size}", "this size of a block is out of range.", allowed)


def check_size(scenarios: Mapping[str, Scenario], replicates: int, seed: int, largest_n: int) -> None:
    """Refuse impossible numbers for a search for n."""
    if not 100 <= replicates <= MOST_REPLICATES:
        allowed = f"100 to {MOST_REPLICATES:,}; 10,000 give a power to half a percentage point."
        raise OptionError(f"--replicates {replicates}", "this number of replicates is out of range.", allowed)
    if replicates * largest_n * len(scenarios) > MOST_COURSES:
        allowed = f"at most {MOST_COURSES:,} patient courses in all; fewer replicates, or a smaller `largest_n`."
        raise OptionError(f"--replicates {replicates}", f"with up to {largest_n:,} patients this is too much.", allowed)
    _check_seed(seed)
    for scenario in scenarios.values():
        _check_visits(scenario)


def check_calibration(
    seed: int, draws: int, min_ess: float, most_steps: int, replicates: int, workers: int | None
) -> None:
    """Refuse impossible numbers for a calibration."""
    if not 10 <= replicates <= MOST_REPLICATES_OF_COHORT:
        allowed = f"10 to {MOST_REPLICATES_OF_COHORT:,}; the noise of the likelihood shrinks with its root."
        raise OptionError(f"--replicates {replicates}", "this number of replicates is out of range.", allowed)
    _check_seed(seed)
    if not 100 <= draws <= MOST_DRAWS:
        raise OptionError(f"--draws {draws}", "this number of draws is out of range.", f"100 to {MOST_DRAWS:,}.")
    if not 100 <= min_ess <= MOST_DRAWS:
        allowed = f"100 to {MOST_DRAWS:,}; 1,000 give the ends of 90 % intervals to a tenth of a standard deviation."
        raise OptionError(f"--min-ess {min_ess:g}", "this effective sample size is out of range.", allowed)
    if not 10 <= most_steps <= MOST_STEPS_OF_CHAINS:
        allowed = f"10 to {MOST_STEPS_OF_CHAINS:,}."
        raise OptionError(f"--most-steps {most_steps}", "this number of steps is out of range.", allowed)
    check_workers(workers, None)
