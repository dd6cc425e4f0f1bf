"""A design in whole sentences, as a protocol says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.prepared_study import Ready
from trialsim.design.theory.rounding import highest_accepted
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.report.labels import endpoint_in_words, per_cent

_SOURCES = {
    "simon-optimal": "Simon 1989, optimal",
    "simon-minimax": "Simon 1989, minimax",
    "simon-admissible": "Simon 1989; admissible, Jung et al. 2004",
    "fleming": "Fleming 1982",
    "single-stage": "exact binomial test in one stage",
    "ahern": "A'Hern 2001",
    "bryant-day": "Bryant and Day 1995",
    "selection": "Simon, Wittes and Ellenberg 1985",
}
_TESTS = {
    "fisher": "exact and conditional",
    "boschloo": "exact and unconditional",
    "z-pooled": "exact and unconditional",
    "z-unpooled": "exact and unconditional",
    "chi-square": "asymptotic, pooled z statistic",
    "unpooled": "asymptotic, unpooled z statistic",
}
_ORDERS = {
    "fisher": "their probability given the total (minimum likelihood)",
    "boschloo": "Fisher's two-sided p-value",
    "z-pooled": "the absolute pooled z statistic",
    "z-unpooled": "the absolute unpooled z statistic",
}
_SPENDING = {"obrien-fleming": "O'Brien-Fleming type", "pocock": "Pocock type"}


def design_sentences(ready: Ready, design: Mapping[str, Any]) -> list[str]:
    """What is measured, on how many patients, and what is decided."""
    study = ready.study
    what = endpoint_in_words(study.endpoint)
    if study.design in ("precision", "selection"):
        return [_without_test(ready, design, what)]
    if study.design == "logrank":
        return _logrank(ready, design)
    if study.design == "one-sample-logrank":
        return [_one_sample(study, design, what)]
    if study.design == "two-arm":
        return _two_arms(ready, design)
    source = _SOURCES[study.design]
    errors = (
        f"The type I error is {design['alpha']:.3f} at a rate of {design['p0']:.3f} and the power "
        f"{design['power']:.3f} "
        f"at {design['p1']:.3f}"
    )
    if study.design in ("single-stage", "ahern"):
        return [
            f"The primary endpoint is {what}. {design['n']} evaluable patients are treated ({source}); the treatment "
            f"is recommended for further study if more than {design['r']} respond. {errors}, both exact."
        ]
    if study.design == "bryant-day":
        return [_bryant_day(study, design, what)]
    early = f" or, with at least {design['e1']}, at once in favour of the treatment" if "e1" in design else ""
    return [
        f"The primary endpoint is {what}. The trial has two stages ({source}). After {design['n1']} evaluable "
        f"patients it stops for lack of activity if at most {design['r1']} respond{early}; otherwise it goes on to "
        f"{design['n']}, and the treatment is recommended for further study if more than {design['r']} of them "
        f"respond. {errors}, both exact; at {design['p0']:.3f} the trial stops after the first stage with "
        f"probability {design['pet_p0']:.3f} and takes {design['en_p0']:.1f} patients on average."
    ]


def larger_design(ready: Ready, n: int) -> str:
    """Simon's design that the search ended with, where it is not the one that was asked for; else nothing."""
    if not ready.is_two_stage or n == ready.n:
        return ""
    own = ready.plan_at(n).numbers
    return (
        f" This is the design planned for power {own['power']:.3f}: stop after {own['n1']} patients if at most "
        f"{own['r1']} respond, reject if more than {own['r']} of {own['n']} do."
    )


