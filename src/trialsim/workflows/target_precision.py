"""When a run has enough replicates: after a fixed number, or when a named estimate is precise enough."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from trialsim.analysis import Outcomes, smallest_error, statistic_of, statistics_of, value_and_error
from trialsim.config import Scenario
from trialsim.errors import OptionError
from trialsim.records.arms import BETWEEN, OutcomesOfArm, column_of_arm
from trialsim.records.outcomes import columns_of
from trialsim.simulation import TargetPrecision
from trialsim.simulation.limits import most_replicates
from trialsim.simulation.precision import check_reachable, next_number
from trialsim.simulation.trials import Trials
from trialsim.storage.replicate_store import ReplicateStore


def enough_for(target: TargetPrecision | None, scenario: Scenario, trials: Trials) -> Callable[[ReplicateStore], int]:
    """A function that tells how many replicates there shall be, from those that are there.

    Raises `RequestError` for a quantity that no trial of this scenario measures; the function itself for a precision
    that would take more replicates than a run may have.
    """
    if target is None:
        return len
    if scenario.arms:
        return _enough_for_arm(target, scenario, trials)
    return _enough(target, scenario, trials, target.quantity, lambda store: store)


def _enough_for_arm(target: TargetPrecision, scenario: Scenario, trials: Trials) -> Callable[[ReplicateStore], int]:
    """As `enough_for`, of a quantity of one arm."""
    arm, between, quantity = target.quantity.partition(BETWEEN)
    if not between or arm not in scenario.arms:
        example = column_of_arm(next(iter(scenario.arms)), "enrolled")
        wrong = "the trial has arms, and this is not a quantity of one of them."
        raise OptionError(f"--target-mcse {target.quantity}", wrong, f"ARM{BETWEEN}QUANTITY, such as '{example}'.")
    return _enough(target, scenario, trials, quantity, lambda store: OutcomesOfArm(store, arm))


def _enough(
    target: TargetPrecision,
    scenario: Scenario,
    trials: Trials,
    quantity: str,
    view: Callable[[ReplicateStore], Outcomes],
) -> Callable[[ReplicateStore], int]:
    """As `enough_for`; `view` gives the outcomes that have the quantity."""
    names = [column.name for column in columns_of(trials.protocols[0])]
    published = scenario.published_statistics if not scenario.arms else {}
    of_trials = {name for name, item in published.items() if item.trial_statistic(name) is not None}
    if quantity in published and quantity not in of_trials:
        wrong = "it is measured in the patients, when the trials are done, and cannot say how many there shall be."
        raise OptionError(f"--target-mcse {target.quantity}", wrong, f"one of {', '.join(statistics_of(names))}.")
    statistic = statistic_of(quantity, names, published)
    if statistic is None:
        known = sorted({*of_trials, *statistics_of(names)})
        near = difflib.get_close_matches(quantity, known, n=1)
        allowed = f"one of {', '.join(known)}."
        raise OptionError(f"--target-mcse {target.quantity}", "there is no such quantity.", allowed, *near)
    most, n_draws = most_replicates(scenario), trials.protocols[0].n_parameter_draws

    def enough(store: ReplicateStore) -> int:
        _, mcse = value_and_error(statistic, view(store))
        if mcse <= target.mcse:
            return store.n
        floor = smallest_error(statistic, view(store), n_draws)
        if floor >= target.mcse:
            wrong = f"{n_draws:,} draws of the parameters do not allow it, however many trials there are."
            allowed = f"above {floor:.2g}, or a table of more draws."
            raise OptionError(f"--target-mcse {target.quantity}={target.mcse:g}", wrong, allowed)
        check_reachable(target, store.n, mcse, most)
        return next_number(store.n, mcse, target.mcse, most)

    return enough
