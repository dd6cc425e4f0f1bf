"""What `check` says of a configuration: a scenario, study, cohort or parameter set in plain language.

Each kind imports what it needs when it is described: a scenario needs neither pandas nor scipy, a study of size both.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trialsim.config import ParameterSet, load_parameters, load_scenario, protocol_of, warnings_of
from trialsim.config.loading.kinds import kind_of_given
from trialsim.config.loading.scenarios import scenario_places
from trialsim.endpoints.published_checks import check_cohort
from trialsim.errors import ConfigurationError, Problem, RequestError
from trialsim.report.run.synopsis import synopsis

if TYPE_CHECKING:
    from trialsim.config.loading.calibration_studies import JointStudy
    from trialsim.config.loading.comparisons import Comparison
    from trialsim.config.loading.kinds import ConfigurationLike
    from trialsim.config.loading.size_studies import Sizing


def describe(given: ConfigurationLike, changes: Mapping[str, Any], width: int = 100) -> str:
    """The synopsis of a scenario or study, or the contents of a cohort or parameter set, as `kind_of_given` takes it.

    Raises `ConfigurationError`.
    """
    return wrapped(_description(given, changes), width)


def _description(given: ConfigurationLike, changes: Mapping[str, Any]) -> str:
    kind = kind_of_given(given)
    if kind == "cohorts":
        from trialsim.report.run.cohort_synopsis import checked_cohort

        return "\n".join(checked_cohort(given))  # type: ignore[arg-type]
    if kind == "parameters":
        return "\n".join(_parameter_set(load_parameters(given)))  # type: ignore[arg-type]
    if kind == "studies":
        return "\n".join(_any_study(given, changes))
    scenario = load_scenario(given, changes)  # type: ignore[arg-type]
    if scenario.cohort is not None:
        places = scenario_places(given, changes)  # type: ignore[arg-type]
        check_cohort(scenario.cohort, protocol_of(scenario), places, ("cohort",))
    warnings = warnings_of(given, changes)  # type: ignore[arg-type]
    return "\n\n".join([synopsis(scenario), "\n".join(_warnings(warnings))]).rstrip()


def _any_study(given: Any, changes: Mapping[str, Any]) -> Iterator[str]:
    """The synopsis of a study, once what `calibrate`, `compare` or `size` would refuse is refused."""
    from trialsim.config.loading.calibration_studies import is_joint_study, load_joint_study
    from trialsim.config.loading.comparisons import refuse_changes
    from trialsim.config.loading.size_studies import Sizing, load_study

    if is_joint_study(given):
        refuse_changes(changes)
        yield from _joint_study(load_joint_study(given))
        return
    study = load_study(given, changes)
    yield from (_sizing(study) if isinstance(study, Sizing) else _comparison(study))


def _sizing(study: Sizing) -> Iterator[str]:
    from trialsim.config.loading.size_studies import located
    from trialsim.design.draft import check_study
    from trialsim.report.design.synopsis import size_synopsis

    try:
        check_study(study)
    except RequestError as error:
        raise located(error, study) from None
    yield from size_synopsis(study)


def _comparison(study: Comparison) -> Iterator[str]:
    from trialsim.comparison.checks import check_comparison
    from trialsim.report.comparison.synopsis import study_synopsis

    check_comparison(study)
    yield from study_synopsis(study)


def _joint_study(joint: JointStudy) -> Iterator[str]:
    """The synopsis of a study of several cohorts, once statistics that no calibration can have are refused."""
    from trialsim.calibration.published_terms import published_terms
    from trialsim.calibration.targets import TargetError
    from trialsim.report.calibration.synopsis import joint_study_synopsis

    problems = []
    for name, scenario in joint.scenarios.items():
        try:
            published_terms(scenario)
        except TargetError as error:
            problems += error.at({(): f"cohort {name}"}).problems
    if problems:
        raise ConfigurationError(problems)
    yield from joint_study_synopsis(joint)


def _parameter_set(parameters: ParameterSet) -> Iterator[str]:
    yield parameters.title
    for name, parameter in parameters.parameters.items():
        prior = parameter.prior
        shape = f"{prior.distribution} {prior.median}, sd {prior.sd:g}" if prior.sd else prior.distribution
        yield f"  {name}: {parameter.mode} ({parameter.source}); prior {shape}; informed by {parameter.informed_by}"


def _warnings(problems: list[Problem]) -> Iterator[str]:
    """What is allowed but cannot be meant, with file and line."""
    if problems:
        yield "WARNINGS"
    for problem in problems:
        yield "  " + str(problem).replace("\n", "\n  ")


def wrapped(text: str, width: int) -> str:
    """Long lines broken, their continuation indented."""
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4 if line.startswith(" ") else 0)
        lines.append(textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False) if line else "")
    return "\n".join(lines)
