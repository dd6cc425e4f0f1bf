"""Designs as plain functions, without a scenario: `trialsim.design.simon(p0=0.1, p1=0.3)`.

trial_design  what each of them gives: tables, curves, power, pictures, the study that conducts it
interim_power  conditional power once a look has been taken
reestimation   a second stage that is made larger by what the look says
making        from numbers to a design; errors in the names of the arguments
one_arm       one arm: single_stage, ahern, simon, fleming, bryant_day, precision, one_sample_logrank
many_looks    one arm with many looks: predictive_probability, bop2, thall_simon
arms          two and more arms: two_arm, non_inferiority, equivalence, selection, logrank
event_times   two arms with times to events: rmst
survival_margins  two arms with times to events and a margin: non_inferiority_survival
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trialsim.workflows.designs import arms, event_times, many_looks, one_arm, survival_margins
from trialsim.workflows.designs.trial_design import TrialDesign

FUNCTIONS: Final[dict[str, Callable[..., TrialDesign]]] = {
    function.__name__: function
    for function in (
        one_arm.single_stage,
        one_arm.ahern,
        one_arm.simon,
        one_arm.fleming,
        one_arm.bryant_day,
        many_looks.predictive_probability,
        many_looks.bop2,
        many_looks.thall_simon,
        one_arm.precision,
        one_arm.one_sample_logrank,
        arms.two_arm,
        arms.non_inferiority,
        arms.equivalence,
        arms.selection,
        arms.logrank,
        event_times.rmst,
        survival_margins.non_inferiority_survival,
    )
}
