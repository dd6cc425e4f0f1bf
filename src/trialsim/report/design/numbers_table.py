"""The numbers of a design as tables: its boundaries and error rates, its looks, designs that could be had instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trialsim.design.base import Design, Information
from trialsim.report.layout import DataTable

_SHOWN: Final = {
    "n1": "patients in stage 1 (n1)",
    "r1": "stop if responses are at most (r1)",
    "e1": "reject if at least (e1)",
    "n": "patients in all (n)",
    "r": "reject if responses are more than (r)",
    "cr1": "continue with more responses than (CR1)",
    "ct1": "and more free of toxicity than (CT1)",
    "cr": "recommend with more responses than (CR)",
    "ct": "and more free of toxicity than (CT)",
    "n_looks": "looks",
    "stops_at_most": "stop with at most",
    "stops_from": "stop for efficacy with at least",
    "futility": "threshold of futility",
    "efficacy": "threshold of efficacy",
    "success": "posterior probability of success",
    "level": "cut-off at the end (lambda)",
    "exponent": "its exponent (gamma)",
    "standard": "standard, beta distribution",
    "prior": "prior, beta distribution",
    "n_control": "in the control arm",
    "n_experimental": "in the experimental arm",
    "n_per_arm": "in each arm",
    "expected_events": "events expected at the end",
    "looks": "looks after",
    "upper_z": "reject from z",
    "lower_z": "stop for futility below z",
    "spent_alpha": "alpha spent, lowered to keep the level",
    "alpha": "type I error (alpha)",
    "highest_alpha": "the highest at any rate that the arms may share",
    "alpha_r": "at the null response (alpha R)",
    "alpha_t": "at the null toxicity (alpha T)",
    "power": "power",
    "en_p0": "expected patients at p0 (EN)",
    "pet_p0": "stops early at p0 (PET)",
    "en_p1": "expected patients at the alternative",
    "stays_n": "n from which power stays",
    "margin": "margin",
    "approximate_n_control": "control patients by approximation",
    "p_control": "rate in the control arm",
    "p_experimental": "rate in the experimental arm",
    "hazard_ratio": "hazard ratio",
    "median_months": "medians, months",
    "until_months": "means restricted to, months",
    "restricted_means": "restricted means, months",
    "difference_months": "their difference, months",
    "reference_median_months": "median of the reference, months",
    "accrual_months": "accrual takes, months",
    "most_events": "events at most, by the look",
    "reject_from_z": "reject from (E - O) / root E",
    "formula_n": "n by the formula",
    "wu_n": "n by the formula (Wu 2015)",
    "schoenfeld_events": "Schoenfeld's events, one look",
    "lachin_foulkes_n": "n by Lachin and Foulkes, one look",
    "lachin_foulkes_power": "power by Lachin and Foulkes, one look",
    "expected_half_width": "expected half width",
    "coverage": "coverage of the interval",
    "test": "test",
    "two_sided": "its two sides",
    "approximations": "control patients by approximation",
    "best": "best arm",
}


def numbers_table(numbers: Mapping[str, Any], kind: Design[Any]) -> DataTable:
    """The numbers of a design, a row each."""
    is_at_events = kind.information is Information.EVENTS
    how = "normal approximation at the expected events" if is_at_events else "exact"
    table = DataTable(f"The design (its probabilities: {how})", ("", ""))
    for key, label in _SHOWN.items():
        value = numbers.get(key)
        if value is not None and value != [] and key not in kind.hidden:
            table.add(kind.labels.get(key, label), written(value))
    return table


def written(value: Any) -> str:
    """A number or several, as a table shows them."""
    if isinstance(value, bool | str | int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {written(item)}" for key, item in value.items())
    return ", ".join(written(item) for item in value)


def admissible_table(others: Sequence[Mapping[str, Any]]) -> DataTable:
    """The admissible designs, with the weights of n for which each is the best."""
    names = ("r1/n1", "r/n", "EN(p0)", "PET(p0)", "alpha", "power", "best for weights of n")
    table = DataTable("Admissible designs (Jung et al. 2004): the weight is that of n against EN(p0)", names)
    for row in others:
        table.add(
            f"{row['r1']}/{row['n1']}", f"{row['r']}/{row['n']}", f"{row['en_p0']:.1f}", f"{row['pet_p0']:.2f}",
            f"{row['alpha']:.4f}", f"{row['power']:.4f}", f"{row['weight_from']:.2f} to {row['weight_to']:.2f}",
        )  # fmt: skip
    return table
