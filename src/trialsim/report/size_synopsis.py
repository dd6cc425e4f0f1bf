"""The synopsis of a study of size in plain language: the question, the design, how it is conducted."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config.size_study import CALIBRATED, MODELLED, SizeStudy
from trialsim.config.sizing import Sizing
from trialsim.report.study_synopsis import departures
from trialsim.report.words import endpoint_in_words, per_cent


def size_synopsis(found: Sizing) -> Iterator[str]:
    """Lines of text."""
    study = found.study
    yield study.title
    if study.description:
        yield study.description
    yield "\nQUESTION"
    yield f"  endpoint: {endpoint_in_words(study.endpoint)}"
    if study.toxicity is not None:
        yield f"  and: {endpoint_in_words(study.toxicity.endpoint)}, too high at {study.toxicity.null.value:g}"
    if study.null is not None:
        yield f"  null: {study.null.value:g} ({study.null.source})"
    if study.reference is not None:
        median = study.reference.median
        yield f"  reference: a median of {median.text}{f' ({median.source})' if median.source else ''}"
    yield f"  alternative: {_alternative(study)}"
    yield f"  {_wanted(study)}"
    yield f"\nDESIGN {study.design}, up to {study.largest_n} patients"
    if len(study.looks.at) > 1:
        yield f"  looks at {', '.join(f'{share:g}' for share in study.looks.at)} of the information"
    if study.safety is not None:
        safety = study.safety
        yield f"  stops for toxicity: {endpoint_in_words(safety.endpoint)} above {safety.rate.value:g}, {safety.method}"
    yield f"\nCONDUCT in the scenario {study.scenario}"
    own = study.conduct
    more = f", at most {own.overrun} more before a look" if own.overrun is not None else ""
    yield f"  accrual before a look: {own.accrual}{more}; inevaluable patients: {own.inevaluable}"
    first_name, first = next(iter(found.scenarios.items()))
    for name, scenario in found.scenarios.items():
        if name != first_name:
            yield f"  {name} departs from {first_name} by"
            yield from departures(first, scenario)


def _alternative(study: SizeStudy) -> str:
    words = {
        CALIBRATED: "what the posterior of the pilot says, averaged (assurance)",
        MODELLED: "what the scenario says at its point values",
        None: "what the scenario says at its point values",
    }
    return words.get(study.alternative) or f"{study.alternative:g} ({study.source})"


def _wanted(study: SizeStudy) -> str:
    if study.half_width is not None:
        interval = f"a {per_cent(study.confidence)} interval of at most {study.half_width.value:g} each way"
        return f"{interval}, with probability {study.power:g}"
    sides = "one-sided" if study.sides == 1 else "two-sided"
    return f"level {study.alpha:g} {sides}, power {study.power:g}"
