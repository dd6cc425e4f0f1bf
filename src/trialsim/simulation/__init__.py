"""Many trials: outcomes of all of them, events of the first few.

engine       which engine simulates, and blocks of replicates from either
workers      threads, processes; blocks come back in order
cluster      the same on the workers of a Dask cluster
replicates   growing a store of replicates, keeping the first trials whole
precision    how many replicates a precision takes
resumption   continuing from a results folder or an unfinished job
allocation   who is given which arm: permuted blocks within strata
patients     the patients of blocks of replicates as numbers
limits       what is refused before any work starts
"""

from trialsim.simulation.engine import EngineChoice, choose_engine, ignore_stage, make_ready
from trialsim.simulation.precision import TargetPrecision, replicates_for
from trialsim.simulation.replicates import Replicates, Simulation, grow, keep_first

__all__ = [
    "EngineChoice",
    "Replicates",
    "Simulation",
    "TargetPrecision",
    "choose_engine",
    "grow",
    "ignore_stage",
    "keep_first",
    "make_ready",
    "replicates_for",
]
