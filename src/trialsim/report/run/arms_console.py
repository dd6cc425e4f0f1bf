"""What a run of a trial with arms prints: the arms side by side, and how they differ from the control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType

from trialsim.analysis import Estimate
from trialsim.analysis.arms import ArmDifference
from trialsim.config import Scenario
from trialsim.config.schema.scenario import WHOLE_TRIAL
from trialsim.endpoints.registry import statistic_title
from trialsim.report import labels
from trialsim.report.allocation import allocation_in_words
from trialsim.report.layout import DataTable, Paragraph

MOST_SIDE_BY_SIDE: Final = 4  # arms whose columns stand in one table
_SELDOM: Final = ("median (", "responders")  # quantities of a part of the patients are shown with details


def arms_view(
    scenario: Scenario,
    by_arm: Mapping[str, Sequence[Estimate]],
    differences: Sequence[ArmDifference],
    n_replicates: int,
    seed: int,
    has_details: bool = False,
) -> RenderableType:
    """The estimates of each arm and of the differences; without details those that vary and are of all patients."""
    arms = {name: list(found) for name, found in by_arm.items() if name != WHOLE_TRIAL}
    shown = [item.quantity for item in next(iter(arms.values())) if has_details or _matters(item, differences)]
    trials = f"trials of {scenario.accrual.patients} patients in {len(arms)} arms"
    allocation = allocation_in_words(scenario.allocation, list(arms))
    parts: list[RenderableType] = [
        Paragraph(f"\n{scenario.title}", "bold"),
        Paragraph(f"{n_replicates:,} simulated {trials}, seed {seed}\nAllocation {allocation}\n"),
        _by_arm("Simulated, by arm", arms, shown),
        _differences(differences, shown),
        _whole_trial(by_arm[WHOLE_TRIAL]),
        Paragraph(_note(has_details)),
    ]
    return Group(*parts)


def _matters(item: Estimate, differences: Sequence[ArmDifference]) -> bool:
    """Whether an estimate is of all patients, and differs between trials or arms."""
    varies = any(one.quantity == item.quantity and (one.mcse > 0.0 or one.value != 0.0) for one in differences)
    return varies and not any(word in statistic_title(item.statistic) for word in _SELDOM)


def _by_arm(title: str, arms: Mapping[str, Sequence[Estimate]], shown: Sequence[str]) -> DataTable:
    """A row for each quantity, a column for each arm."""
    table = DataTable(title, ("quantity", *arms))
    found = {(name, item.quantity): item for name, several in arms.items() for item in several}
    first = next(iter(arms))
    for quantity in shown:
        one = found[first, quantity]
        cells = [found[name, quantity] for name in arms]
        values = [labels.with_error(item.value, item.mcse, item.unit) for item in cells]
        table.add(statistic_title(one.statistic, one.unit), *values)
    return table


def _differences(differences: Sequence[ArmDifference], shown: Sequence[str]) -> DataTable:
    """A row for each quantity of each arm but the control."""
    several = len({item.arm for item in differences}) > 1
    control = differences[0].control
    title = f"Difference from {control}" if several else f"{differences[0].arm} less {control}"
    table = DataTable(
        title, (*(("arm",) if several else ()), "quantity", "difference", "95 % range"), n_names=1 + several
    )
    for item in (one for one in differences if one.quantity in shown):
        difference = labels.with_error(item.value, item.mcse, item.unit)
        name = statistic_title(item.quantity, item.unit)
        reach = labels.interval_of_difference(item.lower, item.upper, item.unit)
        table.add(*((item.arm,) if several else ()), name, difference, reach)
    return table


def _whole_trial(estimates: Sequence[Estimate]) -> Paragraph:
    """What the trial has once, in a line."""
    parts = [
        f"{statistic_title(item.statistic)} {labels.with_error(item.value, item.mcse, item.unit)}" for item in estimates
    ]
    return Paragraph(f"The whole trial: {'; '.join(parts)}.\n")


def _note(has_details: bool) -> str:
    more = "" if has_details else " Every quantity: --details."
    return (
        "± is the Monte Carlo standard error. 95 % range: where the difference falls in 95 % of single trials. The "
        f"difference in one trial is no estimate with an interval: `trialsim size` has designs that test it.{more}"
    )
