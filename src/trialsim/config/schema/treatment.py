"""The dose rule of a scenario: levels, visits, and rules of which the first that holds decides."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, WithJsonSchema, field_validator, model_serializer, model_validator

from trialsim.config.schema.conditions import Condition
from trialsim.config.schema.json_forms import AlsoAccepts, reference
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Dose, Duration, HazardRatio, Interval, Measurement
from trialsim.config.schema.written_values import mistake
from trialsim.model.units import MG_PER_DAY, DoseUnit

MAX_RULES: Final = 60
RESUME_WORDS: Final = ("same", "lower")  # where a hold may resume, besides a dose
MAX_CYCLE_DAYS: Final = 366
START_BY_EXAMPLE: Final = "{covariate: renal function, category: impaired, dose: 10 mg/day}, or `below: 60 mL/min`"
MAX_EARLY_VISITS: Final = 150
UNNAMED_DRUG: Final = "the drug"
_STEPPED: Final = ("start", "step", "maximum")
_STEPS: Final = {
    "type": "object",
    "properties": {key: {"anyOf": Dose.plain_forms()} for key in _STEPPED},
    "required": list(_STEPPED),
    "additionalProperties": False,
}


class Rule(Section):
    """When all conditions hold, do this. Of several rules the first that holds decides.

    A hold stops the drug until the toxicities that its conditions name (not under a `not`) are over, and then resumes.
    """

    when: Annotated[list[Condition], AlsoAccepts(reference("Condition"))] = Field(json_schema_extra={"minItems": 1})
    """The condition of the rule, in words or as a mapping, or a list of conditions that must all hold."""
    do: Literal["escalate", "keep", "reduce", "hold", "stop", "go to"]
    """What is done where the conditions hold."""
    levels: int = Field(default=1, ge=1, le=1000)
    """How many levels an escalation or reduction goes."""
    level: Dose | None = None
    """The dose of the ladder that `do: go to` goes to."""
    at: Literal["visit", "onset"] = "visit"
    """Whether the rule acts at visits, or at once when a toxicity begins."""
    resume: Annotated[str, WithJsonSchema({"anyOf": [{"enum": list(RESUME_WORDS)}, *Dose.plain_forms()]})] = "same"
    """Where a hold resumes: `same`, `lower` (one level), or a dose of the ladder."""
    at_lowest: Literal["stay", "stop"] = "stay"
    """What a reduction does at the lowest level."""
    once: bool = False
    """Whether the rule decides only once for a patient."""
    source: str | None = None
    """Where the rule is from, such as `assumed`."""

    @field_validator("when", mode="before")
    @classmethod
    def _list(cls, data: Any) -> Any:
        return data if isinstance(data, list) else [data]

    @field_validator("resume", mode="before")
    @classmethod
    def _dose_or_word(cls, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise mistake("this is not a dose to resume at", '"same", "lower", or a dose of the ladder')
        if data not in RESUME_WORDS:
            Dose.number(data)
        return str(data)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.when:
            raise mistake("a rule needs a condition", "always, tolerated, toxicity, …")
        if self.levels != 1 and self.do not in ("escalate", "reduce"):
            raise mistake("`levels` counts the steps of escalate or reduce", "no `levels` here")
        if self.resume != "same" and self.do != "hold":
            raise mistake("`resume` belongs to a hold", "no `resume` here")
        if self.at_lowest != "stay" and self.do != "reduce":
            raise mistake("`at_lowest` belongs to a reduction", "no `at_lowest` here")
        if (self.level is not None) != (self.do == "go to"):
            raise mistake("`do: go to` and `level` belong together", "{do: go to, level: 400 mg/day}")
        if self.do == "hold" and not any(leaf.toxicity is not None for leaf in self.leaves(negated=False)):
            raise mistake("nothing would ever end this hold", "a hold whose condition names a toxicity")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = handler(self)
        if self.do not in ("escalate", "reduce"):
            written.pop("levels")
        if self.do != "hold":
            written.pop("resume")
        if self.do != "reduce":
            written.pop("at_lowest")
        if self.do != "go to":
            written.pop("level")
        if not self.once:
            written.pop("once")
        return written

    @property
    def resume_dose(self) -> Dose | None:
        """The dose at which a hold resumes, where it is a dose of the ladder and not relative to the last one."""
        return None if self.resume in RESUME_WORDS else Dose.of(self.resume)

    def leaves(self, *, negated: bool = True) -> Iterator[Condition]:
        """The single conditions of the rule; without what stands under a `not` if so asked for."""
        for condition in self.when:
            yield from condition.leaves(negated=negated)

    def __str__(self) -> str:
        action = {
            "escalate": f"escalate {self.levels} level{'s' if self.levels > 1 else ''}",
            "reduce": f"reduce {self.levels} level{'s' if self.levels > 1 else ''}",
            "hold": f"hold, resume {self.resume}",
            "go to": f"go to {self.level}" if self.level is not None else "go to",
        }.get(self.do, self.do)
        if self.at_lowest == "stop":
            action += " (at the lowest: stop)"
        at_onset = " at onset" if self.at == "onset" else ""
        only_once = ", once" if self.once else ""
        several = len(self.when) > 1
        conditions = [f"({item})" if several and item.any_of is not None else str(item) for item in self.when]
        return f"{' and '.join(conditions)}{at_onset} → {action}{only_once}"


class VisitsAtFirst(Section):
    """Titration visits at the interval `every`, `until` a study day, on which the last of them falls."""

    every: Interval
    """The interval of these visits."""
    until: Interval
    """The study day on which the last of them falls."""


class Loading(Section):
    """A `dose` of the ladder to begin with, `days` long; the first visit from then on goes to the starting dose.

    Until then no rule raises the dose. Rules that reduce, hold or stop come first at that visit.
    """

    dose: Dose
    """The loading dose, a dose of the ladder."""
    days: Interval
    """How long it is given."""


class Schedule(Section):
    """The days of each cycle on which the drug is taken: the first `days` of every `of`.

    A dose is that of such a day, and rates hold for the schedule as it is; days without the drug are no holds. What is
    taken in all counts the share of days.
    """

    days: int = Field(ge=1, le=MAX_CYCLE_DAYS)
    """On how many days of a cycle the drug is taken, from its first."""
    of: int = Field(ge=1, le=MAX_CYCLE_DAYS)
    """How many days a cycle has."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.days > self.of:
            raise mistake("a cycle has fewer days than that", "{days: 21, of: 28}")
        return self

    @property
    def share(self) -> float:
        """The share of days on which the drug is taken."""
        return self.days / self.of

    def __str__(self) -> str:
        """In words."""
        return f"on days 1 to {self.days} of {self.of}" if self.days > 1 else f"on day 1 of {self.of}"


