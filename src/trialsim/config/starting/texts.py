"""The files to start from as YAML with comments: scenario, cohort, priors, follow-up and a study of size."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from trialsim.config.schema.population import body_size_example
from trialsim.config.schema.quantities import Dose, Duration
from trialsim.config.starting.pilot import Pilot
from trialsim.config.starting.priors import (
    EXPONENT,
    RESOLUTION,
    WITHDRAWAL,
    StartingPrior,
    has_dose_exponent,
    leaving,
    share_with,
    starting_priors,
)
from trialsim.model.disease import ResponseCategory
from trialsim.model.units import DAYS_PER_MONTH

SCENARIO: Final = "pilot.yaml"
COHORT: Final = "cohort.yaml"
PRIORS: Final = "priors.yaml"
FOLLOW_UP: Final = "followup.yaml"
SIZE: Final = "size.yaml"
SCHEMA_FOLDER: Final = ".trialsim"
ASSUMED: Final = "assumed"
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 /-]*[A-Za-z0-9]|[A-Za-z]")
_WORDS_OF_YAML: Final = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


class StartingFile(NamedTuple):
    """A file to start from: its name, its kind (one of `SCHEMAS`), and the lines below the first."""

    name: str
    kind: str
    lines: Callable[[Pilot], Iterator[str]]


def schema_name(kind: str) -> str:
    """The file of a schema, from the folder of the files that it describes."""
    return f"{SCHEMA_FOLDER}/{kind}.schema.json"


def text_of(file: StartingFile, pilot: Pilot) -> str:
    """A file as text; its first line tells editors the schema."""
    return "\n".join([f"# yaml-language-server: $schema={schema_name(file.kind)}", *file.lines(pilot)]) + "\n"


def quoted(text: str) -> str:
    """A text as a scalar of YAML, in quotes where it needs some."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _number(pilot: Pilot, fact: str, text: str) -> str:
    """A number that was given as it is, any other with its source."""
    return text if fact in pilot.given else _assumed(text)


def _assumed(text: str) -> str:
    return f"{{value: {text}, source: {ASSUMED}}}"


def _remark(pilot: Pilot, fact: str) -> str:
    """A remark beside what was not given and cannot hold a source."""
    return "" if fact in pilot.given else f"    # {ASSUMED}"


def _title(pilot: Pilot) -> str:
    return f"Pilot of {pilot.drug} in {pilot.patients} patients"


def _scenario(pilot: Pilot) -> Iterator[str]:
    yield "# The pilot as a simulated trial. Every key: docs/scenarios.md, or your editor through the schema above."
    yield "# What is marked `assumed` is not from you: replace it, or keep it and say so."
    yield f"title: {quoted(_title(pilot))}"
    yield f"cohort: {COHORT}                       # what to compare with"
    yield f"parameters: {{use: mode, calibrated_to: {PRIORS}}}    # later: posterior/posterior.parquet"
    yield ""
    yield from _population(pilot)
    yield ""
    yield "accrual:                              # exactly this number, uniformly over a window"
    yield f"  opens: 2025-01-01                   # {ASSUMED}; only differences between dates matter"
    yield f"  patients: {pilot.patients}{_remark(pilot, 'patients')}"
    yield f"  over: {_number(pilot, 'accrual', pilot.accrual)}"
    yield ""
    yield from _treatment(pilot)
    yield from _disease(pilot)
    yield from _events(pilot)
    yield ""
    sought = "response and progression are" if pilot.progresses else "response is"
    yield f"assessment: {{every: {_assumed('28 days')}}}      # when {sought} looked for"
    before = ", or progressed before" if pilot.progresses else ""
    yield f"evaluable: {{after: {_assumed('56 days')}}}       # so long on study{before}"
    yield f"cut_off: {{after_opening: {_number(pilot, 'follow_up', pilot.follow_up)}}}"