def _without_test(ready: Ready, design: Mapping[str, Any], what: str) -> str:
    """A design that estimates or selects."""
    study = ready.study
    if study.design == "selection":
        return (
            f"{len(ready.names)} arms of {design['n_per_arm']} patients each are compared on {what}, and the arm with "
            f"the highest observed rate is selected ({_SOURCES[study.design]}): the best one, {design['best']}, with "
            f"probability {design['power']:.3f}."
        )
    return (
        f"The trial estimates the rate of {what}. With {design['n']} patients the exact "
        f"{per_cent(study.confidence)} confidence interval reaches at most {design['half_width']:.3f} each way "
        f"with probability {design['power']:.3f}, if the rate is {design['p1']:.3f}; its expected half width is "
        f"{design['expected_half_width']:.3f}."
    )


def _bryant_day(study: SizeStudy, design: Mapping[str, Any], what: str) -> str:
    toxicity = endpoint_in_words(study.toxicity.endpoint) if study.toxicity is not None else ""
    return (
        f"The primary endpoints are {what} and {toxicity} ({_SOURCES['bryant-day']}). After {design['n1']} evaluable "
        f"patients the trial goes on if more than {design['cr1']} respond and at most {design['most_toxic1']} have "
        f"the toxicity; after {design['n']} the treatment is recommended for further study if more than "
        f"{design['cr']} respond and at most {design['most_toxic']} have the toxicity. The probability of "
        f"recommending it is {design['alpha_r']:.3f} if its response rate is {design['pr0']:.3f}, "
        f"{design['alpha_t']:.3f} if its toxicity rate is {1.0 - design['pt0']:.3f}, and {design['power']:.3f} if "
        f"they are {design['pr1']:.3f} and {1.0 - design['pt1']:.3f} (exact, odds ratio of response and freedom from "
        f"toxicity {design['odds_ratio']:g})."
    )


def _two_arms(ready: Ready, design: Mapping[str, Any]) -> list[str]:
    study, what = ready.study, endpoint_in_words(ready.study.endpoint)
    first = (
        f"{ready.names[1]} is compared with {ready.names[0]} on {what}. {design['n']} patients are randomised "
        f"({design['n_control']} to {ready.names[0]}, {design['n_experimental']} to {ready.names[1]}, permuted "
        f"blocks). "
    )
    if ready.wald is not None:
        return [
            first
            + f"The test is the difference of {design['endpoint']} over its standard error, {_sides(study)} at level "
            f"{study.alpha:g}, when the data are cut off as the scenario says."
        ]
    if "looks" in design:
        first += _looks(study, design, "patients")
    else:
        first += f"The test is {test_in_words(design, study.sides)}, {_sides(study)}, at level {study.alpha:g}. "
    return [
        first + f"If the rates are {design['p_control']:.3f} and {design['p_experimental']:.3f} the power is "
        f"{design['power']:.3f}; if both are {design['p_control']:.3f} the type I error is {design['alpha']:.4f} (both "
        f"exact, by enumeration).{level_warning(design)}"
    ]


def test_in_words(design: Mapping[str, Any], sides: int) -> str:
    """The test of two proportions at one look with the definition that is used; nothing for other designs."""
    test = str(design.get("test"))
    if test not in _TESTS or "looks" in design:
        return ""
    how = f", {_TESTS[test]}" if _TESTS[test] else ""
    two_sided = design.get("two_sided")
    if sides == 2 and two_sided == "doubled":
        how += ", both one-sided tests at half the level"
    elif sides == 2 and two_sided == "ordered":
        how += f", tables ordered by {_ORDERS[test]}"
    return f"{test}{how}"


def level_warning(design: Mapping[str, Any]) -> str:
    """That a level is exceeded at some rate which the arms may share; nothing where it is kept."""
    highest, nominal = design.get("highest_alpha"), design.get("nominal_alpha")
    if highest is None or nominal is None or highest <= highest_accepted(float(nominal)):
        return ""
    return (
        f" The level is not kept at every rate: if both arms share another rate, the type I error is up to "
        f"{highest:.4f} where {nominal:g} is asked for (pooled z statistic); `looks.boundary: exact` keeps "
        "it, as does one look with boschloo, fisher or z-pooled."
    )


