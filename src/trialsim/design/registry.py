"""Every design by name."""

from __future__ import annotations

from typing import Any, Final

from trialsim.config.checks.size_study import WALD
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import Design
from trialsim.design.single_arm.many_looks import Bop2Design, PredictiveDesign, ThallSimonDesign
from trialsim.design.single_arm.precision import PrecisionDesign
from trialsim.design.single_arm.response_and_toxicity import BryantDayDesign
from trialsim.design.single_arm.single_stage import AHern, SingleStageDesign
from trialsim.design.single_arm.two_stage import FlemingDesign, SimonAdmissible, SimonDesign, SimonMinimax
from trialsim.design.time_to_event.logrank import LogrankDesign
from trialsim.design.time_to_event.margins import SurvivalMarginDesign
from trialsim.design.time_to_event.one_sample_logrank import OneSampleLogrankDesign
from trialsim.design.time_to_event.rmst import RestrictedMeansDesign
from trialsim.design.two_arms.margins import EquivalenceDesign, NonInferiorityDesign
from trialsim.design.two_arms.proportions import TwoArmDesign
from trialsim.design.two_arms.selection import SelectionDesign
from trialsim.design.two_arms.wald import WaldDesign

DESIGNS: Final[dict[str, Design[Any]]] = {
    design.name: design
    for design in (
        SingleStageDesign(),
        AHern(),
        SimonDesign(),
        SimonMinimax(),
        SimonAdmissible(),
        FlemingDesign(),
        BryantDayDesign(),
        PredictiveDesign(),
        Bop2Design(),
        ThallSimonDesign(),
        PrecisionDesign(),
        TwoArmDesign(),
        NonInferiorityDesign(),
        EquivalenceDesign(),
        SelectionDesign(),
        LogrankDesign(),
        RestrictedMeansDesign(),
        SurvivalMarginDesign(),
        OneSampleLogrankDesign(),
    )
}
OF_TESTS: Final[dict[str, Design[Any]]] = {WALD: WaldDesign()}  # tests that make another design of `two-arm`


def design_of(study: SizeStudy) -> Design[Any]:
    """The design that a study asks for."""
    return OF_TESTS.get(study.test or "", DESIGNS[study.design])
