"""Two invented trials calibrated together: the joint posterior is that of weighted draws of the prior."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import RegularGridInterpolator

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.diagnostics import SMALLEST_ESS
from trialsim.calibration.fitting import fit
from trialsim.calibration.joint.emulator import features
from trialsim.calibration.joint.fitting import JointFit, Simulated, fit_joint
from trialsim.calibration.joint.left_out import MIN_ESS as FEWEST_OF_LEFT_OUT
from trialsim.calibration.joint.left_out import coverage_of, fit_without, new_trial_scores, without_trial
from trialsim.calibration.joint.model import Family, JointModel
from trialsim.calibration.joint.sampling import JointChains
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.targets import Categories, Share, Term
from trialsim.config import load_published_trial
from trialsim.config.calibrated.draw_tables import read_table
from trialsim.config.loading.calibration_studies import load_joint_study
from trialsim.typing import Floats

pytestmark = pytest.mark.slow

COHORT = Path(__file__).parent / "invented" / "cohort.yaml"
FEW = 20  # simulated patients for each one of a cohort
N_PRIOR = 300_000
N_DRAWS = 2000


def trial(nausea: int, responders: int) -> Calibration:
    """The invented trial with other counts of 40."""
    calibration = calibration_of(load_published_trial(COHORT), replicates=FEW)

    def counted(term: Term) -> Term:
        if isinstance(term, Share) and term.quantities == ("toxicity.nausea",):
            return replace(term, k=nausea)
        if isinstance(term, Categories):
            return replace(term, counts=(responders, *term.counts[1:]))
        return term

    return replace(calibration, terms=tuple(counted(term) for term in calibration.terms))


@pytest.fixture(scope="module")
def trials() -> tuple[Calibration, Calibration]:
    return trial(12, 14), trial(24, 8)


FAMILIES = (Family("toxicity", ("nausea rate",), 0.8), Family("response", ("sensitive",), 0.3))


@pytest.fixture(scope="module")
def model(trials: tuple[Calibration, Calibration]) -> JointModel:
    return JointModel(("first", "second"), trials, FAMILIES, frozenset())


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return Simulated()


@pytest.fixture(scope="module")
def joint(model: JointModel, simulated: Simulated) -> JointFit:
    return fit_joint(model, seed=5, n_draws=N_DRAWS, workers=2, simulated=simulated)


def likelihoods_of_prior(model: JointModel) -> tuple[Floats, Floats]:
    """Draws of the joint prior with their log-likelihoods: each trial's from a fine grid of its two scores."""
    axis = np.linspace(-5.0, 5.0, 61)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    x = np.random.default_rng(2).standard_normal((N_PRIOR, model.n_scores))
    total = np.zeros(N_PRIOR)
    for j, calibration in enumerate(model.trials):
        values = calibration.log_likelihoods(grid, 2).sum(axis=-1).reshape(61, 61)
        surface = RegularGridInterpolator((axis, axis), values, bounds_error=False, fill_value=-1e9)
        total += surface(model.trial_scores(x, j))
    return x, total


def weighted_prior(model: JointModel) -> tuple[Floats, Floats]:
    """Draws of the joint prior with the weights that make them draws of the posterior."""
    x, total = likelihoods_of_prior(model)
    weights = np.exp(total - total.max())
    return x, weights / weights.sum()


def test_the_evidence_is_the_mean_likelihood_of_the_prior(model: JointModel, joint: JointFit) -> None:
    _, total = likelihoods_of_prior(model)
    likelihoods = np.exp(total - total.max())
    mean, n = float(likelihoods.mean()), len(likelihoods)
    error = float(likelihoods.std()) / mean / np.sqrt(n)
    expected = np.log(mean) + total.max()
    # an error from four groups follows Student's t with 3 degrees of freedom: as rare as 4 normal units are
    far = stats.t.isf(stats.norm.sf(N_STANDARD_ERRORS), 3) / N_STANDARD_ERRORS * joint.evidence.mcse
    assert joint.evidence.mcse < 0.1
    assert joint.evidence.value == pytest.approx(expected, abs=N_STANDARD_ERRORS * np.hypot(error, far))


