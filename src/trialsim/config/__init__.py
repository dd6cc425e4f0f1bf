"""YAML in, frozen scenarios and cohorts out. The only folder that knows pydantic and yaml."""

from trialsim.config.builtin import builtin_names, kind_of
from trialsim.config.changes import Settings
from trialsim.config.cohort import Cohort, Figure
from trialsim.config.differences import Difference, differences, differences_from_published
from trialsim.config.loading import (
    load_cohort,
    load_parameters,
    load_published_trial,
    load_scenario,
    scenario_from_mapping,
    warnings_of,
)
from trialsim.config.parameters import ParameterSet
from trialsim.config.protocol import protocol_of
from trialsim.config.scenario import Scenario
from trialsim.config.sources import describe_sources
from trialsim.config.yaml_lines import parse_value

__all__ = [
    "Cohort",
    "Difference",
    "Figure",
    "ParameterSet",
    "Scenario",
    "Settings",
    "builtin_names",
    "describe_sources",
    "differences",
    "differences_from_published",
    "kind_of",
    "load_cohort",
    "load_parameters",
    "load_published_trial",
    "load_scenario",
    "parse_value",
    "protocol_of",
    "scenario_from_mapping",
    "warnings_of",
]
