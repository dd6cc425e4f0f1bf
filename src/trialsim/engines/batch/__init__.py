"""The batch engine: the same trials as compiled loops over patients, some two million courses a second.

plan               what the compiled trial reads of a protocol
planning           a protocol made into a plan
contiguous_memory  records and tables that lie side by side
state              the state of one course
enrolment          who comes, first draws, hazard multipliers
clocks             event clocks in their slots
treatment          rules to decisions, decisions to doses
visit_schedule     days of visits and assessments
course             one patient's course, event by event
accumulator        what happened, noted: rows of a log, and what outcomes need of them
trial              courses, and the calendar that cuts them
summary            what a trial came to
engine             what other folders call

It shares the arithmetic of `model` with the reference engine and nothing else; the tests in `tests/agreement` hold both
to the same log, bit for bit. Importing this folder imports the compiler.
"""

from trialsim.engines.batch.engine import Batch, Patients, compile_all, is_ready

__all__ = ["Batch", "Patients", "compile_all", "is_ready"]