def _population(pilot: Pilot) -> Iterator[str]:
    """Baseline values: the size of a patient where doses need it, and an example."""
    unit = Dose.of(pilot.with_unit(pilot.reference_level)).unit
    hash_mark = "" if unit.size else "# "
    yield f"{hash_mark}population:                         # baseline values, where doses, effects or tables need them"
    if unit.size:
        yield f"  {body_size_example(unit, _assumed)}"
    yield "#   age: {median: 62 years, sd: 9 years}"
    yield "#   sex: {male: 11, female: 9}"


def _treatment(pilot: Pilot) -> Iterator[str]:
    levels = [_number(pilot, "levels", pilot.with_unit(level)) for level in pilot.levels]
    yield "treatment:"
    yield f"  drug: {quoted(pilot.drug)}{_remark(pilot, 'drug')}"
    yield f"  reference_dose: {_assumed(pilot.with_unit(pilot.reference_level))}    # the rates below hold at this dose"
    yield f"  levels: [{', '.join(levels)}]"
    yield f"  every: {_number(pilot, 'every', pilot.every)}"
    yield "  rules:                              # the first that holds decides; where none does, the dose stays"
    for when, do in _rules(pilot):
        yield f"    - {{when: {when}, {do}, source: {ASSUMED}}}"


def _rules(pilot: Pilot) -> Iterator[tuple[str, str]]:
    has_levels = len(pilot.levels) > 1
    if pilot.toxicities:
        new = "{toxicity: severe, timing: new}"
        yield new, f"do: {'reduce' if has_levels else 'stop'}, at: onset"
    if has_levels:
        yield "tolerated", "do: escalate"
    elif not pilot.toxicities:
        yield "always", "do: keep"


def _disease(pilot: Pilot) -> Iterator[str]:
    if not pilot.responses:
        return
    yield ""
    yield "responses:                            # from the least to the best"
    for name, abbreviation in _abbreviations(pilot).items():
        yield f"  - {{name: {quoted(name)}, abbreviation: {quoted(abbreviation)}}}"
    yield "disease: {sensitive: calibrated}      # the probability that a patient can respond at all"


def _abbreviations(pilot: Pilot) -> dict[str, str]:
    """The initials of each category, with a number where another has the same."""
    abbreviations: dict[str, str] = {}
    for name in pilot.responses:
        initials = "".join(word[0] for word in re.findall(r"\w+", name)).upper()
        n = list(abbreviations.values()).count(initials)
        while (taken := initials + (str(n + 1) if n else "")) in abbreviations.values():
            n += 1
        abbreviations[name] = taken
    return abbreviations


def _events(pilot: Pilot) -> Iterator[str]:
    yield ""
    yield f"events:                               # `calibrated` numbers are in {PRIORS}, under NAME rate"
    for name in pilot.toxicities:
        yield f"  {quoted(name)}:"
        yield "    kind: toxicity"
        yield f"    grade: CTCAE >= 3                 # {ASSUMED}"
        yield f"    severe: true                      # {ASSUMED}: rules and `any severe toxicity` count it"
        yield "    rate: calibrated"
        if has_dose_exponent(pilot):
            yield f"    dose_exponent: {{calibrated: {EXPONENT}}}"
        yield f"    resolves: {{rate: {_assumed(f'{RESOLUTION:g} /month')}}}"
    for name in pilot.responses:
        yield f"  {quoted(name)}: {{kind: {quoted(name)}, rate: calibrated}}"
    if len(pilot.levels) > 1:
        yield "  # Where fewer patients went up than severe toxicities explain, name what kept them, with a prior:"
        yield "  # intolerance: {kind: toxicity, severe: false, reported: false, rate: calibrated}"
        yield "  # and as the second rule of `treatment`: {when: {toxicity: any, timing: ever}, do: keep}"
    if pilot.progresses:
        yield "  relapse: {kind: relapse, rate: calibrated}"
        yield "  progression: {kind: progression, rate: calibrated}"
        yield f"  death: {{kind: death, rate: {_assumed(f'{leaving(pilot).death:.2g} /month')}}}"
    else:
        yield f"  withdrawal: {{kind: withdrawal, rate: {_assumed(f'{WITHDRAWAL:g} /month')}}}"