def test_the_joint_posterior_is_that_of_weighted_draws_of_the_prior(model: JointModel, joint: JointFit) -> None:
    _agrees_with_weighted_draws(model, joint.draws, joint.ess, float(joint.diagnostics["ess_bulk"].min()))


def test_a_trial_that_is_left_out_tells_nothing(model: JointModel, joint: JointFit, simulated: Simulated) -> None:
    """The posterior without it is that of the other trial, by weighted draws of its prior."""
    left_out = fit_without(joint, simulated, 0, workers=2)
    _agrees_with_weighted_draws(without_trial(model, 0), left_out.draws, left_out.ess, FEWEST_OF_LEFT_OUT)
    random = np.random.default_rng(4)
    new = new_trial_scores(without_trial(model, 0), left_out.draws, model.trials[0], random)
    assert new.shape == (len(left_out.draws), 2)
    assert np.all(new.std(axis=0) > left_out.draws[:, :2].std(axis=0))  # it differs from what is shared


def _agrees_with_weighted_draws(model: JointModel, draws: Floats, ess: float, n_chains: float) -> None:
    x, weights = weighted_prior(model)
    n_prior = 1.0 / float(np.sum(weights**2))
    assert n_prior > 2000
    quantities = {
        "shared and units": (x, draws),
        "between trials": (model.between_trial_sds(x), model.between_trial_sds(draws)),
        **{f"trial {j}": (model.trial_scores(x, j), model.trial_scores(draws, j)) for j in range(len(model.trials))},
    }
    for name, (expected, drawn) in quantities.items():
        for i in range(drawn.shape[1]):
            mean = float(weights @ expected[:, i])
            sd = float(np.sqrt(weights @ (expected[:, i] - mean) ** 2))
            # chains that depend on themselves, weights that differ, and the prior's own draws each add their error
            error = sd * np.sqrt(1.0 / n_prior + 1.0 / ess + 1.0 / n_chains)
            assert drawn[:, i].mean() == pytest.approx(mean, abs=N_STANDARD_ERRORS * error), (name, i)
            # the error of an sd of draws that are about normal; those of a between-trial sd have a longer tail
            assert drawn[:, i].std() == pytest.approx(sd, abs=2 * N_STANDARD_ERRORS * error / np.sqrt(2.0)), (name, i)


def test_emulators_and_weights_do_what_is_said_of_them(joint: JointFit) -> None:
    assert max(joint.errors) < 0.35
    assert joint.k < 0.7
    assert joint.ess > N_DRAWS / 2
    assert joint.diagnostics["r_hat"].max() < 1.02


def test_trials_that_differ_without_end_learn_nothing_from_each_other(trials: tuple[Calibration, Calibration]) -> None:
    """Parameters of a trial's own: each posterior is the one that the trial has alone."""
    model = JointModel(("first", "second"), trials, (), frozenset({"nausea rate", "sensitive"}))
    together = fit_joint(model, seed=5, n_draws=1000, workers=2)
    alone = fit(trials[1], seed=3, workers=2).chains.by_chain().reshape(-1, 2)
    drawn = model.trial_scores(together.draws, 1)
    error = alone.std(axis=0) * np.sqrt(1.0 / together.ess + 1.0 / SMALLEST_ESS)
    assert np.all(np.abs(drawn.mean(axis=0) - alone.mean(axis=0)) < N_STANDARD_ERRORS * error)


def test_a_new_trial_scatters_about_what_is_shared(model: JointModel, joint: JointFit) -> None:
    new = model.new_trial_scores(joint.draws, np.random.default_rng(1))
    shared, taus = joint.draws[:, :2], model.between_trial_sds(joint.draws)
    sds = np.array([item.sd for item in model.marginals.values()])
    order = [list(model.marginals).index(family.parameters[0]) for family in FAMILIES]
    expected = shared[:, order].var(axis=0) + np.mean((taus / sds[order]) ** 2, axis=0)
    assert new[:, order].var(axis=0) == pytest.approx(expected, rel=2 * N_STANDARD_ERRORS * np.sqrt(2.0 / N_DRAWS))


