"""The paragraph on sample size for a protocol: design, boundaries, error rates, assumptions with sources, seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trialsim import __version__
from trialsim.config.size_study import CALIBRATED, MODELLED, SizeStudy
from trialsim.design.assurance import Assurance
from trialsim.design.calendar import DECIDED, EXPECTED_N, HARMED, REJECTS, SUCCESS, value_of
from trialsim.design.plan import ALTERNATIVE, NULL
from trialsim.design.ready import POSTERIOR, Ready
from trialsim.design.search import Found

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
_ATTAINED = {
    "koyama-chen": "Koyama and Chen (2008)",
    "green-dahlberg": "Green and Dahlberg (1992)",
}
_SPENDING = {"obrien-fleming": "O'Brien-Fleming type", "pocock": "Pocock type"}


def paragraph_of(
    ready: Ready,
    design: Mapping[str, Any],
    calendar: pd.DataFrame,
    found: Found | None,
    assurance: Assurance | None,
    seed: int,
    trials: int,
) -> str:
    """The paragraph, in whole sentences; every number in it stands in the tables too."""
    sentences = [
        *_design(ready, design),
        *_conduct(ready),
        *_calendar(ready, calendar),
        *_search(ready.study, found),
        *_assurance(ready.study, assurance),
        *_sources(ready, seed, trials),
    ]
    return " ".join(sentences)


def _design(ready: Ready, design: Mapping[str, Any]) -> list[str]:
    study = ready.study
    what = _endpoint(study)
    if study.design == "precision":
        return [
            f"The trial estimates the rate of {what}. With {design['n']} patients the exact {_pct(study.confidence)} "
            f"confidence interval is at most {design['half_width']:.3f} wide each way with probability "
            f"{design['power']:.3f}, if the rate is {design['p1']:.3f}; its expected half width is "
            f"{design['expected_half_width']:.3f}."
        ]
    if study.design == "logrank":
        return _logrank(ready, design)
    if study.design == "two-arm":
        return _two_arms(ready, design)
    if study.design == "selection":
        return [
            f"{len(ready.names)} arms of {design['n_per_arm']} patients each are compared on {what}, and the arm with "
            f"the highest observed rate is selected ({_SOURCES[study.design]}): the best one, {design['best']}, with "
            f"probability {design['power']:.3f}."
        ]
    source = _SOURCES[study.design]
    errors = (
        f"The type I error is {design['alpha']:.3f} at a rate of {design['p0']:.3f} and the power {design['power']:.3f} "
        f"at {design['p1']:.3f}"
    )
    if study.design in ("single-stage", "ahern"):
        return [
            f"The primary endpoint is {what}. {design['n']} evaluable patients are treated ({source}); the treatment is "
            f"recommended for further study if more than {design['r']} respond. {errors}, both exact."
        ]
    if study.design == "bryant-day":
        return [_bryant_day(study, design, what)]
    early = f" or, with at least {design['e1']}, at once in favour of the treatment" if "e1" in design else ""
    return [
        f"The primary endpoint is {what}. The trial has two stages ({source}). After {design['n1']} evaluable patients it "
        f"stops for lack of activity if at most {design['r1']} respond{early}; otherwise it goes on to {design['n']}, and "
        f"the treatment is recommended for further study if more than {design['r']} of them respond. {errors}, both "
        f"exact; at {design['p0']:.3f} the trial stops after the first stage with probability {design['pet_p0']:.3f} and "
        f"takes {design['en_p0']:.1f} patients on average."
    ]


def _bryant_day(study: SizeStudy, design: Mapping[str, Any], what: str) -> str:
    toxicity = _endpoint_of(study.toxicity.endpoint) if study.toxicity is not None else ""
    return (
        f"The primary endpoints are {what} and {toxicity} ({_SOURCES['bryant-day']}). After {design['n1']} evaluable "
        f"patients the trial goes on if more than {design['cr1']} respond and at most {design['most_toxic1']} have the "
        f"toxicity; after {design['n']} the treatment is recommended for further study if more than {design['cr']} "
        f"respond and at most {design['most_toxic']} have the toxicity. The probability of recommending it is at most "
        f"{design['alpha_r']:.3f} if its response rate is {design['pr0']:.3f}, {design['alpha_t']:.3f} if its toxicity rate "
        f"is {1.0 - design['pt0']:.3f}, and {design['power']:.3f} if they are {design['pr1']:.3f} and "
        f"{1.0 - design['pt1']:.3f} (exact, odds ratio of response and freedom from toxicity {design['odds_ratio']:g})."
    )


def _two_arms(ready: Ready, design: Mapping[str, Any]) -> list[str]:
    study, what = ready.study, _endpoint(ready.study)
    first = (
        f"{ready.names[1]} is compared with {ready.names[0]} on {what}. {design['n']} patients are randomised "
        f"({design['n_control']} to {ready.names[0]}, {design['n_experimental']} to {ready.names[1]}, permuted blocks). "
    )
    if "looks" in design:
        first += _looks(study, design, "patients")
    else:
        first += f"The test is {design['test']}, {_sides(study)}, at level {study.alpha:g}. "
    return [
        first + f"If the rates are {design['p_control']:.3f} and {design['p_experimental']:.3f} the power is "
        f"{design['power']:.3f}; if both are {design['p_control']:.3f} the type I error is {design['alpha']:.4f} (both "
        "exact, by enumeration)."
    ]


def _logrank(ready: Ready, design: Mapping[str, Any]) -> list[str]:
    study = ready.study
    months = design["follow_up_days"] / 30.4375
    return [
        f"{ready.names[1]} is compared with {ready.names[0]} on time to {_endpoint(study)} by the log-rank test. "
        f"{design['n']} patients are randomised in permuted blocks, and the final analysis is made {months:.1f} months after "
        f"the last entry, with {design['expected_events']:.0f} events expected if the hazard ratio is "
        f"{design['hazard_ratio']:.3f} (formulas ask for {design['schoenfeld_events']:.1f} with one look, Schoenfeld 1981, "
        f"times {design['inflation']:.4f} for the looks). " + _looks(study, design, "events").rstrip()
    ]


def _looks(study: SizeStudy, design: Mapping[str, Any], of: str) -> str:
    looks = study.looks
    if len(looks.at) == 1:
        return f"The test is {_sides(study)} at level {study.alpha:g}, with no interim look. "
    bounds = ", ".join(f"{z:.3f}" for z in design["upper_z"])
    how = _SPENDING.get(str(looks.spending), str(looks.spending))
    text = (
        f"The data are looked at after {', '.join(str(n) for n in design['looks'])} {of}; the null hypothesis is "
        f"rejected if the standardised difference reaches {bounds} ({_sides(study)} level {study.alpha:g}, alpha spent as "
        f"{how}, Lan and DeMets 1983). "
    )
    if design["lower_z"]:
        low = ", ".join(f"{z:.3f}" for z in design["lower_z"][:-1])
        binding = "binding" if looks.futility is not None and looks.futility.binding else "non-binding"
        text += f"The trial stops for futility below {low} ({binding}). "
    return text


def _sides(study: SizeStudy) -> str:
    return "one-sided" if study.sides == 1 else "two-sided"


def _conduct(ready: Ready) -> list[str]:
    study, own = ready.study, ready.study.conduct
    found = []
    staged = ready.plan is not None and len(ready.plan.decisions.looks) > 1
    if staged:
        wait = own.interim_after
        due = "the outcome of all its patients is known" if wait is None else f"each was on study for {wait.text}"
        pauses = (
            "accrual pauses until then" if own.accrual == "pause" and not own.overrun else
            f"at most {own.overrun} further patients are enrolled until then" if own.overrun is not None else
            "accrual goes on meanwhile"
        )  # fmt: skip
        found.append(f"An interim look is made when {due}; {pauses}.")
    if ready.plan is not None:
        found.append(f"Patients who are not evaluable {_INEVALUABLE[own.inevaluable]}.")
        if study.design not in ("precision", "selection", "two-arm", "bryant-day"):
            found.append(
                f"If attained numbers differ from the planned ones, the decision follows {_ATTAINED[own.attained]}."
            )
    if study.safety is not None and ready.boundary is not None:
        found.append(_boundary(ready))
    return found


_INEVALUABLE = {
    "replaced": "are replaced",
    "failures": "count as failures",
    "dropped": "are left out and not replaced",
}


def _boundary(ready: Ready) -> str:
    study, boundary = ready.study, ready.boundary
    if study.safety is None or boundary is None:
        return ""
    at_least = boundary.at_least
    pairs = [(x, n) for n, x in enumerate(at_least, start=1) if x <= n]
    steps = [f"{x} of the first {n}" for i, (x, n) in enumerate(pairs) if i == len(pairs) - 1 or pairs[i + 1][0] > x]
    how = (
        f"the posterior probability of a rate above {boundary.rate:g} reaches {study.safety.certainty:g} (beta prior "
        f"{study.safety.prior[0]:g}, {study.safety.prior[1]:g})"
        if study.safety.method == "bayesian"
        else f"it would be reached with probability {study.safety.alpha:g} at a rate of {boundary.rate:g}"
    )
    return (
        f"The trial stops for toxicity ({_endpoint_of(study.safety.endpoint)}) when {how}: at the latest with "
        f"{', '.join(steps)}."
    )


def _calendar(ready: Ready, calendar: pd.DataFrame) -> list[str]:
    found = []
    success = SUCCESS.get(ready.study.design, REJECTS)
    planned, value = (value_of(calendar, ALTERNATIVE, success, name) for name in ("planned", "value"))
    error = value_of(calendar, ALTERNATIVE, success, "mcse")
    months, low, high = (value_of(calendar, ALTERNATIVE, DECIDED, x) for x in ("value", "lower", "upper"))
    word = {"precision": "probability", "selection": "probability"}.get(ready.study.design, "power")
    text = f"Simulated under the accrual, the assessments and the drop-out of the scenario, the {word} is {value:.3f} ± {error:.3f}"
    if planned == planned and abs(planned - value) > 2.0 * error:
        text += f" (planned {planned:.3f})"
    null = value_of(calendar, NULL, REJECTS)
    if null == null:
        text += f" and the type I error {null:.4f} ± {value_of(calendar, NULL, REJECTS, 'mcse'):.4f}"
    found.append(text + ".")
    patients, toxic = (value_of(calendar, ALTERNATIVE, name) for name in (EXPECTED_N, HARMED))
    found.append(
        f"Under the alternative {patients:.1f} patients are enrolled on average, of whom {toxic:.1f} have a severe "
        f"toxicity, and the decision is expected {months:.1f} months after opening (90 % of trials: {low:.1f} to {high:.1f})."
    )
    return found


def _search(study: SizeStudy, found: Found | None) -> list[str]:
    if found is None:
        return []
    of = "assurance" if study.alternative == CALIBRATED else "power"
    if found.n is None:
        return [
            f"No trial of up to {study.largest_n} patients has {of} {found.target:g} under this calendar (at most {found.best:.3f})."
        ]
    return [
        f"Under this calendar the smallest n from which {of} {found.target:g} is reached is {found.n} (95 % Monte Carlo "
        f"interval {_range(found)})."
    ]


def _range(found: Found) -> str:
    high = f"{found.upper}" if found.upper is not None else "above the limit"
    return f"{found.lower} to {high}"


def _assurance(study: SizeStudy, assurance: Assurance | None) -> list[str]:
    if assurance is None:
        return []
    low, high = assurance.quantiles[0], assurance.quantiles[-1]
    return [
        f"Given what the pilot leaves open, the probability of success (assurance) is {assurance.assurance:.3f} ± "
        f"{assurance.mcse:.3f}; power is {assurance.power_at_median:.3f} at the posterior median and lies between "
        f"{low:.2f} and {high:.2f} in 90 % of the posterior."
    ]


def _sources(ready: Ready, seed: int, trials: int) -> list[str]:
    study = ready.study
    if study.alternative == CALIBRATED:
        of = f"the posterior of the pilot ({_pilot(ready)})"
    elif study.alternative == MODELLED:
        of = f"the point values of the scenario ({_pilot(ready)})"
    else:
        of = f"{study.source}"
    null = f"Null rate: {study.null.value:g} ({study.null.source}). " if study.null is not None else ""
    return [
        f"{null}Alternative: {of}. Accrual, drop-out and assessments are those of the scenario "
        f"{study.scenario}, whose parameters come from {_pilot(ready)}. Simulated with trialsim {__version__}, seed "
        f"{seed}, {trials:,} trials under each truth."
    ]


def _pilot(ready: Ready) -> str:
    parameters = next(iter(ready.sizing.scenarios.values())).parameters
    name = parameters.calibrated_to or "the parameter set"
    varies = POSTERIOR in ready.truths
    return f"{name}, {'draws of the posterior' if varies else 'point values'}"


def _endpoint(study: SizeStudy) -> str:
    return _endpoint_of(study.endpoint)


def _endpoint_of(endpoint: Any) -> str:
    words = {"progression-free": "progression or death", "survival": "death"}.get(str(endpoint.of), str(endpoint.of))
    return words + (f" within {endpoint.within.text}" if endpoint.within is not None else "")


def _pct(share: float) -> str:
    return f"{100.0 * share:g} %"
