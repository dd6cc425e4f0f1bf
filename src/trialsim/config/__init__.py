"""YAML in, frozen scenarios and cohorts out. The only folder that knows pydantic and yaml."""

from trialsim.config.describe.differences import Difference, differences, differences_from_published
from trialsim.config.describe.sources import describe_sources
from trialsim.config.loading.changes import Settings
from trialsim.config.loading.scenarios import (
    Scenario,
    load_cohort,
    load_parameters,
    load_published_trial,
    load_scenario,
    scenario_from_mapping,
    warnings_of,
)
from trialsim.config.schema.cohort import Cohort
from trialsim.config.schema.parameters import ParameterSet
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.config.source.builtin import builtin_names, kind_of
from trialsim.config.source.yaml import parse_value
from trialsim.config.to_protocol.protocol import protocol_of

__all__ = [
    "Cohort",
    "Difference",
    "ParameterSet",
    "PublishedStatistic",
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
