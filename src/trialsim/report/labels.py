"""Numbers and names in the words that a report uses."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Final

from trialsim.config.schema.plain_times import hazards_in_words
from trialsim.endpoints.responses import ANY_RESPONSE, response_endpoints

if TYPE_CHECKING:
    from trialsim.config import Scenario
    from trialsim.config.schema.scenario import ScenarioData
    from trialsim.config.schema.size_study import SizeEndpoint, SizeStudy

_DIGITS: Final = {"": 1, "mg/day": 0, "mg/week": 0, "patients": 1, "months": 1}
PROGRESSION_FREE: Final = "progression-free"  # the endpoint
NOTHING: Final = "–"
NOT_REACHED: Final = "not reached"  # by a median


def in_brackets(source: str | None) -> str:
    """A source behind a number; nothing where none is stated."""
    return f" ({source})" if source else ""


def risk(probability: float) -> str:
    """A probability in per cent, without the sign: whole numbers from 10 on, two digits below."""
    per_cent = 100.0 * probability
    return f"{per_cent:.0f}" if per_cent >= 9.95 else f"{per_cent:.2g}"


def digits_of(unit: str) -> int:
    """Decimals of a quantity; of a share, those of its per cent."""
    return _DIGITS.get(unit, 2)


def with_error(value: float, error: float, unit: str) -> str:
    """A value ± its Monte Carlo standard error; shares in per cent."""
    if math.isnan(value):
        return NOTHING
    scale, mark = (100.0, " %") if not unit else (1.0, "")
    digits = _DIGITS.get(unit, 2)
    shown = f"{value * scale:.{digits}f}"
    return shown + mark if math.isnan(error) else f"{shown} ± {error * scale:.{digits + 1}f}{mark}"


def interval(lower: float, upper: float, unit: str) -> str:
    """An interval; shares in whole per cent. An end of a time that was not reached says so."""
    if math.isnan(lower):
        return NOTHING
    if not unit:
        return f"{100 * lower:.0f}–{100 * upper:.0f} %"
    digits = 0 if unit == "patients" else _DIGITS.get(unit, 2)
    return "–".join(f"{end:.{digits}f}" if math.isfinite(end) else NOT_REACHED for end in (lower, upper))


def interval_of_difference(lower: float, upper: float, unit: str) -> str:
    """An interval whose ends may be negative; shares in whole per cent."""
    if math.isnan(lower):
        return NOTHING
    scale, mark, digits = (100.0, " %", 0) if not unit else (1.0, "", 0 if unit == "patients" else _DIGITS.get(unit, 2))
    return f"{lower * scale:.{digits}f} to {upper * scale:.{digits}f}{mark}"


def significant(value: float, digits: int = 3) -> str:
    """A number to `digits` significant digits, without an exponent where it can do without."""
    if math.isnan(value):
        return NOTHING
    if value == 0.0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}" if places <= 8 else f"{value:.{digits - 1}e}"


def median_and_interval(median: float, lower: float, upper: float) -> str:
    """A median with an interval in brackets; the ends of a wide one to two digits, else to three."""
    digits = 2 if upper > 2.0 * lower else 3
    return f"{significant(median)} ({significant(lower, digits)}–{significant(upper, digits)})"


def percentile(value: float) -> str:
    """Where a published statistic lies among simulated trials, as a percentile."""
    if math.isnan(value):
        return NOTHING
    if value < 0.01:
        return "<1 %"
    return f"{100 * value:.0f} %" if value <= 0.99 else ">99 %"


def date_of(opens: dt.date, calendar_day: float) -> str:
    """The date of a calendar day; the calendar ends with the year 9999."""
    try:
        return str(opens + dt.timedelta(days=math.floor(calendar_day)))
    except OverflowError:
        return "after 9999"


def is_response(scenario: ScenarioData, endpoint: str) -> bool:
    """Whether an endpoint is a response, which has a denominator."""
    endpoints = response_endpoints([item.flat for item in scenario.responses])
    return endpoint in [item.name for item in endpoints if item.outcome is not None]


def can_progress(scenario: ScenarioData) -> bool:
    """Whether anything in a scenario makes a patient progress or relapse."""
    return any(event.kind in ("progression", "relapse") for event in scenario.events.values())


def evaluable_in_words(scenario: Scenario) -> str:
    """How long an evaluable patient was on study, and what makes one evaluable before."""
    rule = scenario.evaluable
    also = [
        word
        for word, on in (
            ("progressed", can_progress(scenario) and rule.early_progression),
            ("died", rule.early_death),
        )
        if on
    ]
    earlier = f", or {' or '.join(also)} earlier" if also else ""
    return f"on study for {scenario.resolved(rule.after, 'evaluable after').text}{earlier}"


def endpoint_in_words(scenario: ScenarioData, study: SizeStudy, endpoint: SizeEndpoint) -> str:
    """An endpoint of a size study, with its window and, for a response, its denominator."""
    known = {PROGRESSION_FREE: "progression or death", "survival": "death"}
    what = known.get(str(endpoint.of), str(endpoint.of)) if endpoint.name is None else endpoint.name
    counting = [item.name for item in scenario.responses if item.counts]
    if str(endpoint.of) == ANY_RESPONSE and counting:
        what += f" ({counting[0]}{' or better' if len(counting) > 1 else ''})"
    what += f" within {endpoint.within.text}" if endpoint.within is not None else ""
    if not is_response(scenario, str(endpoint.of)) or endpoint.within is None:
        return what
    return what + (" among all enrolled patients" if study.counts_all else " among the evaluable patients")


def arms_in_words(study: SizeStudy) -> str:
    """The plain rates, medians or hazards of the arms of a size study, each with its source, the control first."""
    names = sorted(study.plain, key=lambda name: name != study.control)
    if study.hazards:
        hazards = [f"{hazards_in_words(study.hazards[name])} in {name}" for name in names]
        of = f"hazards of {', '.join(hazards[:-1])} and {hazards[-1]}"
        return f"piecewise exponential times with {of}{in_brackets(study.source)}"
    of = "rates of" if study.plain_key == "rates" else "exponential times with medians of"
    arms = [f"{study.plain[name].text} in {name}{in_brackets(study.plain[name].source)}" for name in names]
    return f"{of} {', '.join(arms[:-1])} and {arms[-1]}{in_brackets(study.source)}"


def per_cent(share: float) -> str:
    """A share in per cent, without needless digits."""
    return f"{100.0 * share:g} %"
