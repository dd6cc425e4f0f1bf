"""When a dose rule holds: conditions as a user writes them, in words or as mappings, and groups of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, field_validator, model_serializer, model_validator

from trialsim.config.schema.json_forms import TEXT, AlsoAccepts, JsonSchema
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Dose, Duration
from trialsim.config.schema.written_values import mistake

WORDS: Final[dict[str, dict[str, Any]]] = {
    "always": {"holds": "always"},
    "tolerated": {"holds": "tolerated"},
    "at maximum": {"holds": "at maximum"},
    "reduced before": {"holds": "reduced before"},
    "toxicity": {"toxicity": "any"},
    "severe toxicity": {"toxicity": "severe"},
}

Names = Annotated[list[str], Field(json_schema_extra={"minItems": 1}), AlsoAccepts(TEXT)]
_ABOUT: Final = (
    "holds", "toxicity", "free_of", "response", "level", "study_day", "stable_for", "unchanged_for", "all_of",
    "any_of", "not_",
)  # fmt: skip


class Condition(Section):
    """One condition, or a group of them. Exactly one of the keys that say what it is about is given."""

    holds: Literal["always", "tolerated", "at maximum", "reduced before"] | None = None
    """A condition in a word."""
    toxicity: Names | None = None
    """`any`, `severe`, the name of a toxicity, or several names."""
    grade: str | None = None
    """Only toxicities of this grade, as the scenario writes it."""
    timing: Literal["new or ongoing", "new", "ongoing", "ever"] | None = None
    """How recent the toxicity must be."""
    within: Duration | None = None
    """The last onset was less than so long ago."""
    at_least: int = Field(default=1, ge=1, le=1_000_000)
    """The number of onsets so far."""
    free_of: Names | None = None
    """None of these toxicities is ongoing, nor was within the last `days`."""
    days: Duration | None = None
    """How long the patient has been free of them."""
    response: str | None = None
    """This category of response, or a better one, was seen at an assessment."""
    level: Dose | None = None
    """The level is this dose of the ladder or a higher one."""
    study_day: Duration | None = None
    """This study day or later."""
    stable_for: Duration | None = None
    """No better response was seen for so long, from the first dose or from the last one seen."""
    unchanged_for: Duration | None = None
    """The dose has not changed for so long."""
    all_of: Annotated[list[Condition], Field(json_schema_extra={"minItems": 1})] | None = None
    """Conditions that must all hold."""
    any_of: Annotated[list[Condition], Field(json_schema_extra={"minItems": 1})] | None = None
    """Conditions of which one must hold."""
    not_: Condition | None = Field(default=None, alias="not")
    """A condition that must not hold."""

    exclusive: ClassVar = (tuple(key.rstrip("_") for key in _ABOUT), ("timing", "within"))

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """Words, the name of a toxicity, or a category of response."""
        return ({**TEXT, "examples": list(WORDS)},)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = WORDS.get(data.strip(), {"toxicity": data.strip()})
        if isinstance(data, Mapping):
            for key in ("toxicity", "free_of"):
                if isinstance(data.get(key), str):
                    data = {**data, key: [data[key]]}
            if "grade" in data and "toxicity" not in data and "free_of" not in data:
                data = {"toxicity": ["any"], **data}
        return data

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [key for key in _ABOUT if getattr(self, key) is not None]
        if len(given) != 1:
            raise mistake(
                "a condition says one thing", f"exactly one of {', '.join(key.rstrip('_') for key in _ABOUT)}"
            )
        if any(item is not None and not item for item in (self.toxicity, self.free_of, self.all_of, self.any_of)):
            raise mistake(f"`{given[0]}` is empty", "at least one name or condition")
        if self.toxicity is None and (self.timing is not None or self.within is not None or self.at_least != 1):
            raise mistake("`timing`, `within` and `at_least` belong to a toxicity", "{toxicity: any, timing: ever}")
        if self.timing is not None and self.within is not None:
            raise mistake("`within` is a timing of its own", "one of `timing` and `within`")
        if self.grade is not None and self.toxicity is None and self.free_of is None:
            raise mistake("`grade` belongs to a toxicity", '{toxicity: any, grade: "> II"}')
        if (self.days is not None) != (self.free_of is not None):
            raise mistake("`free_of` and `days` go together", "{free_of: any, days: 28 days}")
        return self

    @field_validator("holds", mode="before")
    @classmethod
    def _known_word(cls, data: Any) -> Any:
        return data.strip() if isinstance(data, str) else data

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = {key: value for key, value in handler(self).items() if value is not None}
        if "not_" in written:
            written["not"] = written.pop("not_")
        if self.at_least == 1:
            written.pop("at_least", None)
        if self.response is not None:
            written["response"] = self.response.removesuffix(" response")
        return written

    @property
    def parts(self) -> list[Condition]:
        """The conditions of a group; none for a single one."""
        return self.all_of or self.any_of or ([self.not_] if self.not_ is not None else [])

    def leaves(self, *, negated: bool = True) -> Iterator[Condition]:
        """The conditions in it that have no parts; without what stands under a `not` if so asked for."""
        if self.not_ is not None and not negated:
            return
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves(negated=negated)

    def __str__(self) -> str:
        if self.parts:
            return self._group()
        if self.toxicity is not None:
            return self._toxicity(self.toxicity)
        if self.free_of is not None and self.days is not None:
            return f"free of {_named(self.free_of, self.grade)} for {self.days.text}"
        if self.response is not None:
            return self.response
        if self.level is not None:
            return f"at {self.level} or above"
        timed = {
            "after {} on study": self.study_day,
            "no better response for {}": self.stable_for,
            "dose unchanged for {}": self.unchanged_for,
        }
        return next((text.format(item.text) for text, item in timed.items() if item is not None), str(self.holds))

    def _toxicity(self, names: list[str]) -> str:
        words = _named(names, self.grade)
        if self.within is not None:
            words += f" (within {self.within.text})"
        elif self.timing not in (None, "new or ongoing"):
            words += f" ({self.timing})"
        return words if self.at_least == 1 else f"{words}, at least {self.at_least} so far"

    def _group(self) -> str:
        if self.not_ is not None:
            return f"not {self.not_}" if not self.not_.parts else f"not ({self.not_})"
        joined = " and " if self.all_of else " or "
        return joined.join(f"({part})" if part.parts and part.not_ is None else str(part) for part in self.parts)


def _named(names: list[str], grade: str | None) -> str:
    words = {"any": "toxicity", "severe": "severe toxicity"}
    text = "/".join(words.get(name, name) for name in names)
    return f"{text} of grade {grade}" if grade is not None else text
