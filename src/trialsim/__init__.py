"""trialsim: discrete-event simulation of a small salvage trial, and what it teaches the next one.

    import trialsim as ts
    scenario = ts.load_scenario("tosi2000")
    result = ts.run(scenario.with_changes({"treatment.every": "28 days"}), replicates=1000, seed=1)
    result.estimates        # DataFrame: quantity, published, value, mcse, lower, upper, …

The public names, in the order in which data flows.
"""

from importlib.metadata import version

from trialsim.config import Cohort, Scenario, builtin_names, load_cohort, load_scenario
from trialsim.errors import ConfigurationError, DestinationError, HazardError, InputError, RequestError, TrialsimError
from trialsim.verbs import Result, run, run_again, trace

__version__ = version("trialsim")

__all__ = [
    "Cohort",
    "ConfigurationError",
    "DestinationError",
    "HazardError",
    "InputError",
    "RequestError",
    "Result",
    "Scenario",
    "TrialsimError",
    "__version__",
    "builtin_names",
    "load_cohort",
    "load_scenario",
    "run",
    "run_again",
    "trace",
]
