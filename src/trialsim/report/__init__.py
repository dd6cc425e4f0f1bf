"""What people read: tables in the terminal, the synopsis of a trial, its story, pictures. Never simulates."""

from trialsim.report.run.figures import draw_calibration_figures, draw_compare_figures, draw_figures
from trialsim.report.run.synopsis import describe

__all__ = ["describe", "draw_calibration_figures", "draw_compare_figures", "draw_figures"]