def _cohort(pilot: Pilot) -> Iterator[str]:
    source = {
        fact: "our report" if fact in pilot.given else ASSUMED for fact in ("toxicities", "responses", "evaluable")
    }
    yield "# What was observed in the pilot: simulated trials are compared with it, and a calibration learns from it."
    yield "# Every key: docs/cohorts.md. `printed` is the number as your report has it; say where under `source`."
    yield f"name: {quoted(_cohort_name(pilot))}"
    yield f"title: {quoted(_title(pilot))}"
    yield "citation: not published yet"
    yield f"scenario: {SCENARIO}"
    yield "statistics:"
    for name, count in pilot.toxicities.items():
        yield _statistic(f"toxicity.{name}", count, pilot.patients, source["toxicities"])
    if pilot.evaluable is not None:
        yield _statistic("evaluable", pilot.evaluable, pilot.patients, source["evaluable"], "count")
    for name, count in pilot.responses.items():  # of the evaluable if it is known who these are, else of the enrolled
        key = name if pilot.evaluable is None else ResponseCategory(name, "").statistic
        yield _statistic(key, count, pilot.n_evaluable, source["responses"])
    yield from _further_statistics(pilot)


def _further_statistics(pilot: Pilot) -> Iterator[str]:
    """The median that was given, and examples of what a report often has besides."""
    if pilot.progression_free is not None:
        yield f"  {_median_progression_free(pilot.progression_free, 'our report')}"
    yield "  # What else a report may have (docs/cohorts.md), such as:"
    if pilot.progresses and pilot.progression_free is None:
        yield f"  # {_median_progression_free('7.4 months', 'our report')}"
    if len(pilot.levels) > 1:
        top = f"endpoint: highest dose, at_least: {pilot.with_unit(pilot.levels[-1])}"
        counts = f"printed: 8 of {pilot.patients}, count: 8, of: {pilot.patients}"
        yield f"  # reached the highest dose: {{kind: proportion, {top}, {counts}, source: our report}}"


def _median_progression_free(text: str, source: str) -> str:
    number, _, unit = text.partition(" ")
    last = 10.0 ** -len(number.partition(".")[2])  # one unit of the last digit
    rounded_to = f"{last:g} {unit.removesuffix('s') if last == 1.0 else unit}"
    keys = f"kind: median, endpoint: progression-free, printed: {text}, value: {text}, rounded_to: {rounded_to}"
    return f"progression-free survival: {{{keys}, source: {source}}}"


def _cohort_name(pilot: Pilot) -> str:
    return re.sub(r"[^\w .+-]", "-", f"{pilot.drug} pilot")


def _statistic(name: str, count: int, of: int, source: str, kind: str = "proportion") -> str:
    printed = f"printed: {count} of {of}, count: {count}, of: {of}"
    return f"  {quoted(name) if '.' not in name else _dotted(name)}: {{kind: {kind}, {printed}, source: {source}}}"


def _dotted(name: str) -> str:
    family, _, rest = name.partition(".")
    return f"{family}.{rest}" if quoted(rest) == rest else json.dumps(name, ensure_ascii=False)


def _priors(pilot: Pilot) -> Iterator[str]:
    yield "# A prior for every number that the scenario says is calibrated. Every key: docs/scenarios.md."
    yield "# Medians follow from the counts and the time of observation. They are assumed, and wide: a lognormal"
    yield "# prior with sd 1 goes from a fifth to five times its median (90 %). Replace them by what is known."
    yield f"name: {quoted(_cohort_name(pilot))}"
    yield f"title: {quoted(f'Priors to start from, {pilot.drug}')}"
    yield f"drug: {quoted(pilot.drug)}"
    yield f"reference_dose: {pilot.with_unit(pilot.reference_level)}"
    yield "parameters:"
    for prior in starting_priors(pilot):
        yield from _prior(prior)


