"""Tables of a calibration where a number does not exist: they say so, and nothing ends in a traceback."""

from __future__ import annotations

import math

import pandas as pd

from trialsim.report.calibration.console import predictive_table


def test_an_interval_beyond_a_median_that_was_not_reached_says_so() -> None:
    row = {
        "statistic": "relapse-free, median (months)", "unit": "months", "printed": "17.5 months", "predicted": 15.0,
        "mcse": 0.1, "sd_sampling": math.nan, "sd_sampling_mcse": math.nan, "sd_parameters": 2.9,
        "sd_parameters_mcse": 0.1, "lower_80": 8.0, "upper_80": 31.0, "lower_95": 6.0, "upper_95": math.inf,
        "tail_probability": 0.6, "is_inside_80": True,
    }  # fmt: skip
    cells = " | ".join(predictive_table(pd.DataFrame([row])).rows[0])
    assert "6.0–not reached" in cells
    assert "8.0–31.0" in cells
