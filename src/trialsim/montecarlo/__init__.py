"""Many trials: replicates one after another, their outcomes kept, their events only for the first few."""

from trialsim.montecarlo.replicates import Replicates, simulate_replicates

__all__ = ["Replicates", "simulate_replicates"]
