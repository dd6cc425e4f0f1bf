"""What the publication of one simulated trial would print, statistic by statistic as its cohort file has them.

The cohort file is the form: kinds, endpoints, denominators and roundings are its own, the figures are those of the
simulated trial, measured and rounded. A share of nobody is not printed, nor a figure that does not exist; a median of
survival that was not reached is printed as that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trialsim.calibration.likelihood import cells_of
from trialsim.calibration.model import Calibration
from trialsim.calibration.patient_terms import patient_terms
from trialsim.calibration.targets import Cell, Term, how_many_evaluable, terms_of
from trialsim.config import PublishedStatistic
from trialsim.endpoints.measured_trials import MeasuredTrials, measure_trials, statistic_name, statistics_in
from trialsim.endpoints.published import SURVIVAL_MEDIAN, statistic_of_patients
from trialsim.model.parameters import with_values
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import columns_of
from trialsim.simulation.engine import BATCH, simulate_rows
from trialsim.storage.replicate_store import ReplicateStore

REACHED_BY = 13  # months: a median of survival beyond is printed as not reached; everyone is observed for as long
LONGEST = 40  # months: no simulated trial has a later median of what is known of everyone

Publication = Mapping[str, PublishedStatistic]


def simulated_publication(trial: Calibration, values: list[float], seed: int) -> Publication:
    """The statistics that one simulated trial prints, under parameters in engine units."""
    simulator = trial.simulator
    protocol, form = with_values(simulator.protocol, simulator.places, values), trial.scenario.published_statistics
    store = ReplicateStore(columns_of(protocol))
    store.append(simulate_rows(BATCH, protocol, seed, 1, 1))
    of_patients = [
        statistic_of_patients(name, item, protocol) for name, item in form.items() if not item.trial_statistic(name)
    ]
    outcomes = measure_trials(store, of_patients, BATCH, protocol, seed)
    printed = {name: _printed(name, item, outcomes, protocol) for name, item in form.items()}
    return {name: item for name, item in printed.items() if item is not None}


def _printed(
    name: str, item: PublishedStatistic, outcomes: MeasuredTrials, protocol: Protocol
) -> PublishedStatistic | None:
    statistic = statistics_in(outcomes)[statistic_name(name, item)]
    if item.kind == "proportion":
        count, of = int(statistic.numerators(outcomes)[0]), int(statistic.denominators(outcomes)[0])
        return _with(item, f"{count} of {of}", count=count, of=of) if of > 0 else None
    value, rounded = float(statistic.per_trial(outcomes)[0]), item.rounded
    if math.isnan(value) or rounded is None:
        return None
    if _may_not_be_reached(name, item, protocol) and value >= REACHED_BY:
        return _not_reached(item)
    return _rounded_to(item, math.floor(value / rounded.rounded_to + 0.5))


def _may_not_be_reached(name: str, item: PublishedStatistic, protocol: Protocol) -> bool:
    return item.trial_statistic(name) is None and statistic_of_patients(name, item, protocol).kind == SURVIVAL_MEDIAN


def _not_reached(item: PublishedStatistic) -> PublishedStatistic:
    return _with(item, "not reached", value=None, rounded_to=None, not_reached_by=f"{REACHED_BY} months")


def _rounded_to(item: PublishedStatistic, steps: int) -> PublishedStatistic:
    """The value that is so many steps of its rounding."""
    if item.rounded is None:
        raise ValueError(item.printed)
    value = (
        f"{100 * steps * item.rounded.rounded_to:g} %"
        if item.kind == "landmark"
        else (f"{steps * item.rounded.rounded_to:g} {item.unit}")
    )
    return _with(item, value, value=value)


def _with(item: PublishedStatistic, printed: str, **changes: Any) -> PublishedStatistic:
    data = item.model_dump() | {"printed": printed} | changes
    return PublishedStatistic.model_validate({key: value for key, value in data.items() if value is not None})


def terms_in(trial: Calibration, published: Publication) -> tuple[Term, ...]:
    """The terms that the calibration makes of a publication."""
    protocol = trial.simulator.protocol
    columns = tuple(column.name for column in columns_of(protocol))
    n_evaluable = how_many_evaluable(published, trial.n_patients)
    return (*terms_of(trial.scenario, published, columns), *patient_terms(published, protocol, n_evaluable))


def calibrated_to(trial: Calibration, published: Publication) -> Calibration:
    """The same trial with the terms of another publication."""
    terms = terms_in(trial, published)
    return replace(trial, terms=terms, simulator=trial.simulator.with_cells(cells_of(terms)))


def cells_of_any_publication(trial: Calibration) -> tuple[Cell, ...]:
    """Every cell that the terms of some publication of the trial may need.

    Only what is rounded has cells that depend on what was printed: a median has its edges.
    """
    form = trial.scenario.published_statistics
    forms = [dict(form)]
    for name, item in form.items():
        forms += [{**form, name: other} for other in _others(name, item, trial.simulator.protocol)]
    # a curve or a group of shares of which a part is not printed has other cells
    forms += [{key: item for key, item in form.items() if key != name} for name in form]
    return cells_of([term for every in forms for term in terms_in(trial, every)])


def _others(name: str, item: PublishedStatistic, protocol: Protocol) -> Iterator[PublishedStatistic]:
    rounded = item.rounded
    if item.kind != "median" or rounded is None:
        return
    may_not_be_reached = _may_not_be_reached(name, item, protocol)
    if may_not_be_reached:
        yield _not_reached(item)
    last = REACHED_BY if may_not_be_reached else LONGEST
    for steps in range(math.floor(last / rounded.rounded_to + 0.5) + 1):
        yield _rounded_to(item, steps)
