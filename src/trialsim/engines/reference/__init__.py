"""The reference engine: a trial as SimPy processes, written to be read.

trial            enrolment, the data cut-off, the log
patient          one course: treatment, visits, assessments, what toxicities and responses do
treatment        the decisions at visits and onsets, and the dose that follows
strategy_adapter what a Python function that decides the dose is shown, and its decision as a rule
clocks           an event clock as a process that a change of dose interrupts
patient_state    where a patient stands
arm              what patients share, and the rows of the log
clinic           visit slots that patients wait for
environment      a SimPy environment in which an event stands at an exact time
monitor, event_monitor   trials that are looked at while they run

Each module imports only modules that stand below it. What comes first on one instant is listed in `model.event_order`.
"""

from trialsim.engines.reference.arm import Row
from trialsim.engines.reference.trial import simulate

__all__ = ["Row", "simulate"]
