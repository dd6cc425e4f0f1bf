"""Tests and looks of two arms in the words of a protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.base import Information, sides_in_words
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.two_arms.boundaries import boundary_in_words

_TESTS: Final = {
    "fisher": "exact and conditional",
    "boschloo": "exact and unconditional",
    "z-pooled": "exact and unconditional",
    "z-unpooled": "exact and unconditional",
    "chi-square": "asymptotic, pooled z statistic",
    "unpooled": "asymptotic, unpooled z statistic",
}
_ORDERS: Final = {
    "fisher": "their probability given the total (minimum likelihood)",
    "boschloo": "Fisher's two-sided p-value",
    "z-pooled": "the absolute pooled z statistic",
    "z-unpooled": "the absolute unpooled z statistic",
}


def test_in_words(numbers: Mapping[str, Any], sides: int) -> str:
    """The test of two proportions at one look with the definition that is used; nothing with more looks."""
    test = str(numbers.get("test"))
    if test not in _TESTS or "looks" in numbers:
        return ""
    how = f", {_TESTS[test]}" if _TESTS[test] else ""
    two_sided = numbers.get("two_sided")
    if sides == 2 and two_sided == "doubled":
        how += ", both one-sided tests at half the level"
    elif sides == 2 and two_sided == "ordered":
        how += f", tables ordered by {_ORDERS[test]}"
    return f"{test}{how}"


def level_warning(numbers: Mapping[str, Any]) -> str:
    """That a level is exceeded at some rate which the arms may share, and what keeps it; nothing where it is kept."""
    exceeded = level_exceeded(numbers)
    kept = "`looks.boundary: exact` keeps it, as does one look with boschloo, fisher or z-pooled."
    return f"{exceeded.removesuffix('.')}; {kept}" if exceeded else ""


def level_exceeded(numbers: Mapping[str, Any]) -> str:
    """The same in one sentence, without what would keep the level."""
    highest, nominal = numbers.get("highest_alpha"), numbers.get("nominal_alpha")
    if highest is None or nominal is None or highest <= highest_accepted(float(nominal)):
        return ""
    return (
        f" The level is not kept at every rate: if both arms share another rate, the type I error is up to "
        f"{highest:.4f} where {nominal:g} is asked for (pooled z statistic)."
    )


def looks_in_words(study: SizeStudy, numbers: Mapping[str, Any], after: Information) -> str:
    """When the data are looked at and what each look decides."""
    looks = study.looks
    if len(looks.at) == 1:
        return f"The test is {sides_in_words(study)} at level {study.alpha:g}, with no interim look. "
    bounds = [f"{z:.3f}" for z in numbers["upper_z"]]
    if after is Information.EVENTS:
        interim = numbers["looks"][:-1]
        made = "An interim look is" if len(interim) == 1 else "Interim looks are"
        when = f"{made} made after {_listed(interim)} events"
        reached = f"{_listed(bounds[:-1])} there, or about {bounds[-1]} at the end"
    else:
        when = f"The data are looked at after {_listed(numbers['looks'])} {after.value}"
        reached = _listed(bounds)
    text = (
        f"{when}; the null hypothesis is rejected if the standardised difference reaches {reached} "
        f"({sides_in_words(study)} level {study.alpha:g}, {boundary_in_words(looks.spending)}). "
    )
    if "spent_alpha" in numbers:
        text += (
            f"The alpha that is spent is lowered from {study.alpha:g} to {numbers['spent_alpha']:.4g}, so that the "
            f"type I error is at most {study.alpha:g} whatever rate the arms share (exact, by enumeration). "
        )
    if numbers["lower_z"]:
        low = _listed([f"{z:.3f}" for z in numbers["lower_z"][:-1]])
        binding = "binding" if looks.futility is not None and looks.futility.binding else "non-binding"
        text += f"The trial stops for futility below {low} ({binding}). "
    return text


def rule_in_words(zone: PromisingZone, at_look: int, planned: int, most: int, unit: str) -> str:
    """When the number of events or patients (`unit`) is raised, and how the trial then decides."""
    first, second = math.sqrt(zone.look), math.sqrt(1.0 - zone.look)
    high = min(zone.z_of(zone.high), zone.upper)
    where = f"below {zone.high:g} (z below {high:.3f})"
    if zone.low > 0.0:
        where = f"at least {zone.low:g} and below {zone.high:g} (z from {zone.z_of(zone.low):.3f} to {high:.3f})"
    return (
        f"At the interim look, after {at_look} {unit}, the conditional power is computed at the estimated effect for "
        f"the planned {planned} {unit}. If it is {where}, the number of {unit} is raised until the conditional power "
        f"is {zone.target:g}, to {most} at most (Mehta and Pocock 2011). At the end the null hypothesis is rejected if "
        f"{first:.4f} Z1 + {second:.4f} Z2 reaches {zone.final:.4f}, where Z1 is the statistic of the look and Z2 that "
        f"of the {unit} after it; these weights are those of the plan, so that the type I error is kept whatever the "
        "number (Cui, Hung and Wang 1999). "
    )


def _listed(items: Sequence[object]) -> str:
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last
