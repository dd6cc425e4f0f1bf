"""Arms and variants in words: who goes to which, and how one departs from another."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config import Scenario, differences
from trialsim.config.schema.arms import Allocation

_MOST_DIFFERENCES = 8
_RULES = "treatment.rules"


def allocation_in_words(plan: Allocation, arms: list[str]) -> str:
    """The ratio of the arms, the length of a block, and what patients are split by."""
    counts = [plan.ratio.get(name, 1) for name in arms]
    ratio = f"{' : '.join(map(str, counts))} ({', '.join(arms)})"
    block = plan.block if plan.block is not None else 2 * sum(counts)
    strata = f" within each combination of {', '.join(plan.strata)}" if plan.strata else ", not stratified"
    return f"{ratio}, in permuted blocks of {block}{strata}"


def departures(first: Scenario, scenario: Scenario) -> Iterator[str]:
    """How a scenario departs from the first, a line each; rules as they are read."""
    departing = [
        item for item in differences(first.to_mapping(), scenario.to_mapping()) if not item.key.startswith(_RULES)
    ]
    for item in departing[:_MOST_DIFFERENCES]:
        yield f"    {item}"
    if len(departing) > _MOST_DIFFERENCES:
        yield f"    and {len(departing) - _MOST_DIFFERENCES} more"
    if [str(rule) for rule in scenario.treatment.rules] != [str(rule) for rule in first.treatment.rules]:
        yield "    other rules, the first that holds decides:"
        for number, rule in enumerate(scenario.treatment.rules, start=1):
            yield f"      {number}. {rule}"
