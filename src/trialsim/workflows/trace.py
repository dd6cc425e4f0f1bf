"""The command `trace`: the events and decisions of one trial, in order."""

from __future__ import annotations

import pandas as pd

from trialsim.config import load_scenario
from trialsim.config.loading.scenarios import ScenarioLike
from trialsim.errors import OptionError
from trialsim.model.strategy import Strategy
from trialsim.simulation.engine import REFERENCE
from trialsim.simulation.limits import MOST_REPLICATES, check_request
from trialsim.simulation.trials import trials_of


def trace(
    scenario: ScenarioLike,
    replicate: int = 1,
    seed: int = 1,
    patient: int | None = None,
    *,
    strategy: Strategy | None = None,
) -> pd.DataFrame:
    """The event log of one replicate, in words: the same log, to the bit, that a run has for it.

    Parameters
    ----------
    scenario
        A scenario: YAML path, built-in name, mapping, or loaded.
    replicate
        Its number, from 1.
    seed
        The seed of the run; 0 to 2^64 - 1.
    patient
        The number of one patient; by default everyone's events are given.
    strategy
        A Python function (see `trialsim.strategies`) that decides in place of the scenario's rules.

    Returns
    -------
    pandas.DataFrame
        One row an event, in order of time; columns as in `docs/tables.md`, with names in place of codes. With arms the
        name of each patient's arm stands in `arm`.

    Raises
    ------
    ConfigurationError
        For a scenario that cannot be read or contradicts itself.
    RequestError
        For a replicate or patient that is not there.
    HazardError
        Where a hazard is infinite, NaN or negative.
    EventLogError
        Where a trial has more events than memory has room for.
    StrategyError
        Where `strategy` decides what cannot be done.
    """
    scenario = load_scenario(scenario)
    check_request(scenario, 1, seed, 0)
    if not 1 <= replicate <= MOST_REPLICATES:
        allowed = f"1 to {MOST_REPLICATES:,}."
        raise OptionError(f"--replicate {replicate}", "this replicate is out of range.", allowed)
    trials = trials_of(scenario, strategy)
    events = trials.in_words(trials.logs(REFERENCE, seed, [replicate]).events)
    if patient is None:
        return events
    if patient not in set(events["patient"]):
        numbers = sorted(set(events["patient"]))
        allowed = f"a patient who was screened: {numbers[0]} to {numbers[-1]}." if numbers else "nobody was screened."
        raise OptionError(f"--patient {patient}", "there is no such patient in this replicate.", allowed)
    return events[events["patient"] == patient].reset_index(drop=True)