def test_an_interrupted_fit_goes_on_to_the_same_draws(model: JointModel, joint: JointFit) -> None:
    class StopError(Exception):
        pass

    stored: dict[str, Floats] = {}

    def stop(simulated: Simulated, number: int) -> None:
        stored.clear()
        stored.update(simulated.arrays())
        if number == 2:
            raise StopError

    with pytest.raises(StopError):
        fit_joint(model, seed=5, n_draws=N_DRAWS, on_simulated=stop)
    resumed = fit_joint(model, seed=5, n_draws=N_DRAWS, workers=2, simulated=Simulated.of_arrays(stored))
    assert np.array_equal(resumed.draws, joint.draws)


def test_features_are_all_products_of_two_and_cubes() -> None:
    z = np.array([[2.0, 3.0]])
    assert features(z).tolist() == [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 8.0, 27.0]]


STUDY = COHORT.parent / "study.yaml"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[ts.CalibratedStudy, Path]:
    """A joint calibration with few simulated trials, and its results folder."""
    folder = tmp_path_factory.mktemp("joint") / "results"
    return ts.calibrate_study(
        STUDY, 3, draws=500, replicates=20, leave_one_out=True, out=folder, figures=("svg",)
    ), folder


def test_the_command_writes_draws_for_each_trial_and_for_a_new_one(saved: tuple[ts.CalibratedStudy, Path]) -> None:
    result, folder = saved
    expected = {*result.layout.file_names, "manifest.json", "posterior-invented.parquet", "posterior-second.parquet"}
    assert {path.name for path in folder.iterdir()} == {
        name for name in expected if "*" not in name and not name.endswith((".png", ".pdf"))
    }
    for name, table in (("posterior", result.new_trial), ("posterior-second", result.trial_tables["second"])):
        read = read_table(folder / f"{name}.parquet", name)
        assert read.digest == table.digest
        assert read.context == {"drug": "an invented drug", "reference_dose": "200 mg/day"}
    medians = result.posterior_summary.set_index(["trial", "parameter"])["posterior_median"]
    assert medians["invented", "nausea rate"] < medians["a new trial", "nausea rate"] < medians["second", "nausea rate"]
    assert set(result.predictive["trial"]) == {"invented", "second"}


def test_each_trial_is_predicted_from_the_other(saved: tuple[ts.CalibratedStudy, Path]) -> None:
    """The second trial has twice the nausea and half the responses: each is too much or too little for the other."""
    left_out = saved[0].left_out
    assert left_out is not None
    assert list(left_out["trial"].unique()) == ["invented", "second"]
    percentiles = left_out.set_index(["trial", "quantity"])["percentile"]
    assert percentiles["invented", "toxicity.nausea"] < 0.3
    assert percentiles["second", "toxicity.nausea"] > 0.7
    for inner, outer in ((50, 80), (80, 90)):
        assert (left_out[f"lower_{outer}"] <= left_out[f"lower_{inner}"]).all()
        assert (left_out[f"upper_{outer}"] >= left_out[f"upper_{inner}"]).all()
        assert (left_out[f"is_inside_{outer}"] | ~left_out[f"is_inside_{inner}"]).all()
    shares = left_out[left_out["unit"] == ""]
    assert (shares["effective_patients"] < 40).all()  # a trial of 40 that may differ is worth fewer
    coverage = coverage_of(left_out)
    assert coverage["statistics"].tolist()[-1] == len(left_out) == coverage["statistics"].iloc[:-1].sum()
    assert coverage["inside_80"].tolist()[-1] == left_out["is_inside_80"].sum()


