"""A published cohort: its facts, its statistics, and the interpretations of what is ambiguous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Measurement
from trialsim.config.schema.written_values import mistake


class Fact(Section):
    """Something the publication says that is not compared with the simulation: a value, its unit in the text."""

    value: str | int | dict[str, int]
    source: str
    note: str = ""


class RoundedMedian(NamedTuple):
    """A published median and the unit to whose multiples it is rounded, as numbers in the unit of the median."""

    value: float
    rounded_to: float


class PublishedStatistic(Section):
    """A published statistic: `count` of `of` (proportion, count), or a `value` rounded to the nearest `rounded_to`.

    `endpoint` names what the simulation is to measure for it (by default the statistic's own name).
    """

    kind: Literal["proportion", "count", "median"]
    printed: str
    source: str
    count: int | None = Field(default=None, ge=0)
    of: int | None = Field(default=None, ge=1)
    value: Measurement | None = None
    rounded_to: Measurement | None = None
    endpoint: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "median":
            if self.value is None or self.rounded_to is None or self.rounded_to.value <= 0:
                raise mistake(
                    "a median needs its value and its rounding", "{value: 400 mg/day, rounded_to: 100 mg/day}"
                )
            if self.value.unit != self.rounded_to.unit:
                raise mistake("value and rounding have different units", f"rounded_to in {self.value.unit}")
        elif self.count is None or self.of is None:
            problem = f"{self.printed} of how many? a {self.kind} needs its count and its denominator"
            raise mistake(problem, "both, such as {count: 11, of: 27}")
        elif self.count > self.of:
            raise mistake(f"{self.count} of {self.of} is more than all", f"a count from 0 to {self.of}")
        return self

    @property
    def rounded_median(self) -> RoundedMedian | None:
        """The median and its rounding; None for a statistic of another kind."""
        if self.kind != "median" or self.value is None or self.rounded_to is None:
            return None
        return RoundedMedian(self.value.value, self.rounded_to.value)

    @property
    def published(self) -> float:
        """The statistic as a number: a share, a count, or a median in its own unit."""
        if self.kind == "median":
            return self.value.value if self.value is not None else float("nan")
        count, of = self.count or 0, self.of or 1
        return float(count) if self.kind == "count" else count / of

    @property
    def unit(self) -> str:
        """The unit of `published`; empty for a share."""
        if self.kind == "median" and self.value is not None:
            return self.value.unit
        return "patients" if self.kind == "count" else ""

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}


class Interpretation(Section):
    """One interpretation of an ambiguity: other numbers for statistics, or `changes` to the scenario (dotted keys).

    All interpretations of an ambiguity change the same keys, so that one can be switched to another and back.
    """

    meaning: str
    statistics: dict[str, dict[str, Any]] = Field(default_factory=dict)
    changes: dict[str, Any] = Field(default_factory=dict)


class Ambiguity(Section):
    """A question that the publication leaves open, its possible interpretations, and the one taken by default."""

    question: str
    default: str
    interpretations: dict[str, Interpretation]

    @model_validator(mode="after")
    def _has_default(self) -> Self:
        if self.default not in self.interpretations:
            raise mistake("the default is not one of the interpretations", f"one of {', '.join(self.interpretations)}")
        keys = {tuple(sorted(interpretation.changes)) for interpretation in self.interpretations.values()}
        if len(keys) > 1:
            raise mistake(
                "the interpretations change different keys", "the same keys in `changes` of every interpretation"
            )
        return self


class Cohort(Section):
    """A published cohort as a whole.

    Attributes
    ----------
    format
        The version of the file format.
    name, title, citation
        What it is called, and the publication.
    scenario
        The name of the scenario that is the published trial, or None.
    facts
        What the publication says that is not compared with the simulation, by name, each with its source.
    statistics
        The published statistics by name, each with its source.
    ambiguities
        What the publication leaves open, by name, with its interpretations.
    """

    format: Literal[1] = 1
    name: str
    title: str
    citation: str
    scenario: str | None = None
    facts: dict[str, Fact] = Field(default_factory=dict)
    statistics: dict[str, PublishedStatistic]
    ambiguities: dict[str, Ambiguity] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _interpretations_fit(self) -> Self:
        for name, ambiguity in self.ambiguities.items():
            for interpretation in ambiguity.interpretations.values():
                unknown = set(interpretation.statistics) - set(self.statistics)
                if unknown:
                    problem = f"{name}: {min(unknown)} is not one of the statistics"
                    raise mistake(problem, f"one of {', '.join(self.statistics)}")
                for quantity, changed in interpretation.statistics.items():
                    changed_statistic(self.statistics[quantity], changed)
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}

    def chosen(self, interpretations: Mapping[str, str]) -> dict[str, str]:
        """Every ambiguity with the interpretation taken: the one asked for, or the default.

        Parameters
        ----------
        interpretations
            Names of interpretations by ambiguity; those left out take the default.

        Returns
        -------
        dict of str to str
            The name of the interpretation of every ambiguity, in the order of the file.
        """
        return {name: interpretations.get(name, ambiguity.default) for name, ambiguity in self.ambiguities.items()}

    def statistics_under(self, interpretations: Mapping[str, str]) -> dict[str, PublishedStatistic]:
        """The statistics as they read under the chosen interpretations.

        Parameters
        ----------
        interpretations
            Names of interpretations by ambiguity; those left out take the default.

        Returns
        -------
        dict of str to PublishedStatistic
            The statistics by name, in the order of the file.

        Raises
        ------
        KeyError
            For an interpretation that the cohort does not have.
        """
        statistics = dict(self.statistics)
        for name, choice in self.chosen(interpretations).items():
            for quantity, changed in self.ambiguities[name].interpretations[choice].statistics.items():
                statistics[quantity] = changed_statistic(statistics[quantity], changed)
        return statistics


def changed_statistic(statistic: PublishedStatistic, changed: Mapping[str, Any]) -> PublishedStatistic:
    """A statistic with some of its keys replaced."""
    return PublishedStatistic.model_validate({**statistic.model_dump(), **changed})
