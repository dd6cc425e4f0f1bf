"""Functions of exact designs given what is not a number answer with a message, never with a bare error."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import trialsim.design.adaptive
import trialsim.design.theory
from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.theory.bryant_day import BryantDay, Rates
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard
from trialsim.design.theory.one_sample_logrank import Arm
from trialsim.design.theory.shapes import WangTsiatis
from trialsim.design.theory.spending import ObrienFleming, Pocock
from trialsim.design.theory.time_to_event import Arms
from trialsim.design.theory.two_stage import TwoStage, simon_designs
from trialsim.errors import RequestError

LOOKS, BOUNDS = [0.5, 1.0], [2.8, 2.0]
ARMS, ARM = Arms(0.06, 0.6, 12.0), Arm(0.06, 0.6, 12.0, 24.0)
HAZARD = PiecewiseHazard((0.0, 6.0), (0.08, 0.04))
CHANGING = PiecewiseArms(HAZARD, PiecewiseHazard((0.0, 3.0), (0.08, 0.03)), 12.0)
RATES = Rates(0.2, 0.45, 0.6, 0.85)
ZONE = {"look": 0.5, "upper": 2.9, "final": 2.0, "low": 0.3, "high": 0.8, "target": 0.8, "factor": 2.0, "lower": -1.0}
FIRST = {"p_control": 0.2, "p_experimental": 0.6}
# Every public function, with arguments that it answers; those that are not numbers by nature are left as they are.
CALLS: dict[str, dict[str, Any]] = {
    "binomial.binomial_probabilities": {},
    "single_stage.single_stage": {"p0": 0.1, "p1": 0.4, "alpha": 0.05, "power": 0.8, "largest": 100},
    "single_stage.ahern": {"p0": 0.1, "p1": 0.4, "alpha": 0.05, "power": 0.8, "largest": 100},
    "two_stage.simon_designs": {"p0": 0.1, "p1": 0.4, "alpha": 0.1, "power": 0.8, "largest": 60},
    "two_stage.fleming": {"p0": 0.1, "p1": 0.4, "alpha": 0.1, "n1": 10, "n": 20},
    "stages.paths": {"sizes": [5, 10], "lower": [0, 2], "upper": [6, 3], "rate": 0.2},
    "bryant_day.bryant_day": {"alpha_r": 0.2, "alpha_t": 0.2, "power": 0.7, "largest": 25, "rates": RATES},
    "bryant_day.check_bryant_day": {"alpha_r": 0.2, "alpha_t": 0.2, "power": 0.7, "largest": 25, "rates": RATES},
    "toxicity.bayesian_boundary": {"n": 12, "rate": 0.3, "certainty": 0.9, "prior": (1.0, 1.0), "first": 3},
    "toxicity.exact_boundary": {"n": 12, "rate": 0.3, "alpha": 0.1, "first": 3},
    "proportions.rejection_region": {
        "n_control": 9, "n_experimental": 8, "alpha": 0.1, "sides": 2, "test": "fisher", "two_sided": "doubled",
    },
    "proportions.approximate_n": {**FIRST, "alpha": 0.05, "power": 0.8, "sides": 2, "ratio": 1.0, "method": "pooled"},
    "two_arm_sizes.smallest_n": {
        **FIRST, "alpha": 0.05, "power": 0.8, "sides": 2, "ratio": 1.0, "largest": 60, "two_sided": "ordered",
    },
    "two_arm_sizes.smallest_trial": {
        **FIRST, "alpha": 0.05, "power": 0.8, "sides": 2, "largest": 60, "two_sided": "ordered",
    },
    "two_arm_sizes.split_of": {"n": 10, "parts": (2, 1)},
    "single_stage.power_by_n": {"p0": 0.1, "p1": 0.4, "alpha": 0.05, "largest": 30, "smallest": 2},
    "proportions.reject_probability": {"region": np.ones((3, 4), dtype=bool), **FIRST},
    "proportions.size_of": {"region": np.ones((3, 4), dtype=bool)},
    "selection.selection_probabilities": {"n": 10, "rates": [0.2, 0.4]},
    "precision.limits": {"n": 10, "confidence": 0.9, "method": "wilson"},
    "precision.half_widths": {"n": 10, "confidence": 0.9, "method": "wilson"},
    "precision.expected_half_width": {"n": 10, "p": 0.3, "confidence": 0.9},
    "precision.guaranteed_half_width": {"n": 10, "p": 0.3, "probability": 0.8, "confidence": 0.9},
    "precision.smallest_for_half_width": {"p": 0.3, "half_width": 0.2, "confidence": 0.9, "largest": 200},
    "sequential.efficacy_bounds": {"information": LOOKS, "alpha": 0.025, "spending": Pocock(), "sides": 1},
    "shapes.shaped_bounds": {"information": LOOKS, "alpha": 0.025, "shape": WangTsiatis(0.2), "sides": 1},
    "score.margin_region": {
        "arms": (8, 9), "margin": 0.1, "alpha": 0.05, "better": "higher",
    },
    "score.approximate_n_for_margin": {
        "p_control": 0.5, "p_experimental": 0.5, "margin": 0.1, "alpha": 0.05, "power": 0.8, "ratio": 1.0,
    },
    "score.check_margin": {"margin": 0.1},
    "sequential.fractions": {"information": LOOKS},
    "sequential.crossing_probabilities": {"information": LOOKS, "upper": BOUNDS, "drift": 1.0},
    "sequential.drift_for_power": {"information": LOOKS, "upper": BOUNDS, "power": 0.8},
    "sequential.futility_bounds": {
        "information": LOOKS, "alpha": 0.025, "power": 0.8, "spending": Pocock(), "beta_spending": ObrienFleming(),
    },
    "sequential.inflation": {"drift": 3.0, "alpha": 0.025, "power": 0.8, "sides": 1},
    "sequential.final_bound_by_information": {
        "information": [0.5], "upper": [2.8], "final": [1.0], "alpha": 0.025, "sides": 1,
    },
    "time_to_event.schoenfeld_events": {"hazard_ratio": 0.6, "alpha": 0.025, "power": 0.8, "ratio": 1.0, "sides": 1},
    "time_to_event.freedman_events": {"hazard_ratio": 0.6, "alpha": 0.025, "power": 0.8, "ratio": 1.0, "sides": 1},
    "time_to_event.event_probability": {"hazard": 0.1, "accrual": 12.0, "total": 24.0, "dropout": 0.0},
    "time_to_event.expected_events": {"n": 50, "month": 20.0, "arms": ARMS},
    "time_to_event.month_of_events": {"n": 50, "events": 20, "arms": ARMS},
    "time_to_event.lachin_foulkes_power": {"total": 24.0, "n": 90, "alpha": 0.025, "sides": 1, "arms": ARMS},
    "piecewise.with_ratios": {"control": HAZARD, "ratios": HAZARD},
    "piecewise.piecewise_event_probability": {"accrual": 12.0, "total": 24.0, "dropout": 0.01, "hazard": HAZARD},
    "weighted_logrank.weighted_logrank_power": {
        "total": 24.0, "n": 90, "alpha": 0.025, "sides": 1, "rho_gamma": [0.0, 1.0], "arms": CHANGING,
    },
    "weighted_logrank.logrank_moments": {"total": 24.0, "rho_gamma": [0.0, 1.0], "arms": CHANGING},
    "restricted_means.restricted_mean_and_variance": {"until": 12.0, "dropout": 0.01, "hazard": HAZARD},
    "restricted_means.restricted_means": {"until": 12.0, "arms": CHANGING},
    "restricted_means.restricted_means_power": {"until": 12.0, "n": 90, "alpha": 0.025, "sides": 1, "arms": CHANGING},
    "conditional_power.conditional_power": {
        "information": LOOKS, "upper": BOUNDS, "look": 1, "z": 1.0, "drift": 2.0, "sides": 1,
    },
    "conditional_power.predictive_power": {"information": LOOKS, "upper": BOUNDS, "look": 1, "z": 1.0, "sides": 1},
    "one_sample_logrank.one_sample_power": {"n": 40, "alpha": 0.05, "sides": 1, "arm": ARM},
    "one_sample_logrank.one_sample_rejection": {"n": 40, "alpha": 0.05, "sides": 1, "arm": ARM},
}  # fmt: skip
CALLS.pop("binomial.binomial_probabilities")  # takes what the others have checked
INNER = {  # take what others have checked, or arrays and objects that others make
    "binomial", "nuisance", "tables", "sawtooth", "recursion", "arguments", "requests", "rounding",
    "monitored_rate", "integrals",
}  # fmt: skip
OF_OBJECTS = {
    "single_stage.critical_counts", "single_stage.fewest_patients", "single_stage.normal_n",
    "single_stage.most_power", "score.score_statistic", "score.restricted_rates", "score.highest_level_at_margin",
    "two_stage.admissible", "two_stage.exact_rejects", "stages.check_rates", "stages.check_limit",
    "stages.check_errors", "bryant_day.joint", "bryant_day.one_more", "bryant_day.counts_of",
    "proportions.check_two_sided", "proportions.mirrored", "proportions.statistic_of", "proportions.usual_two_sided",
    "proportions.check_request", "proportions.times", "one_sample_logrank.one_sample_moments",
}  # fmt: skip
OBJECTS: list[Callable[[Any], object]] = [
    lambda x: Arms(x, 0.6, 12.0), lambda x: Arms(0.1, x, 12.0), lambda x: Arms(0.1, 0.6, x),
    lambda x: Arms(0.1, 0.6, 12.0, x), lambda x: Arms(0.1, 0.6, 12.0, 1.0, x), lambda x: Arm(x, 0.6, 12.0, 24.0),
    lambda x: PiecewiseHazard(x, (0.1,)), lambda x: PiecewiseHazard((0.0,), x), lambda x: PiecewiseHazard((x,), (0.1,)),
    lambda x: PiecewiseHazard((0.0,), (x,)), lambda x: PiecewiseArms(x, HAZARD, 12.0),
    lambda x: PiecewiseArms(HAZARD, HAZARD, x), lambda x: PiecewiseArms(HAZARD, HAZARD, 12.0, x),
    lambda x: PiecewiseArms(HAZARD, HAZARD, 12.0, 1.0, x),
    lambda x: Arm(0.1, 0.6, x, 24.0), lambda x: Arm(0.1, 0.6, 12.0, x), lambda x: Arm(0.1, 0.6, 12.0, 24.0, x),
    *(lambda x, i=i: PromisingZone(**{**ZONE, i: x}) for i in ZONE), lambda x: PromisingZone(**ZONE).reached(x),
    lambda x: TwoStage(5, 1, 10, 3, 0.1, 0.3).at(x),
]  # fmt: skip
WRONG: list[Any] = ["0.3", None, math.nan, [0.3, None], {}]


def functions() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every public function of both packages by module and name."""
    rooms = trialsim.design.theory, trialsim.design.adaptive
    names = [info.name for room in rooms for info in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    for path in names:
        module: ModuleType = importlib.import_module(path)
        for name, item in vars(module).items():
            if inspect.isfunction(item) and item.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{path.rpartition('.')[2]}.{name}", item


FUNCTIONS = dict(functions())


def test_every_public_function_is_tried() -> None:
    inner = {name for name in FUNCTIONS if name.split(".")[0] in INNER} | OF_OBJECTS
    assert set(FUNCTIONS) - inner == set(CALLS)


@pytest.mark.parametrize("name", list(CALLS))
def test_what_is_not_a_number_is_refused_with_a_message(name: str) -> None:
    right = CALLS[name]
    FUNCTIONS[name](**right)
    for key in right:
        for wrong in WRONG:
            optional = inspect.signature(FUNCTIONS[name]).parameters[key].default is None
            if not (wrong is None and optional):
                with pytest.raises(RequestError) as refusal:
                    FUNCTIONS[name](**{**right, key: wrong})
                assert "Allowed" in str(refusal.value), (key, wrong)


WHOLE = {"n", "n1", "n_control", "n_experimental", "largest", "first", "n_arms", "events"}


@pytest.mark.parametrize("name", [name for name in CALLS if WHOLE & set(CALLS[name])])
def test_a_number_of_patients_that_is_not_whole_is_refused(name: str) -> None:
    formulas = {
        "time_to_event",
        "one_sample_logrank",
        "weighted_logrank",
        "restricted_means",
    }  # whose numbers are not rounded
    for key in WHOLE & set(CALLS[name]) if name.split(".", maxsplit=1)[0] not in formulas else ():
        with pytest.raises(RequestError, match=r"2\.5"):
            FUNCTIONS[name](**{**CALLS[name], key: 2.5})


@pytest.mark.parametrize("wrong", WRONG)
def test_objects_refuse_what_is_not_a_number(wrong: object) -> None:
    for make in OBJECTS:
        with pytest.raises(RequestError):
            make(wrong)


def test_numbers_of_numpy_are_numbers() -> None:
    found = simon_designs(np.float64(0.1), np.float64(0.4), np.float64(0.1), np.float64(0.8), int(np.int64(60)))
    assert found == simon_designs(0.1, 0.4, 0.1, 0.8, 60)
    assert isinstance(found[0], TwoStage)
    assert not isinstance(found[0], BryantDay)


@pytest.mark.parametrize("name", [name for name, right in CALLS.items() if {"alpha", "power"} & right.keys()])
@pytest.mark.parametrize("extreme", [5e-324, 1e-300, 1e-20, 1e-13, 1e-9, 1.0 - 1e-9, 1.0 - 1e-16])
def test_extreme_levels_and_powers_are_answered_or_refused(name: str, extreme: float) -> None:
    for key in {"alpha", "power"} & CALLS[name].keys():
        with contextlib.suppress(RequestError):
            FUNCTIONS[name](**{**CALLS[name], key: extreme})
