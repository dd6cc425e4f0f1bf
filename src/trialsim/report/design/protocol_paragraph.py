"""The paragraph on sample size for a protocol: design, boundaries, error rates, assumptions with sources, seed.

What the trial is assumed to be like is in `assumed_conduct`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pandas as pd

from trialsim.config.schema.size_study import CALIBRATED
from trialsim.config.source.builtin import is_path
from trialsim.design.assurance import Assurance
from trialsim.design.base import ALTERNATIVE, NULL, REJECTS, TOXIC_NULL, Information
from trialsim.design.operating_characteristics import DECIDED, EXPECTED_N, SEVERE_TOXICITY, value_of
from trialsim.design.prepared_study import POSTERIOR, PreparedStudy
from trialsim.design.search import SearchResult
from trialsim.design.single_arm.decisions import GREEN_DAHLBERG, KOYAMA_CHEN
from trialsim.report.design.assumed_conduct import assumed_conduct
from trialsim.report.design.given_n import answer_for_protocol
from trialsim.report.design.level import levels_exceeded
from trialsim.report.labels import arms_in_words, endpoint_in_words, in_brackets

MOST_STEPS: Final = 8  # of a boundary that are told
_ATTAINED = {KOYAMA_CHEN: "Koyama and Chen (2008)", GREEN_DAHLBERG: "Green and Dahlberg (1992)"}


def paragraph_of(
    ready: PreparedStudy,
    design: Mapping[str, Any],
    calendar: pd.DataFrame,
    search_result: SearchResult | None,
    assurance: Assurance | None,
    seed: int,
    replicates: int,
) -> str:
    """The paragraph, in whole sentences; every number in it stands in the tables too."""
    sentences = [
        *ready.design.describe(partial(endpoint_in_words, ready.scenario, ready.study)),
        *_conduct(ready),
        *assumed_conduct(ready.scenario, str(ready.study.endpoint.of), seen_at_once=bool(ready.study.hazards)),
        *_calendar(ready, calendar),
        *([answer_for_protocol(ready, calendar)] if ready.study.n is not None else []),
        *_search(ready, calendar, search_result),
        *_recommended(ready, search_result),
        *_assurance(ready, assurance),
        *_sources(ready, seed, replicates),
    ]
    return " ".join(sentences)


def _conduct(ready: PreparedStudy) -> list[str]:
    study, conduct = ready.study, ready.study.conduct
    sentences = []
    at_patients = ready.design.design.information is Information.PATIENTS
    if at_patients and ready.design.n_looks > 1:
        wait = conduct.interim_after
        due = "the outcome of all its patients is known" if wait is None else f"each was on study for {wait.text}"
        pauses = (
            "accrual pauses until then" if conduct.accrual == "pause" and not conduct.overrun else
            f"at most {conduct.overrun} further patients are enrolled until then" if conduct.overrun is not None else
            "accrual goes on meanwhile"
        )  # fmt: skip
        sentences.append(f"An interim look is made when {due}; {pauses}.")
    if at_patients:
        sentences.append(f"Patients who are not evaluable {_NOT_EVALUABLE[conduct.not_evaluable]}.")
        if study.keys.uses("conduct.attained"):
            sentences.append(_attained(ready))
    if study.safety is not None and ready.boundary is not None:
        sentences.append(_boundary(ready))
    return sentences


def _attained(ready: PreparedStudy) -> str:
    attained = ready.study.conduct.attained
    if ready.design.n_looks > 1:
        return f"If attained numbers differ from the planned ones, the decision follows {_ATTAINED[attained]}."
    level = f"the level of {_ATTAINED[attained]}" if attained == GREEN_DAHLBERG else f"the level {ready.study.alpha:g}"
    return f"If another number is evaluable than planned, the exact test of that number is made at {level}."


_NOT_EVALUABLE = {
    "replaced": "are replaced",
    "failures": "count as failures",
    "dropped": "are left out and not replaced",
}


def _boundary(ready: PreparedStudy) -> str:
    study, boundary = ready.study, ready.boundary
    if study.safety is None or boundary is None:
        return ""
    steps = [f"{x} of {n}" for x, n in boundary.steps(MOST_STEPS)]
    how = (
        f"the posterior probability of a rate above {boundary.rate:g} reaches {study.safety.certainty:g} (beta prior "
        f"{study.safety.prior[0]:g}, {study.safety.prior[1]:g})"
        if study.safety.method == "bayesian"
        else f"it would be reached with probability {study.safety.alpha:g} at a rate of {boundary.rate:g}"
    )
    what = endpoint_in_words(ready.scenario, study, study.safety.endpoint)
    return (
        f"The trial stops for toxicity ({what}) when {how}. Patients count "
        f"in the order of enrolment, as soon as toxicity is seen: it stops with {', '.join(steps)} of the first "
        f"patients, and with numbers between these; the probability to stop is "
        f"{boundary.at(boundary.rate).rejects:.3f} at a rate of {boundary.rate:g}."
    )


def _calendar(ready: PreparedStudy, calendar: pd.DataFrame) -> list[str]:
    sentences = []
    kind = ready.design.design
    success = kind.success
    planned, value = (value_of(calendar, ALTERNATIVE, success, name) for name in ("planned", "value"))
    error = value_of(calendar, ALTERNATIVE, success, "mcse")
    months, low, high = (value_of(calendar, ALTERNATIVE, DECIDED, x) for x in ("value", "lower", "upper"))
    word = kind.probability_of_success or "the power"
    text = f"Simulated under these assumptions, {word} is {value:.3f} ± {error:.3f}"
    if not math.isnan(planned) and abs(planned - value) > 2.0 * error:
        text += f" (planned {planned:.3f})"
    null = value_of(calendar, NULL, REJECTS)
    if not math.isnan(null):
        text += f" and the type I error {null:.4f} ± {value_of(calendar, NULL, REJECTS, 'mcse'):.4f}"
    toxic_null = value_of(calendar, TOXIC_NULL, REJECTS)
    if not math.isnan(toxic_null):
        error = value_of(calendar, TOXIC_NULL, REJECTS, "mcse")
        text += f" if too few respond, {toxic_null:.4f} ± {error:.4f} if too many have the toxicity"
    sentences += [text + ".", *levels_exceeded(ready.study, calendar)]
    patients, toxic = (value_of(calendar, ALTERNATIVE, name) for name in (EXPECTED_N, SEVERE_TOXICITY))
    sentences.append(
        f"Under the alternative {patients:.1f} patients are enrolled on average, of whom {toxic:.1f} have had a severe "
        f"toxicity{_window(ready)} by the decision. It is expected {months:.1f} months after opening (90 % of trials: "
        f"{low:.1f} to {high:.1f})."
    )
    return sentences


def _window(ready: PreparedStudy) -> str:
    """The time since entry within which a severe toxicity is counted."""
    within = ready.study.endpoint.within
    return f" within {within.text} of entry" if within is not None else ""


def _search(ready: PreparedStudy, calendar: pd.DataFrame, result: SearchResult | None) -> list[str]:
    if result is None:
        return []
    study = ready.study
    of = "the assurance" if study.alternative == CALIBRATED else "the power"
    if result.n is None:
        return [
            f"No trial of up to {study.largest_n} patients has {of} {result.target:g} under this calendar (at most "
            f"{result.best:.3f})."
        ]
    is_reached = value_of(calendar, ALTERNATIVE, ready.design.design.success) >= result.target
    varies = (
        f" Between {ready.n} and {result.n} patients it goes up and down with n, because responses are whole numbers."
        if is_reached and 0 < ready.n < result.n
        else ""
    )
    return [
        f"From {result.n} patients on {of} is estimated to be at least {result.target:g} under these assumptions (95 % "
        f"Monte Carlo interval of this number: {_range(result)}).{ready.design.describe_larger(result.n)}{varies}"
    ]


def _recommended(ready: PreparedStudy, result: SearchResult | None) -> list[str]:
    """The one number of patients that follows from all of this; none where n was given, or no trial is large enough."""
    n = ready.n if result is None else result.n
    if ready.study.n is not None or not n:
        return []
    replaced = ready.study.conduct.not_evaluable == "replaced"
    at_patients = ready.design.design.information is Information.PATIENTS
    return [f"The recommended number of {'evaluable ' if replaced and at_patients else ''}patients is {n}."]


def _range(result: SearchResult) -> str:
    high = f"{result.upper}" if result.upper is not None else "above the limit"
    return f"{result.lower} to {high}"


def _assurance(ready: PreparedStudy, assurance: Assurance | None) -> list[str]:
    if assurance is None:
        return []
    low, high = assurance.quantiles[0], assurance.quantiles[-1]
    spread = f"; in 90 % of the posterior it lies between {low:.2f} and {high:.2f}" if assurance.has_spread else ""
    word = ready.design.design.probability_of_success or "the power"
    return [
        f"Given the parameter uncertainty, the probability of success (assurance) is {assurance.assurance:.3f} ± "
        f"{assurance.mcse:.3f}. With all parameters at their posterior medians {word} is "
        f"{assurance.power_at_median:.3f}{spread}."
    ]


def _sources(ready: PreparedStudy, seed: int, replicates: int) -> list[str]:
    study = ready.study
    if study.plain_key is not None:
        of = arms_in_words(study)
    elif study.alternative == CALIBRATED:
        of = f"the rates under the posterior of {_pilot(ready)}"
    elif study.alternative_rate is None:
        of = "the scenario at its point values"
    else:
        of = f"{study.alternative_rate:g}{in_brackets(study.source)}"
    source = in_brackets(study.null.source) if study.null is not None else ""
    null = f"The null rate is {study.null.value:g}{source}, the" if study.null is not None else "The"
    verb = "has" if study.plain_key is not None else "is"
    return [
        f"{null} alternative {verb} {of}. {_other_parameters(ready)} Simulated with trialsim {version('trialsim')}, "
        f"seed {seed}, {replicates:,} trials under each truth."
    ]


def _other_parameters(ready: PreparedStudy) -> str:
    if POSTERIOR not in ready.truths:
        return f"All other parameters are the point values of {_pilot(ready)}."
    return (
        f"All other parameters are those of the posterior of {_pilot(ready)}: its medians under the null and the "
        "alternative, its draws for the assurance."
    )


def _pilot(ready: PreparedStudy) -> str:
    """The trial that the parameters come from, by its name where it has one."""
    parameters = next(iter(ready.sizing.scenarios.values())).parameters
    if parameters.draws is not None:
        return "the pilot"
    return _plain_name(parameters.calibrated_to or "the scenario")


def _plain_name(name: str) -> str:
    """A built-in name, or the name of a file without its folder and ending."""
    return Path(name).stem if is_path(name) else name
