"""Many trials: outcomes of all of them, events of the first few.

engine       which engine simulates, and blocks of replicates from either
workers      threads, processes; blocks come back in order
cluster      the same on the workers of a Dask cluster
replicates   growing a store of replicates, keeping the first trials whole
precision    how many replicates a precision takes
resume       going on from what is there
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