class StartBy(Section):
    """A first dose for some patients: those of a `category`, or with a value `at_least` and `below` so much."""

    covariate: str
    """The name of the baseline covariate."""
    category: str | None = None
    """The category of these patients."""
    at_least: Measurement | None = None
    """The least value of these patients."""
    below: Measurement | None = None
    """The value below which all of these patients are."""
    dose: Dose
    """Their first dose, a dose of the ladder."""
    source: str | None = None
    """Where it is from."""

    @model_validator(mode="after")
    def _says_whom(self) -> Self:
        bounds = [bound for bound in (self.at_least, self.below) if bound is not None]
        if (self.category is None) == (not bounds):
            raise mistake("a first dose is for a category, or for values between bounds", START_BY_EXAMPLE)
        if len(bounds) == 2 and bounds[0].value >= bounds[1].value:
            raise mistake("nobody is between these bounds", "`at_least` smaller than `below`")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}


class Partner(Section):
    """A drug that everyone takes beside the one that is titrated: its `dose` in words, and what it does to hazards.

    The `hazard_ratios`, by the name of an event, multiply the rates of `events`, which are those without it.
    """

    dose: str = ""
    """The dose and schedule, in words."""
    hazard_ratios: dict[str, HazardRatio] = Field(default_factory=dict)
    """What the partner multiplies the rates of `events` by, by the name of the event."""
    source: str | None = None
    """Where the hazard ratios are from."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if any(ratio.calibrated for ratio in self.hazard_ratios.values()):
            raise mistake("the hazard ratio of a partner is a number", "a number, such as 0.7")
        return self


class Treatment(Section):
    """The drug, its ladder of exact doses, the visits at which it is titrated, and the rules."""

    drug: str = UNNAMED_DRUG
    """The name of the drug."""
    reference_dose: Dose
    """Rates hold at this dose, and a dose exponent scales them from it. It has no default: a rate at 400 mg/day of one
    drug means nothing at 25 mg/day of another.
    """
    levels: Annotated[list[Dose], AlsoAccepts(_STEPS)] = Field(json_schema_extra={"minItems": 1})
    """The ladder of daily doses, rising: a list, or `{start: …, step: …, maximum: …}`."""
    schedule: Schedule | None = None
    """The days of a cycle on which the drug is taken; every day unless given."""
    start: Dose | None = None
    """The dose of the ladder at which treatment begins; the lowest unless given."""
    start_by: list[StartBy] = Field(default_factory=list, max_length=MAX_RULES)
    """Other first doses by baseline values; the first line that holds decides."""
    loading: Loading | None = None
    """A dose to begin with, for a time."""
    every: Interval
    """The interval of the visits at which the dose is decided."""
    visits_at_first: list[VisitsAtFirst] = Field(default_factory=list)
    """Other intervals of visits at first, each up to a visit of its own."""
    between_changes: Duration | None = None
    """At visits the dose moves on the ladder only after so long without a change."""
    reescalate: Literal["always", "never"] | Duration = "always"
    """Whether the dose may rise after a reduction or hold: `always`, `never`, or after so long without dose-limiting
    toxicity.
    """
    rules: list[Rule]
    """The dose rules, of which the first that holds decides."""
    partners: dict[str, Partner] = Field(default_factory=dict)
    """Drugs that everyone takes beside this one, by name."""

    @property
    def dose_unit(self) -> DoseUnit:
        """The unit of all doses of the scenario."""
        return self.levels[0].unit

    @field_validator("levels", mode="before")
    @classmethod
    def _list_or_steps(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            data = _stepped(data)
        if not isinstance(data, list) or not data:
            raise mistake("a dose ladder is a list of doses", "[100, 300, 500] in mg/day, or start/step/maximum")
        return data

    @field_validator("levels", mode="after")
    @classmethod
    def _rising(cls, data: list[Dose]) -> list[Dose]:
        doses = [dose.value for dose in data]
        if any(b <= a for a, b in itertools.pairwise(doses)):
            rising = sorted(set(doses))
            suggestion = f"[{', '.join(f'{dose:.15g}' for dose in rising)}]" if len(rising) == len(doses) else ""
            raise mistake(
                "doses must rise from level to level", f"strictly increasing, {data[0].unit.text}, above 0", suggestion
            )
        if len(doses) > 1000:
            raise mistake("the ladder has too many levels", "at most 1000 levels")
        return data

    @field_validator("reescalate", mode="before")
    @classmethod
    def _word_or_days(cls, data: Any) -> Any:
        return data if data in ("always", "never") else Duration.model_validate(data)

    @model_validator(mode="after")
    def _names_levels_of_the_ladder(self) -> Self:
        doses = [dose.value for dose in self.levels]
        loading = self.loading.dose if self.loading is not None else None
        wanted = [("treatment starts at", self.start), ("loading is at", loading)]
        wanted += [("a first dose is", item.dose) for item in self.start_by]
        for rule in self.rules:
            wanted.append(("a hold resumes at", rule.resume_dose))
            wanted.append(("a rule goes to", rule.level))
            wanted += [("a condition asks for", leaf.level) for leaf in rule.leaves()]
        for what, dose in wanted:
            if dose is not None and dose.value not in doses:
                allowed = f"one of {', '.join(f'{level:g}' for level in doses)} {self.dose_unit.text}"
                raise mistake(f"{what} {dose.text}, which is not a level of the ladder", allowed)
        return self

    @model_validator(mode="after")
    def _one_kind_of_first_dose(self) -> Self:
        if self.loading is not None and self.start_by:
            raise mistake("a loading dose is the same for everyone", "`loading`, or `start_by`")
        return self

    @model_validator(mode="after")
    def _visits_fit(self) -> Self:
        day = n_visits = 0.0
        for phase in self.visits_at_first:
            n = (phase.until.value - day) / phase.every.value
            if n < 1.0 or abs(n - round(n)) > 1e-9 * n:
                problem = f"visits every {phase.every.text} from day {day:g} do not end on day {phase.until.value:g}"
                raise mistake(problem, "`until` a whole number of intervals later: {every: 7 days, until: 28 days}")
            day, n_visits = phase.until.value, n_visits + n
        if n_visits > MAX_EARLY_VISITS:
            raise mistake("there are too many visits at first", f"at most {MAX_EARLY_VISITS}")
        return self

    @model_validator(mode="after")
    def _not_too_many_rules(self) -> Self:
        if len(self.rules) > MAX_RULES:
            raise mistake("there are too many rules", f"at most {MAX_RULES}")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        """What was not given stays away, and so does what says nothing."""
        written = {key: value for key, value in handler(self).items() if value is not None}
        for key, nothing in (("visits_at_first", []), ("reescalate", "always"), ("start_by", []), ("partners", {})):
            if written.get(key) == nothing:
                written.pop(key)
        return written


def _stepped(data: Mapping[str, Any]) -> list[Any]:
    """start/step/maximum to levels; the last step is cut by the maximum."""
    if set(data) != set(_STEPPED):
        raise mistake("a stepped ladder has three keys", "{start: 100 mg/day, step: 200 mg/day, maximum: 800 mg/day}")
    start, step, maximum = (Dose.number(data[key]) for key in _STEPPED)
    unit = Dose.unit_of(data["start"])
    if any(Dose.unit_of(data[key]) != unit for key in _STEPPED):
        raise mistake("start, step and maximum have different units", f"all in {unit.text}")
    if maximum < start:
        raise mistake("the maximum lies below the start", f"maximum of at least {start:g} {unit.text}")
    if step * 1000.0 < maximum - start:
        raise mistake("the ladder has too many levels", "at most 1000 levels")
    n_steps = math.ceil((maximum - start) / step)
    doses = [min(start + i * step, maximum) for i in range(n_steps + 1)]
    return doses if unit == MG_PER_DAY else [f"{dose!r} {unit.text}" for dose in doses]