def test_a_scenario_takes_the_draws_of_a_new_trial(saved: tuple[ts.CalibratedStudy, Path]) -> None:
    changes = {"cohort": None, "parameters": str(saved[1] / "posterior.parquet")}
    scenario = ts.load_scenario(COHORT.parent / "scenario.yaml").with_changes(changes)
    draws = ts.run(scenario, 50, keep=0).outcomes["parameter_draw"]
    assert draws.nunique() > 40


def test_a_joint_calibration_runs_again_to_the_same_digest(saved: tuple[ts.CalibratedStudy, Path]) -> None:
    result, folder = saved
    assert ts.run_again(folder, workers=1).digest == result.digest
    with pytest.raises(ts.DestinationError, match="another configuration"):
        ts.calibrate_study(joint_with_own(), 3, draws=500, replicates=20, out=folder)


def joint_with_own() -> dict[str, object]:
    """The study with nothing learned from each other."""
    folder = COHORT.parent
    return {
        "study": "calibrate", "title": "apart", "cohorts": [str(folder / "cohort.yaml"), str(folder / "second.yaml")],
        "parameters": str(folder / "parameters.yaml"), "own": ["nausea rate", "sensitive"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"own": ["nausea rat"]}, "no trial has a calibrated number of this name"),
        ({"cohorts": ["nowhere.yaml"]}, "there is no such file"),
        ({"between_trials": {"t": {"parameters": ["nausea rate"], "sd": 1}}}, "stands in two places"),
        ({"between_trials": {"t": {"parameters": ["nausea rate"], "sd": 0}}, "own": []}, "differ by nothing"),
        ({"cohorts": []}, "at least 1"),
        ({"scenarios": {"another.yaml": "tosi2000"}}, "the study has no such cohort"),
    ],
)
def test_a_study_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        ts.check({**joint_with_own(), **changes})


def test_a_study_may_name_another_scenario_for_a_cohort() -> None:
    study = joint_with_own()
    cohort = str(COHORT)
    assert study["cohorts"] == [cohort, str(COHORT.parent / "second.yaml")]
    other = str(COHORT.parent / "scenario.yaml")
    scenarios = load_joint_study({**study, "scenarios": {cohort: other}}).scenarios
    assert scenarios["invented"] == load_joint_study(study).scenarios["invented"]  # it names the same one
    with pytest.raises(ts.ConfigurationError, match=r"scenarios\.\S+ = nowhere"):
        load_joint_study({**study, "scenarios": {cohort: "nowhere"}})


def test_a_study_of_several_cohorts_is_described() -> None:
    text = ts.check(STUDY)[0]
    assert "invented: 40 patients, 3 published statistics" in text
    assert "Differing between trials, toxicity (sd half-normal with scale 0.8): nausea rate" in " ".join(text.split())


class Normal:
    """An emulator whose likelihood is normal in the scores of its trial."""

    def __init__(self, centre: tuple[float, float], variance: float) -> None:
        self.centre, self.variance = np.array(centre), variance

    def log_likelihood(self, z: Floats) -> Floats:
        return np.asarray(-0.5 * ((z - self.centre) ** 2).sum(axis=1) / self.variance)


def test_the_chains_sample_a_posterior_that_is_known(model: JointModel) -> None:
    """Normal likelihoods: the means of all scores against weighted draws of the prior."""
    random = np.random.default_rng(3)
    emulators: Any = [Normal((1.0, -0.5), 0.2), Normal((-0.2, 0.9), 0.3)]
    chains = JointChains(model, emulators, random.standard_normal((128, model.n_scores)), random)
    chains.run(100)
    means = chains.run(600, 4).mean(axis=0)
    x = random.standard_normal((300_000, model.n_scores))
    log_weights = sum(emulators[j].log_likelihood(model.trial_scores(x, j)) for j in range(2))
    weights = np.exp(log_weights - np.max(log_weights))
    weights /= weights.sum()
    expected = weights @ x
    error = np.hypot(means.std(axis=0) / np.sqrt(len(means)), np.sqrt(weights**2 @ (x - expected) ** 2))
    assert np.all(np.abs(means.mean(axis=0) - expected) < N_STANDARD_ERRORS * error)
