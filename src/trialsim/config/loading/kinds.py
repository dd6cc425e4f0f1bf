"""What a caller gives, of whatever form: which kind of configuration it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialsim.config.loading.scenarios import Scenario
from trialsim.config.schema.cohort import Cohort
from trialsim.config.schema.parameters import ParameterSet
from trialsim.config.source.builtin import KINDS, STUDIES, kind_of, kind_of_data
from trialsim.config.source.given import refuse_type

if TYPE_CHECKING:
    from trialsim.config.loading.calibration_studies import JointStudy
    from trialsim.config.loading.comparisons import Comparison
    from trialsim.config.loading.size_studies import Sizing

    ConfigurationLike = (
        Scenario | Cohort | ParameterSet | Comparison | Sizing | JointStudy | Mapping[str, Any] | str | Path
    )


def kind_of_given(given: ConfigurationLike) -> str:
    """What a path, a built-in name, a mapping or an object holds, one of `builtin.KINDS`.

    Raises `ConfigurationError` for anything else.
    """
    if isinstance(given, str | Path):
        return kind_of(str(given))
    if isinstance(given, Mapping):
        holds = kind_of_data(given)
        return "studies" if holds in STUDIES else holds
    if isinstance(given, Scenario | Cohort | ParameterSet):
        names = {Scenario: "scenarios", Cohort: "cohorts", ParameterSet: "parameters"}
        return next(name for of_type, name in names.items() if isinstance(given, of_type))
    from trialsim.config.loading.calibration_studies import JointStudy
    from trialsim.config.loading.comparisons import Comparison
    from trialsim.config.loading.size_studies import Sizing

    if isinstance(given, Comparison | Sizing | JointStudy):
        return "studies"
    raise refuse_type(given, f"one of {', '.join(KINDS)}")
