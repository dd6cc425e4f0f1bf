"""The parts of `verification/joint_simulation_based_calibration.py`; the module itself is the whole of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from verification.joint_simulation_based_calibration import (
    NARROW,
    STUDY,
    drawn_truth,
    published_by,
    tempered,
    with_fault,
)
from verification.simulated_publications import cells_of_any_publication, simulated_publication

from trialsim.calibration.joint.build import joint_model_of
from trialsim.calibration.joint.model import JointModel
from trialsim.config.loading.calibration_studies import JointStudy, load_joint_study
from trialsim.typing import Floats

N = 1500
ONE_IN_TEN_THOUSAND = 1e-4  # for each of some 30 quantities


@pytest.fixture(scope="module")
def study() -> JointStudy:
    return load_joint_study(STUDY)


@pytest.fixture(scope="module")
def model(study: JointStudy) -> JointModel:
    return joint_model_of(study, replicates=20)


def scores_of_truths(study: JointStudy, model: JointModel) -> dict[str, Floats]:
    """Truths as the scores of the joint model, each of which is standard normal if both mean the same prior."""
    random = np.random.default_rng(6)
    truths = [drawn_truth(study, random) for _ in range(N)]
    found = {
        name: item.scores(np.array([truth.shared[name] for truth in truths])) for name, item in model.marginals.items()
    }
    taus = {family.name: np.array([truth.taus[family.name] for truth in truths]) for family in model.families}
    found |= {f"tau of {family.name}": family.score(taus[family.name]) for family in model.families}
    for j, trial in enumerate(model.trials):
        own = {name: np.array([truth.trials[j][name] for truth in truths]) for name in trial.names}
        marginals = {item.name: item for item in trial.prior.marginals}
        for family in model.families:
            for name in family.parameters:
                difference = marginals[name].scores(own[name]) - found[name]
                found[f"{name} of trial {j}"] = difference * marginals[name].sd / taus[family.name]
        for name in model.own:
            found[f"{name} of trial {j}"] = marginals[name].scores(own[name])
    return found


def test_priors_that_were_written_twice_are_the_same(study: JointStudy, model: JointModel) -> None:
    found = scores_of_truths(study, model)
    assert len(found) == model.n_scores
    for name, scores in found.items():
        assert stats.kstest(scores, "norm").pvalue > ONE_IN_TEN_THOUSAND, name


def test_trials_that_are_taken_to_differ_half_as_much_are_noticed(study: JointStudy, model: JointModel) -> None:
    found = scores_of_truths(study, with_fault(model, NARROW))
    p = {name: stats.kstest(scores, "norm").pvalue for name, scores in found.items()}
    assert {name for name, value in p.items() if value < ONE_IN_TEN_THOUSAND} == {
        f"tau of {family.name}" for family in model.families
    }


def test_what_any_trial_prints_has_its_cells_in_the_pool(study: JointStudy, model: JointModel) -> None:
    random = np.random.default_rng(8)
    every = [set(cells_of_any_publication(trial)) for trial in model.trials]
    for seed in range(4):
        published = published_by(model, drawn_truth(study, random), seed)
        for trial, cells in zip(published.trials, every, strict=True):
            assert set(trial.simulator.cells) <= cells


def test_a_publication_is_that_of_the_trial_that_was_simulated(model: JointModel) -> None:
    """Counts of shares that exclude each other, and a share among those who have the whole of a toxicity."""
    trial = model.trials[0]
    published = simulated_publication(trial, trial.engine_values(np.zeros(len(trial.names))).tolist(), 5)
    counts = {name: item.count or 0 for name, item in published.items()}
    assert counts["at least 600 mg/day"] >= counts["at least 800 mg/day"]
    assert counts["toxicity.neuropathy"] >= counts["toxicity.severe neuropathy"]
    assert published["responses by week 8"].of == counts["partial responses"] + counts["minor responses"]


def test_weights_are_tempered_as_far_as_they_must_be() -> None:
    log_weights = 3.0 * np.random.default_rng(1).standard_normal(4000)
    for ess in (100.0, 1000.0):
        assert 1.0 / np.sum(tempered(log_weights, ess) ** 2) == pytest.approx(ess, rel=0.01)
    assert tempered(np.zeros(10), 5.0) == pytest.approx(np.full(10, 0.1))
