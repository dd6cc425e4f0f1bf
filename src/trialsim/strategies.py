"""What a titration strategy written as a Python function needs; see `model.strategy`.

from trialsim import strategies as do

def cautious(seen: do.PatientView) -> do.Decision | None:
    return do.keep() if seen.ever else do.escalate()

ts.run(scenario, strategy=cautious)
"""

from trialsim.model.strategy import Decision, PatientView, Strategy, escalate, go_to, hold, keep, reduce, stop

__all__ = ["Decision", "PatientView", "Strategy", "escalate", "go_to", "hold", "keep", "reduce", "stop"]