def _prior(prior: StartingPrior) -> Iterator[str]:
    above = f", above: {prior.above:g}" if prior.above is not None else ""
    keys = f"distribution: {prior.distribution}, median: {prior.number}, sd: {prior.sd:g}{above}"
    yield f"  {quoted(prior.name)}:"
    yield f"    mode: {prior.number}"
    yield f"    prior: {{{keys}}}"
    yield f"    informed_by: {json.dumps(prior.informed_by, ensure_ascii=False)}"
    yield f"    source: {ASSUMED}"


def _follow_up(pilot: Pilot) -> Iterator[str]:
    patients = 2 * pilot.patients
    months = max(1, round(2.0 * Duration.number(pilot.accrual) / DAYS_PER_MONTH))
    yield "# The trial that is planned: the pilot with more patients at the same pace, and its own follow-up."
    yield f"extends: {SCENARIO}"
    yield f"title: {quoted(f'Follow-up of the pilot of {pilot.drug}')}"
    yield "cohort: null                          # there is nothing to compare it with yet"
    yield "# parameters: posterior/posterior.parquet    # once the pilot is calibrated"
    yield f"accrual: {{patients: {patients}, over: {_assumed(f'{months} months')}}}    # the number is {ASSUMED} too"
    yield f"cut_off: {{after_opening: null, after_last_entry: {_assumed('6 months')}}}"


def _size(pilot: Pilot) -> Iterator[str]:
    yield "# How many patients the next trial needs. Every design: docs/guide/size.md."
    yield "study: size"
    yield f"title: {quoted(f'Size of the follow-up of {pilot.drug}')}"
    yield f"scenario: {FOLLOW_UP}"
    yield from _size_on_responses(pilot) if pilot.responses else _size_on_toxicity(pilot)


def _size_on_responses(pilot: Pilot) -> Iterator[str]:
    first = next(iter(pilot.responses))
    observed = share_with(pilot.n_at_least(first), pilot.n_evaluable)
    alternative = min(max(round(20.0 * observed) / 20.0, 0.20), 0.90)
    null = max(0.05, alternative - 0.20)
    yield "endpoint: {of: any response, within: 6 months}"
    yield "design: simon-optimal"
    yield f"null: {_assumed(f'{null:.2f}')}              # the rate that is not worth more: from other treatments"
    yield f"alternative: {alternative:.2f}          # the rate that must not be missed; `calibrated` asks for assurance"
    yield f"source: {ASSUMED}                       # of the alternative: near what the pilot found"
    yield f"alpha: 0.05                           # {ASSUMED}"
    yield f"power: 0.80                           # {ASSUMED}"


def _size_on_toxicity(pilot: Pilot) -> Iterator[str]:
    names = list(pilot.toxicities)
    most = max(pilot.toxicities.values())
    endpoint = "any severe toxicity" if len(names) > 1 else names[0]
    yield f"endpoint: {{of: {quoted(endpoint)}, within: 6 months}}"
    yield "design: precision                     # an interval that is narrow enough; there is no null"
    yield f"alternative: {share_with(most, pilot.patients):.2f}         # the rate that is expected"
    yield f"source: {ASSUMED}                       # near what the pilot found"
    yield f"half_width: {_assumed('0.15')}"
    yield "confidence: 0.95"
    yield f"power: 0.80                           # {ASSUMED}: the probability that the interval is so narrow"


FILES: Final = (
    StartingFile(SCENARIO, "scenario", _scenario),
    StartingFile(COHORT, "cohort", _cohort),
    StartingFile(PRIORS, "parameters", _priors),
    StartingFile(FOLLOW_UP, "scenario", _follow_up),
    StartingFile(SIZE, "study", _size),
)
