"""A published cohort: its facts, its statistics, and the interpretations of what is ambiguous."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.json_forms import by_name, changes_form, reference
from trialsim.config.schema.population import Section
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.config.schema.written_values import mistake

_UNPUBLISHED: Final = re.compile(
    r"(none|(not( yet)?|never)[ -]published( yet)?|unpublished)( data)?\.?\Z", re.IGNORECASE
)


class Fact(Section):
    """Something the publication says that is not compared with the simulation: a value, its unit in the text."""

    value: str | int | dict[str, int]
    """A text, a number, or counts by name."""
    source: str
    """Where it is said."""
    note: str = ""
    """Anything else."""


class Interpretation(Section):
    """One interpretation of an ambiguity: other numbers for statistics, or `changes` to the scenario (dotted keys).

    All interpretations of an ambiguity change the same keys, so that one can be switched to another and back.
    """

    meaning: str
    """What the interpretation says."""
    statistics: Annotated[dict[str, dict[str, Any]], by_name(reference("PublishedStatistic"))] = Field(
        default_factory=dict
    )
    """Other keys for some of the statistics, by name; null takes a key away."""
    changes: Annotated[dict[str, Any], changes_form()] = Field(default_factory=dict)
    """Changes to the scenario by dotted key, the same keys in every interpretation."""


class Ambiguity(Section):
    """A question that the publication leaves open, its possible interpretations, and the one taken by default."""

    question: str
    """What the publication leaves open."""
    default: str
    """The interpretation that is taken unless another is chosen."""
    interpretations: dict[str, Interpretation]
    """The possible interpretations, by name."""

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
    """A published cohort: its facts, its statistics, and what the publication leaves open."""

    format: Literal[1] = 1
    """The version of this kind of file."""
    name: str
    """A short name."""
    title: str
    """What was studied, in a line."""
    citation: str
    """Where it was published."""
    scenario: str | None = None
    """The scenario that is the published trial: a path from this file, or a name."""
    facts: dict[str, Fact] = Field(default_factory=dict)
    """What is said and is not compared with simulated trials, by name."""
    statistics: dict[str, PublishedStatistic]
    """The published statistics, by name."""
    ambiguities: dict[str, Ambiguity] = Field(default_factory=dict)
    """What the publication leaves open, by name."""

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

    @property
    def is_published(self) -> bool:
        """Whether the citation names a publication, and is not empty or says that there is none."""
        return bool(self.citation.strip()) and not _UNPUBLISHED.match(self.citation.strip())

    @property
    def reference(self) -> str:
        """What the cohort is called in reports: its citation, or its title where it is not published."""
        return self.citation.strip() if self.is_published else self.title.strip()

    @property
    def dose_days(self) -> tuple[float, ...]:
        """The study days by which amounts are published, under any interpretation, in rising order."""
        readings = [*self.statistics.values()]
        for ambiguity in self.ambiguities.values():
            for interpretation in ambiguity.interpretations.values():
                changed = interpretation.statistics
                readings += [changed_statistic(self.statistics[name], keys) for name, keys in changed.items()]
        return tuple(sorted({item.by.value for item in readings if item.by is not None and item.is_of_amounts}))

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
            The statistics that are compared, by name, in the order of the file.

        Raises
        ------
        KeyError
            For an interpretation that the cohort does not have.
        """
        statistics = dict(self.statistics)
        for name, choice in self.chosen(interpretations).items():
            for quantity, changed in self.ambiguities[name].interpretations[choice].statistics.items():
                statistics[quantity] = changed_statistic(statistics[quantity], changed)
        return {quantity: statistic for quantity, statistic in statistics.items() if statistic.compared}


def changed_statistic(statistic: PublishedStatistic, changed: Mapping[str, Any]) -> PublishedStatistic:
    """A statistic with some of its keys replaced."""
    return PublishedStatistic.model_validate({**statistic.model_dump(), **changed})
