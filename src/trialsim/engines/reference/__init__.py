"""The reference engine: a trial told in SimPy, to be read aloud.

trial         enrolment, the data cut-off, the log
patient       one course: treatment, visits, assessments, what toxicities and responses do
clock         one event clock as a process that a change of dose interrupts
clinic        visit slots that patients wait for
environment   a SimPy environment in which an event stands at an exact time
"""

from trialsim.engines.reference.trial import Row, simulate

__all__ = ["Row", "simulate"]
