"""Who enrols: when they arrive, who they are at baseline, and the draws that decide what happens to them."""

from trialsim.patients.draw_table import DrawTable
from trialsim.patients.enrolment import VirtualPatient, virtual_patients

__all__ = ["DrawTable", "VirtualPatient", "virtual_patients"]
