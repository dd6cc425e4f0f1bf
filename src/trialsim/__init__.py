"""trialsim: discrete-event simulation of a small salvage trial, and what it teaches the next one.

    import trialsim as ts
    scenario = ts.load_scenario("tosi2000")
    result = ts.run(scenario.with_changes({"treatment.every": "28 days"}), replicates=1000, seed=1)
    result.estimates        # DataFrame: quantity, published, value, mcse, lower, upper, …

The public names stand in the order in which data flows. Each is imported when it is first used, so that
`trialsim --help` need not wait for pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trialsim import design
    from trialsim.config import Cohort, Scenario, builtin_names, load_cohort, load_scenario
    from trialsim.config.loading.size_studies import load_sizing, load_study
    from trialsim.errors import (
        ConfigurationError,
        DestinationError,
        DisagreementError,
        HazardError,
        InputError,
        Interrupted,
        RequestError,
        TrialsimError,
    )
    from trialsim.simulation import replicates_for
    from trialsim.workflows.analyse import Analysis, analyse
    from trialsim.workflows.calibrate import Calibrated, calibrate
    from trialsim.workflows.calibrate_study import CalibratedStudy, calibrate_study
    from trialsim.workflows.check import check
    from trialsim.workflows.compare import Compared, compare
    from trialsim.workflows.designs.trial_design import TrialDesign
    from trialsim.workflows.init import init
    from trialsim.workflows.monitor import Monitoring, monitor
    from trialsim.workflows.run import run
    from trialsim.workflows.run_again import run_again
    from trialsim.workflows.run_result import Result
    from trialsim.workflows.schema import schema
    from trialsim.workflows.size import Sized, size
    from trialsim.workflows.trace import trace

    __version__: str

_HOMES: Final = {
    "builtin_names": "config",
    "load_scenario": "config",
    "load_cohort": "config",
    "Scenario": "config",
    "Cohort": "config",
    "init": "workflows.init",
    "check": "workflows.check",
    "run": "workflows.run",
    "run_again": "workflows.run_again",
    "trace": "workflows.trace",
    "calibrate": "workflows.calibrate",
    "Calibrated": "workflows.calibrate",
    "calibrate_study": "workflows.calibrate_study",
    "CalibratedStudy": "workflows.calibrate_study",
    "compare": "workflows.compare",
    "Compared": "workflows.compare",
    "load_study": "config.loading.size_studies",
    "size": "workflows.size",
    "Sized": "workflows.size",
    "load_sizing": "config.loading.size_studies",
    "TrialDesign": "workflows.designs.trial_design",
    "analyse": "workflows.analyse",
    "Analysis": "workflows.analyse",
    "monitor": "workflows.monitor",
    "Monitoring": "workflows.monitor",
    "schema": "workflows.schema",
    "Result": "workflows.run_result",
    "replicates_for": "simulation",
    "TrialsimError": "errors",
    "InputError": "errors",
    "ConfigurationError": "errors",
    "RequestError": "errors",
    "DestinationError": "errors",
    "HazardError": "errors",
    "DisagreementError": "errors",
    "Interrupted": "errors",
}

_ROOMS: Final = ("design",)  # whose functions are public, by their names: `trialsim.design.simon`

__all__ = [
    "Analysis",
    "Calibrated",
    "CalibratedStudy",
    "Cohort",
    "Compared",
    "ConfigurationError",
    "DestinationError",
    "DisagreementError",
    "HazardError",
    "InputError",
    "Interrupted",
    "Monitoring",
    "RequestError",
    "Result",
    "Scenario",
    "Sized",
    "TrialDesign",
    "TrialsimError",
    "__version__",
    "analyse",
    "builtin_names",
    "calibrate",
    "calibrate_study",
    "check",
    "compare",
    "design",
    "init",
    "load_cohort",
    "load_scenario",
    "load_sizing",
    "load_study",
    "monitor",
    "replicates_for",
    "run",
    "run_again",
    "schema",
    "size",
    "trace",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("trialsim")  # slow to import, and seldom needed
    if name in _ROOMS:
        return import_module(f"trialsim.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'trialsim' has no attribute {name!r}")
    return getattr(import_module(f"trialsim.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