def _logrank(ready: Ready, design: Mapping[str, Any]) -> list[str]:
    study = ready.study
    months = design["follow_up_days"] / DAYS_PER_MONTH
    return [
        f"{ready.names[1]} is compared with {ready.names[0]} on time to {endpoint_in_words(study.endpoint)} by the "
        f"log-rank test. {design['n']} patients are randomised in permuted blocks, and the final analysis is made "
        f"{months:.1f} months after the last entry, with {design['expected_events']:.0f} events expected if the "
        f"hazard ratio is {design['hazard_ratio']:.3f} (formulas ask for {design['schoenfeld_events']:.1f} events "
        f"with one look, Schoenfeld 1981, times {design['inflation']:.4f} for the looks{_patients(design)}). "
        + _looks(study, design, "events").rstrip()
    ]


def _patients(design: Mapping[str, Any]) -> str:
    n = design.get("lachin_foulkes_n")
    return f", and for {n} patients with one look, Lachin and Foulkes 1986" if n is not None else ""


def _one_sample(study: SizeStudy, design: Mapping[str, Any], what: str) -> str:
    months = design["follow_up_days"] / DAYS_PER_MONTH
    kind = "exponential" if design["reference_shape"] == 1.0 else f"Weibull, shape {design['reference_shape']:g}"
    of = study.reference.median if study.reference is not None else None
    source = f", {of.source}" if of is not None and of.source is not None else ""
    formula = f"; the formula of Wu (2015) asks for {design['wu_n']}" if design["wu_n"] is not None else ""
    return (
        f"Time to {what} in one arm is compared with a reference whose median is "
        f"{design['reference_median_months']:.1f} months ({kind}{source}) by the one-sample log-rank test. "
        f"{design['n']} patients are treated{formula}, and the analysis is made {months:.1f} months after the last "
        f"entry, with {design['expected_events']:.0f} events expected if the hazard ratio to the reference is "
        f"{design['hazard_ratio']:.3f}. The reference is rejected if (E - O) / sqrt(E), of the events expected and "
        f"observed, reaches {design['reject_from_z']:.3f} ({_sides(study)} level {study.alpha:g})."
    )


def _looks(study: SizeStudy, design: Mapping[str, Any], of: str) -> str:
    looks = study.looks
    if len(looks.at) == 1:
        return f"The test is {_sides(study)} at level {study.alpha:g}, with no interim look. "
    bounds = [f"{z:.3f}" for z in design["upper_z"]]
    how = _SPENDING.get(str(looks.spending)) or (
        f"{', '.join(f'{x:g}' for x in looks.spending)} by the looks"
        if isinstance(looks.spending, list)
        else f"alpha t^{looks.spending.removeprefix('power ')}"
    )
    if of == "events":
        when = f"Interim looks are made after {_listed(design['looks'][:-1])} events"
        reached = f"{_listed(bounds[:-1])} there, or about {bounds[-1]} at the end"
    else:
        when = f"The data are looked at after {_listed(design['looks'])} {of}"
        reached = _listed(bounds)
    text = (
        f"{when}; the null hypothesis is rejected if the standardised difference reaches {reached} ({_sides(study)} "
        f"level {study.alpha:g}, alpha spent as {how}, Lan and DeMets 1983). "
    )
    if "spent_alpha" in design:
        text += (
            f"The alpha that is spent is lowered from {study.alpha:g} to {design['spent_alpha']:.4g}, so that the type "
            f"I error is at most {study.alpha:g} whatever rate the arms share (exact, by enumeration). "
        )
    if design["lower_z"]:
        low = _listed([f"{z:.3f}" for z in design["lower_z"][:-1]])
        binding = "binding" if looks.futility is not None and looks.futility.binding else "non-binding"
        text += f"The trial stops for futility below {low} ({binding}). "
    return text


def _listed(items: Sequence[object]) -> str:
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last


def _sides(study: SizeStudy) -> str:
    return "one-sided" if study.sides == 1 else "two-sided"
