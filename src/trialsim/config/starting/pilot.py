"""What is known of a pilot, as a user says it in a few words; what is not said is assumed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pydantic_core import PydanticCustomError

from trialsim.config.schema.events import KINDS
from trialsim.config.schema.quantities import Dose, Duration, Interval, Observation
from trialsim.config.schema.responses import ALLOWED_NAME, is_name
from trialsim.config.schema.written_values import plain_unit
from trialsim.errors import ConfigurationError, Problem
from trialsim.model.disease import MOST_RESPONSES
from trialsim.model.units import DAYS_PER_MONTH

MAX_PATIENTS: Final = 100_000
MAX_TOXICITIES: Final = 30
_MONTHS_AFTER_LAST_ENTRY: Final = 6  # assumed
NONE: Final = ("", "none", "no", "-")
_COUNT: Final = re.compile(r"\s*(.*?)\s*=\s*([0-9]+)\s*")
_DRUG: Final = re.compile(r"\w[\w '/.+-]{0,59}")
_LEVEL: Final = r"([0-9]+(?:\.[0-9]+)?)\s*((?:[^\W\d_][\w/²]*)?)"


class _NotReadError(Exception):
    """What is wrong with an answer, what is allowed, and what was probably meant."""

    def __init__(self, wrong: str, allowed: str, suggestion: str = "") -> None:
        self.wrong, self.allowed, self.suggestion = wrong, allowed, suggestion
        super().__init__(wrong)


@dataclass(frozen=True)
class Fact:
    """One thing to know of a pilot: its `name`, the `question` for it, how it is read, what is assumed if not said.

    `is_asked`: whether a user at a terminal is asked for it.
    """

    name: str
    question: str
    read: Callable[[str], Any]
    assumed: str
    is_asked: bool = True

    @property
    def option(self) -> str:
        """Its option on the command line."""
        return f"--{self.name.replace('_', '-')}"


def _read_drug(text: str) -> str:
    name = text.strip()
    if not _DRUG.fullmatch(name):
        raise _NotReadError("this is not a name", "up to 60 letters, digits, spaces and ' / . + -")
    return name


def _read_unit(text: str) -> str:
    known = [unit for unit in Dose.units if "/" in unit]
    given = plain_unit(text)
    meant = next((unit for unit in known if plain_unit(unit) in (given, f"{given}/day")), None)
    if meant is None:
        raise _NotReadError("this is not a unit of a dose", f"{', '.join(known)}; mg alone is mg/day")
    return meant


def _read_levels(text: str) -> tuple[str, ...]:
    levels = tuple(item.strip() for item in text.split(",") if item.strip())
    try:
        doses = [float(level) for level in levels]
    except ValueError:
        allowed = "numbers parted by commas, such as 10,15,25; their unit is that of --unit"
        raise _NotReadError("these are not dose levels", allowed, _levels_meant(text)) from None
    if not _rise(doses):
        raise _NotReadError("these are not dose levels", "numbers above 0 that rise, such as 10,15,25")
    return levels


def _levels_meant(text: str) -> str:
    """Levels that are parted otherwise, or have a unit, with commas between them; empty where that is not plain."""
    levels = re.findall(_LEVEL, text)
    is_read = bool(levels) and not re.sub(rf"{_LEVEL}[\s,;]*", "", text.strip())
    units = {unit for _, unit in levels if unit}
    doses = [float(number) for number, _ in levels]
    is_plain = is_read and len(units) <= 1 and not {",", ";"} <= set(text) and _rise(doses)
    return ",".join(number for number, _ in levels) if is_plain else ""


def _rise(doses: Sequence[float]) -> bool:
    """Whether doses can be a ladder."""
    return bool(doses) and doses[0] > 0.0 and all(a < b for a, b in pairwise(doses))


def _read_patients(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text.strip()) or not 1 <= int(text) <= MAX_PATIENTS:
        raise _NotReadError("this is not a number of patients", f"a whole number from 1 to {MAX_PATIENTS:,}")
    return int(text)


def _read_evaluable(text: str) -> int | None:
    return None if text.strip().lower() in NONE else _read_patients(text)


def _read_counts(text: str) -> dict[str, int]:
    """`neutropenia=12, rash=5` to numbers of patients by name; toxicities are named as categories of response are."""
    counts: dict[str, int] = {}
    for item in [] if text.strip().lower() in NONE else re.split(r"[,;]", text):
        match = _COUNT.fullmatch(item)
        if match is None:
            raise _NotReadError(
                f"{item.strip()!r} is not a name with a number of patients", "NAME=COUNT,NAME=COUNT or none"
            )
        name = match[1]
        if not is_name(name):
            raise _NotReadError(f"{name!r} cannot be a name", ALLOWED_NAME)
        if name in KINDS:
            raise _NotReadError(f"{name} is a kind of event of its own", "another name")
        if name in counts:
            raise _NotReadError(f"{name} is there twice", "each name once")
        counts[name] = int(match[2])
    return counts


def _read_toxicities(text: str) -> dict[str, int]:
    counts = _read_counts(text)
    if len(counts) > MAX_TOXICITIES:
        raise _NotReadError("there are too many toxicities", f"at most {MAX_TOXICITIES}")
    return counts


def _read_responses(text: str) -> dict[str, int]:
    counts = _read_counts(text)
    if len(counts) > MOST_RESPONSES:
        raise _NotReadError("there are too many categories of response", f"at most {MOST_RESPONSES}")
    return counts


def _read_duration(kind: type[Interval] | type[Observation]) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            kind.of(text)
        except ValueError:
            raise _NotReadError("this is not a duration", kind.allowed()) from None
        except PydanticCustomError as error:
            raise _NotReadError(str(error), kind.allowed()) from None
        return text.strip()

    return read


def _read_median(text: str) -> str | None:
    return None if text.strip().lower() in NONE else _read_duration(Observation)(text)


def _read_yes_or_no(text: str) -> bool:
    if text.strip().lower() not in ("yes", "no"):
        raise _NotReadError("this is neither yes nor no", "yes or no")
    return text.strip().lower() == "yes"


# In the order of the questions.
FACTS: Final = (
    Fact("drug", "Name of the drug", _read_drug, "new drug"),
    Fact("unit", "Unit of the doses", _read_unit, "mg/day"),
    Fact("levels", "Dose levels, from the lowest (such as 10,15,25)", _read_levels, "100,200,300"),
    Fact("every", "Interval of the visits at which the dose is decided", _read_duration(Interval), "28 days"),
    Fact("patients", "Number of patients enrolled", _read_patients, "20"),
    Fact("accrual", "Time from the first to the last patient in", _read_duration(Observation), "12 months"),
    Fact("follow_up", "Time from the opening to the data cut-off", _read_duration(Observation), "18 months"),
    Fact("toxicities", "Patients with each severe toxicity (NAME=COUNT,…; none)", _read_toxicities, "none"),
    Fact("responses", "Patients by best response, least category first (NAME=COUNT,…; none)", _read_responses, "none"),
    Fact("evaluable", "Patients evaluable for response (none: not reported)", _read_evaluable, "none"),
    Fact("progression", "Can the disease progress, or patients die of it (yes, no)", _read_yes_or_no, "yes"),
    Fact("progression_free", "Median progression-free survival (none: not reported)", _read_median, "none"),
)
# A pilot that is made up, where nothing is said of one.
MADE_UP: Final = {"toxicities": "neutropenia=5,rash=2", "responses": "partial response=6", "evaluable": "18"}


@dataclass(frozen=True)
class Pilot:
    """A pilot in a few numbers; `given` are the names of those that were said, all others are assumed."""

    drug: str
    unit: str
    levels: tuple[str, ...]
    every: str
    patients: int
    accrual: str
    follow_up: str
    toxicities: Mapping[str, int]
    responses: Mapping[str, int]
    evaluable: int | None
    progression: bool
    progression_free: str | None
    given: frozenset[str]

    @property
    def n_evaluable(self) -> int:
        """The patients whose responses are counted: the evaluable, or all where it is not said how many these are."""
        return self.patients if self.evaluable is None else self.evaluable

    @property
    def progresses(self) -> bool:
        """Whether patients leave by progression, relapse and death; a trial of tolerability has no disease."""
        return self.progression and bool(self.responses)

    @property
    def doses(self) -> list[float]:
        """The levels in mg a day."""
        return [Dose.number(self.with_unit(level)) for level in self.levels]

    @property
    def reference_level(self) -> str:
        """The level at which rates hold: the one nearest to the middle of the ladder on the log scale."""
        doses = self.doses
        middle = (doses[0] * doses[-1]) ** 0.5
        return min(zip(self.levels, doses, strict=True), key=lambda item: max(item[1] / middle, middle / item[1]))[0]

    def with_unit(self, level: str) -> str:
        """A dose with its unit."""
        return f"{level} {self.unit}"

    def n_at_least(self, category: str) -> int:
        """The patients whose best response is a category or a better one."""
        names = list(self.responses)
        n = 0
        for name in names[names.index(category) :]:
            n += self.responses[name]
        return n


def read_answer(fact: Fact, text: str) -> Any:
    """One answer, read. Raises `ConfigurationError` with its option."""
    try:
        return fact.read(text)
    except _NotReadError as error:
        raise ConfigurationError([_problem(fact, text, error.wrong, error.allowed, error.suggestion)]) from None


def assumed_answer(fact: Fact, answers: Mapping[str, str]) -> str:
    """What is assumed where nothing is said: of the follow-up, no less than half a year after a long accrual."""
    accrual = answers.get("accrual", "")
    if fact.name != "follow_up" or not accrual:
        return fact.assumed
    try:
        months = math.ceil(Observation.number(accrual) / DAYS_PER_MONTH - 1e-9)
    except ValueError:  # said at the accrual itself
        return fact.assumed
    least = Duration.number(fact.assumed) / DAYS_PER_MONTH
    return fact.assumed if months <= least else f"{months + _MONTHS_AFTER_LAST_ENTRY} months"


def pilot_of(answers: Mapping[str, str]) -> Pilot:
    """A pilot from answers by the name of the fact; where there is none at all, a pilot that is made up.

    Raises `ConfigurationError` with the problems of all answers.
    """
    assumed = {} if answers else MADE_UP
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for fact in FACTS:
        try:
            text = answers.get(fact.name, assumed.get(fact.name, assumed_answer(fact, answers)))
            values[fact.name] = read_answer(fact, text)
        except ConfigurationError as error:
            problems += error.problems
    if not problems:
        pilot = Pilot(**values, given=frozenset(answers))
        problems = list(_contradictions(pilot, answers))
    if problems:
        raise ConfigurationError(problems)
    return pilot


def _contradictions(pilot: Pilot, answers: Mapping[str, str]) -> list[Problem]:
    """Counts that are more than all patients, and pilots of which nothing was counted."""
    found: list[tuple[str, str, str]] = []
    if not pilot.toxicities and not pilot.responses:
        allowed = '--toxicities "neutropenia=12,rash=5", --responses "partial response=10", or both'
        found.append(("toxicities", "nothing was counted in this pilot", allowed))
    for name, count in pilot.toxicities.items():
        if count > pilot.patients:
            found.append(("toxicities", f"{count} with {name} are more than all patients", f"at most {pilot.patients}"))
    if pilot.evaluable is not None and pilot.evaluable > pilot.patients:
        found.append(("evaluable", "these are more than all patients", f"at most {pilot.patients}"))
    first = next(iter(pilot.responses), None)
    if first is not None and pilot.n_at_least(first) > pilot.n_evaluable:
        n, of = pilot.n_at_least(first), "evaluable patients" if pilot.evaluable is not None else "patients"
        allowed = f"at most {pilot.n_evaluable} in all"
        if pilot.evaluable is not None and n <= pilot.patients:
            allowed += f", or {n} to {pilot.patients} evaluable (--evaluable)"
        found.append(("responses", f"{n} responses are more than the {pilot.n_evaluable} {of}", allowed))
    if Duration.number(pilot.follow_up) < Duration.number(pilot.accrual):
        wrong = f"the data cut-off comes before the last patient enters, {pilot.accrual} after the opening"
        found.append(("follow_up", wrong, f"at least {pilot.accrual}, or a shorter --accrual"))
    if both := set(pilot.toxicities) & set(pilot.responses):
        found.append(("responses", f"{min(both)} is a toxicity too", "another name"))
    if pilot.progression_free is not None and not pilot.progresses:
        wrong = "there is nothing that could progress" if pilot.progression else "nothing progresses (--progression no)"
        found.append(("progression_free", wrong, "none, or a pilot with responses and progression"))
    facts = {fact.name: fact for fact in FACTS}
    return [_problem(facts[name], answers.get(name, ""), wrong, allowed) for name, wrong, allowed in found]


def _problem(fact: Fact, text: str, wrong: str, allowed: str, suggestion: str = "") -> Problem:
    return Problem("", f"{fact.option} {text}".strip(), f"{wrong}.", f"{allowed}.", suggestion)
