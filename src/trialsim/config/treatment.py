"""The dose rule of a scenario: levels, visits, and rules of which the first that holds decides."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_serializer, model_validator

from trialsim.config.population import Section
from trialsim.config.quantities import Dose, Interval, mistake

WORDS: dict[str, dict[str, Any]] = {
    "always": {"holds": "always"},
    "tolerated": {"holds": "tolerated"},
    "at maximum": {"holds": "at maximum"},
    "toxicity": {"toxicity": "any"},
    "severe toxicity": {"toxicity": "severe"},
    "minor response": {"response": "minor"},
    "partial response": {"response": "partial"},
}


class Condition(Section):
    """One condition. Exactly one of `holds`, `toxicity` and `response` is given.

    `toxicity` is `any`, `severe`, a name or several names; `timing` says how recent it must be; `at_least` asks for so
    many onsets so far.
    """

    holds: Literal["always", "tolerated", "at maximum"] | None = None
    toxicity: list[str] | None = None
    timing: Literal["new or ongoing", "new", "ongoing", "ever"] = "new or ongoing"
    at_least: int = Field(default=1, ge=1, le=1_000_000)
    response: Literal["minor", "partial"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = WORDS.get(data.strip(), {"toxicity": data.strip()})
        if isinstance(data, Mapping) and isinstance(data.get("toxicity"), str):
            data = {**data, "toxicity": [data["toxicity"]]}
        return data

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.toxicity is not None and not self.toxicity:
            raise mistake("a condition names at least one toxicity", "any, severe, or names")
        given = [self.holds, self.toxicity, self.response]
        if sum(item is not None for item in given) != 1:
            raise mistake("a condition says one thing", "exactly one of `holds`, `toxicity`, `response`")
        if self.toxicity is None and (self.timing != "new or ongoing" or self.at_least != 1):
            raise mistake("`timing` and `at_least` belong to a toxicity", "{toxicity: any, timing: ever}")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = {key: value for key, value in handler(self).items() if value is not None}
        if self.toxicity is None:
            written.pop("timing")
            written.pop("at_least")
        return written

    def __str__(self) -> str:
        if self.toxicity is None:
            return f"{self.response} response" if self.response is not None else str(self.holds)
        names = "/".join(self.toxicity)
        words = "toxicity" if names == "any" else "severe toxicity" if names == "severe" else names
        text = words if self.timing == "new or ongoing" else f"{words} ({self.timing})"
        return text if self.at_least == 1 else f"{text}, at least {self.at_least} so far"


class Rule(Section):
    """When all conditions hold, do this. Of several rules the first that holds decides.

    `levels` counts steps (escalate, reduce). A hold stops the drug until the toxicities that it names are over and then
    resumes at `same`, `lower` (one level) or a dose of the ladder. `at_lowest` says what a reduction does at the lowest
    level, `source` where the rule is from if it is not the protocol.
    """

    when: list[Condition]
    do: Literal["escalate", "keep", "reduce", "hold", "stop"]
    levels: int = Field(default=1, ge=1, le=1000)
    at: Literal["visit", "onset"] = "visit"
    resume: str = "same"
    at_lowest: Literal["stay", "stop"] = "stay"
    source: str = "protocol"

    @field_validator("when", mode="before")
    @classmethod
    def _list(cls, data: Any) -> Any:
        return data if isinstance(data, list) else [data]

    @field_validator("resume", mode="before")
    @classmethod
    def _dose_or_word(cls, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise mistake("this is no place to resume at", '"same", "lower", or a dose of the ladder')
        if data not in ("same", "lower"):
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
        if self.do == "hold" and all(condition.toxicity is None for condition in self.when):
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
        return written

    def __str__(self) -> str:
        action = {
            "escalate": f"escalate {self.levels} level{'s' if self.levels > 1 else ''}",
            "reduce": f"reduce {self.levels} level{'s' if self.levels > 1 else ''}",
            "hold": f"hold, resume {self.resume}",
        }.get(self.do, self.do)
        if self.at_lowest == "stop":
            action += " (at the lowest: stop)"
        at = " at onset" if self.at == "onset" else ""
        return f"{' and '.join(str(condition) for condition in self.when)}{at} → {action}"


class Treatment(Section):
    """The drug, its ladder of exact doses (mg/day, rising), the days between titration visits, and the rules."""

    drug: str = "the drug"
    levels: list[Dose]
    every: Interval
    rules: list[Rule]

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
            meant = f"[{', '.join(f'{dose:g}' for dose in rising)}]" if len(rising) > 1 else ""
            raise mistake("doses must rise from level to level", "strictly increasing, mg/day, above 0", meant)
        if len(doses) > 1000:
            raise mistake("the ladder has too many levels", "at most 1000 levels")
        return data

    @model_validator(mode="after")
    def _has_no_dead_level(self) -> Self:
        doses = [dose.value for dose in self.levels]
        for rule in self.rules:
            if rule.resume not in ("same", "lower") and Dose.number(rule.resume) not in doses:
                raise mistake(f"a hold resumes at {rule.resume}, which is no level", f"one of {doses}")
        return self


def _stepped(data: Mapping[str, Any]) -> list[float]:
    """start/step/maximum to levels; the last step is cut by the maximum."""
    if set(data) != {"start", "step", "maximum"}:
        raise mistake("a stepped ladder has three keys", "{start: 100 mg/day, step: 200 mg/day, maximum: 800 mg/day}")
    start, step, maximum = (Dose.number(data[key]) for key in ("start", "step", "maximum"))
    if maximum < start:
        raise mistake("the maximum lies below the start", f"maximum of at least {start:g} mg/day")
    if step * 1000.0 < maximum - start:
        raise mistake("the ladder has too many levels", "at most 1000 levels")
    n_steps = math.ceil((maximum - start) / step)
    return [min(start + i * step, maximum) for i in range(n_steps + 1)]
