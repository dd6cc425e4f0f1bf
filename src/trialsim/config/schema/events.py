"""The event clocks of a scenario: toxicities, response steps, relapse, progression, death, withdrawal."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.effects import HazardEffect
from trialsim.config.schema.json_forms import JsonSchema
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import (
    Dose,
    DoseExponent,
    Duration,
    Observation,
    PieceRatio,
    Probability,
    Rate,
    Shape,
)
from trialsim.config.schema.written_values import mistake
from trialsim.model import disease

KINDS: Final = tuple(kind for kind in disease.KIND_NAMES if kind != "response")  # and each category of response
NEEDS_FLOOR: Final = "with a negative exponent the hazard would be infinite without the drug"
FLOOR_EXAMPLE: Final = "`dose_floor: 100 mg/day`: a lower dose acts as this one"
PART_EXAMPLE: Final = "{kind: toxicity, part_of: constipation, share: 30 %, grade: III}, and no rate"
MAX_PIECES: Final = 12
ONCE_ONLY: Final = ("relapse", "progression")
DURING: Final = {
    "death": ("any time", "before progression", "after progression", "treatment"),
    "withdrawal": ("any time", "before progression", "after progression", "treatment"),
    "relapse": ("response", "before progression"),
    "progression": ("stable", "before progression"),
}


class Resolution(Section):
    """How a toxicity ends: a clock that starts at its onset, whatever the dose."""

    rate: Rate
    """The rate at which the toxicity ends."""
    shape: Shape = Field(default_factory=lambda: Shape.of(1))
    """The Weibull shape; 1 for a constant rate."""


class Piece(Section):
    """From so long after its clock started a hazard is multiplied by a ratio, until the next piece begins."""

    after: Observation
    """The time after the start of the clock at which the piece begins."""
    ratio: PieceRatio
    """The factor on the hazard; 0 for none while the piece lasts."""


class Event(Section):
    """One event clock. The defaults give a constant hazard without dose effect.

    A clock that is driven by exposure ages by (dose / reference dose)^dose_exponent a day, and not at all without the
    drug. A toxicity that is part of another has no clock of its own; parts of one toxicity are nested, the smaller
    share within the larger.
    """

    kind: str = Field(json_schema_extra={"examples": list(KINDS)})
    """toxicity, relapse, progression, death, withdrawal, discontinuation, or a category of response."""
    rate: Rate
    """The hazard per month at the reference dose, such as 0.05 /month."""
    shape: Shape = Field(default_factory=lambda: Shape.of(1))
    """The Weibull shape; 1 for a constant hazard."""
    delay: Duration = Field(default_factory=lambda: Duration.of("0 days"))
    """The clock starts so long after it could first run."""
    dose_exponent: DoseExponent = Field(default_factory=lambda: DoseExponent.of(0))
    """The hazard goes with (dose / reference dose) to this power; 0 for no effect of the dose."""
    dose_floor: Dose | None = None
    """A lower dose, such as 0 while the drug is held or after it, acts as this one."""
    piecewise: list[Piece] = Field(default_factory=list, max_length=MAX_PIECES)
    """The hazard changes at these times after the start of the clock."""
    driven_by: Literal["time", "exposure"] = "time"
    """Whether the clock ages with time, or with the dose that is taken."""
    effects: dict[str, HazardEffect] = Field(default_factory=dict)
    """The effects of baseline covariates on the hazard, by covariate."""
    frailty: str | None = None
    """The name of the frailty that multiplies the hazard."""
    part_of: str | None = None
    """The toxicity of which this one is a grade."""
    share: Probability | None = None
    """The share of the onsets of that toxicity that are of this grade or a higher one."""
    grade: str | None = None
    """The grade of the toxicity, as it is printed."""
    severe: bool | None = None
    """Whether rules on severe toxicity see it; true unless given."""
    dose_limiting: bool | None = None
    """Whether it counts against `tolerated`; true unless given."""
    reported: bool | None = None
    """Whether it stands in the table of results; true unless given."""
    resolves: Resolution | None = None
    """How the toxicity ends; without it, it stays."""
    recurs: bool | None = None
    """Whether it may come again once it has resolved."""
    during: Literal["any time", "before progression", "after progression", "treatment", "stable", "response"] | None = (
        None
    )
    """In which states it runs; by default any time (death, withdrawal), response (relapse) or stable (progression)."""

    @classmethod
    def needed_keys(cls) -> JsonSchema:
        """A part of a toxicity has no rate of its own."""
        return {"required": ["kind"], "anyOf": [{"required": ["rate"]}, {"required": ["part_of"]}]}

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_its_kind(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = cls.without_nulls(data)
        kind = data.get("kind")
        defaults: dict[str, Any] = {}
        if kind == "toxicity" and "part_of" in data:
            defaults = {"severe": True, "dose_limiting": True, "reported": True, "rate": "0 /month"}
        elif kind == "toxicity":
            defaults = {"severe": True, "dose_limiting": True, "reported": True, "recurs": False}
        elif kind in ("death", "withdrawal"):
            defaults = {"during": "any time"}
        return {**defaults, **data} if defaults else data

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind in KINDS and (problem := self.misplaced):
            raise mistake(*problem)
        if self.recurs and self.resolves is None:
            raise mistake("what never resolves cannot recur", "`resolves: {rate: …}` beside `recurs: true`")
        if (self.part_of is None) != (self.share is None):
            raise mistake("a part of a toxicity needs what it is part of and its share", PART_EXAMPLE)
        if self.part_of is not None and self._has_clock:
            raise mistake("a part of a toxicity has no clock of its own", PART_EXAMPLE)
        if any(piece.after.calibrated or piece.ratio.calibrated for piece in self.piecewise):
            raise mistake(
                "the pieces of a hazard are given, not calibrated", "numbers, such as {after: 3 months, ratio: 0.5}"
            )
        if any(a.after.value >= b.after.value for a, b in itertools.pairwise(self.piecewise)):
            raise mistake("the pieces of a hazard follow each other", "rising times, each `after` the one before")
        if self.driven_by == "exposure" and self.piecewise:
            raise mistake(
                "a clock that exposure drives has no time of its own", "`piecewise`, or `driven_by: exposure`"
            )
        if self.driven_by == "exposure" and self.dose_floor is not None:
            raise mistake("without the drug there is no exposure", "`driven_by: exposure`, or `dose_floor`")
        if self.dose_exponent.value < 0.0 and self.dose_floor is None:
            raise mistake(NEEDS_FLOOR, FLOOR_EXAMPLE)
        return self

    @property
    def misplaced(self) -> tuple[str, str] | None:
        """A key that this kind of event does not have: what is wrong, and what is allowed; None where there is none."""
        toxic = ("grade", "severe", "dose_limiting", "reported", "resolves", "recurs", "part_of", "share")
        given = [key for key in toxic if getattr(self, key) is not None]
        if self.kind != "toxicity" and given:
            return f"`{given[0]}` belongs to a toxicity", f"no `{given[0]}` for {self.kind}"
        if self.during is not None and self.during not in DURING.get(self.kind, ()):
            allowed = " or ".join(f"`{item}`" for item in DURING.get(self.kind, ()))
            return f"this is no `during` of {self.kind}", allowed or f"no `during` for {self.kind}"
        return None

    @property
    def is_response(self) -> bool:
        """Whether it is a step to a category of response."""
        return self.kind not in KINDS

    @property
    def _has_clock(self) -> bool:
        """Whether anything is said of a clock."""
        is_neutral = self.rate.value == self.delay.value == self.dose_exponent.value == 0.0 and self.shape.value == 1.0
        others = (
            self.effects,
            self.frailty,
            self.resolves,
            self.recurs,
            self.dose_floor,
            self.driven_by != "time",
            self.piecewise,
        )
        return not is_neutral or any(item for item in others)

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None and value != []}
