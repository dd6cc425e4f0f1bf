"""Designs that are asked about without a scenario: their numbers as a study, checked as a file with them would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trialsim.config.checks.size_study import size_study_findings
from trialsim.config.schema.designs import OF_TIMES
from trialsim.config.schema.quantities import Observation
from trialsim.config.schema.size_study import SizeStudy
from trialsim.config.schema.validation import validated
from trialsim.config.source.problems import problem_at
from trialsim.errors import ConfigurationError
from trialsim.model.units import DAYS_PER_MONTH

SCENARIO: Final = "followup"  # under which such a study is conducted, if it is
RESPONSE: Final = "partial response"
TOXICITY: Final = "any severe toxicity"
EVENT: Final = "progression-free"
WINDOW: Final = "6 months"


def plain_study(design: str, keys: Mapping[str, Any], title: str, endpoint: str = "") -> SizeStudy:
    """A study of a design with some keys; those without a value are left out.

    The scenario and the endpoint are those of the shipped studies: nothing of them is used before it is conducted.
    Raises `ConfigurationError` with every problem.
    """
    data = {
        "study": "size",
        "title": title,
        "scenario": SCENARIO,
        "endpoint": {"of": EVENT} if design in OF_TIMES else {"of": endpoint or RESPONSE, "within": WINDOW},
        "design": design,
        **{key: value for key, value in keys.items() if value is not None and value != {}},
    }
    study = validated(SizeStudy, data, {})
    mistakes = [problem_at({}, tuple(key.split(".")), "", *why) for key, *why in size_study_findings(study)]
    if mistakes:
        raise ConfigurationError(mistakes)
    return study


def months_of(name: str, given: float | str, *, may_be_none: bool = False) -> float:
    """A time in months: a number of months, or a text with its unit. Raises `ConfigurationError`.

    A time of 0 is one only where it `may_be_none`.
    """
    if may_be_none and isinstance(given, int | float) and given == 0:
        return 0.0
    written = given if isinstance(given, str) and not _is_number(given) else f"{given} months"
    try:
        return Observation.model_validate({"value": written}).value / DAYS_PER_MONTH
    except ValueError as error:
        wrong = "this is not a time that can be used here"
        allowed = "months, such as 12, or a text with a unit, such as `52 weeks`"
        raise ConfigurationError([problem_at({}, (name,), given, wrong, allowed)]) from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_written(study: SizeStudy) -> dict[str, Any]:
    """A study as plain data that can be read again, without what it has by default."""
    data: dict[str, Any] = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if study.plain_key is not None and not any(study.variants.values()):
        data.pop("variants", None)  # their names are those of the plain numbers
    return data
