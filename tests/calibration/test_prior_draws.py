"""A posterior as the prior of the next calibration: the sequence is the calibration at once, and can be repeated."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration import left_out
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.config import load_published_trial
from trialsim.config.calibrated.draw_tables import ParameterTable, write_table
from trialsim.config.source.yaml import read_yaml
from trialsim.records.tables import plain_rows
from trialsim.typing import Floats
from trialsim.workflows import run_again

pytestmark = pytest.mark.slow

INVENTED = Path(__file__).parent / "invented"
COHORT = INVENTED / "cohort.yaml"
FEW = 10  # simulated trials: the noise is the same in all that is compared
HOW: dict[str, Any] = {"replicates": FEW, "draws": 500, "min_ess": 300, "figures": ("svg",)}
N_BETWEEN = 4000  # draws of the first posterior
# Of a limit, in posterior sd: what it varies by between sets of draws (its own error shrinks with the next data), and
# what a cubic between quantiles may add
ERROR_OF_LIMIT, INTERPOLATION = 0.025, 0.03


def next_cohort(nausea: int = 14, responders: int = 11) -> dict[str, Any]:
    """Forty more patients of the invented trial."""
    data, _ = read_yaml(INVENTED / "second.yaml")
    data["scenario"] = str(INVENTED / "scenario.yaml")
    data["statistics"]["toxicity.nausea"] |= {"count": nausea, "printed": f"{nausea} of 40"}
    data["statistics"]["response.any"] |= {"count": responders, "printed": f"{responders} of 40"}
    return dict(data)


AXIS = np.linspace(-3.0, 3.0, 33)


@dataclass(frozen=True)
class Grids:
    """The first and the next cohort: log-likelihoods on a grid of scores of the parameter set's prior."""

    calibrations: tuple[Calibration, Calibration]
    log_likelihoods: tuple[Floats, Floats]

    def at(self, which: int, z: Floats) -> Floats:
        """A log-likelihood between the points of the grid."""
        values = self.log_likelihoods[which].reshape(len(AXIS), len(AXIS))
        surface = RegularGridInterpolator((AXIS, AXIS), values, bounds_error=False, fill_value=-1e9)
        return np.asarray(surface(z))


@pytest.fixture(scope="module")
def grids() -> Grids:
    both = tuple(calibration_of(load_published_trial(item), replicates=FEW) for item in (COHORT, next_cohort()))
    grid = np.stack(np.meshgrid(AXIS, AXIS, indexing="ij"), axis=-1).reshape(-1, 2)
    values = [item.log_likelihoods(grid, 2).sum(axis=1) for item in both]
    return Grids((both[0], both[1]), (values[0], values[1]))


@pytest.fixture(scope="module")
def draws(grids: Grids) -> ParameterTable:
    """Draws of the posterior of the first cohort, by weights on draws of the prior."""
    first = grids.calibrations[0]
    z = np.random.default_rng(1).standard_normal((200_000, 2))
    weights = np.exp(grids.at(0, z) - grids.log_likelihoods[0].max())
    rows = np.searchsorted(np.cumsum(weights) / weights.sum(), (np.arange(N_BETWEEN) + 0.5) / N_BETWEEN)
    context = {"drug": "an invented drug", "reference_dose": "200 mg/day"}
    values = first.prior.values(z[rows])
    return ParameterTable("the first posterior", first.names, first.prior.units, values, context)


def weighted_quantiles(x: Floats, weights: Floats) -> Floats:
    order = np.argsort(x)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    return np.interp((0.5, 0.05, 0.95), cumulative, x[order])


def test_one_cohort_after_the_other_is_both_at_once(grids: Grids, draws: ParameterTable) -> None:
    """Draws of the prior with both likelihoods, against draws of the first posterior as a prior with the second."""
    random, base = np.random.default_rng(2), grids.calibrations[1].prior
    next_one = calibration_of(load_published_trial(next_cohort()), replicates=FEW, prior_draws=draws)
    z = random.standard_normal((400_000, 2))
    at_once = np.exp(grids.at(0, z) + grids.at(1, z) - sum(item.max() for item in grids.log_likelihoods))
    scores = base.scores(next_one.prior.values(random.standard_normal((100_000, 2))))
    weights = np.exp(grids.at(1, scores) - grids.log_likelihoods[1].max())
    for i, name in enumerate(next_one.names):
        mean = float(at_once @ z[:, i] / at_once.sum())
        sd = float(np.sqrt(at_once @ (z[:, i] - mean) ** 2 / at_once.sum()))
        moved = weighted_quantiles(scores[:, i], weights) - weighted_quantiles(z[:, i], at_once)
        assert np.all(np.abs(moved) < (N_STANDARD_ERRORS * ERROR_OF_LIMIT + INTERPOLATION) * sd), (name, moved / sd)


@pytest.fixture(scope="module")
def saved(draws: ParameterTable, tmp_path_factory: pytest.TempPathFactory) -> tuple[ts.Calibrated, Path]:
    """The next forty patients, with the first posterior as the prior, and the results folder."""
    folder = tmp_path_factory.mktemp("next") / "results"
    notes: list[str] = []
    found = ts.calibrate(next_cohort(), prior=draws, out=folder, on_note=notes.append, **HOW)
    assert "prior: 2 of 2 parameters by 4,000 draws" in notes
    assert not any("counted twice" in note for note in notes)
    return found, folder


def test_the_summary_is_about_the_draws(draws: ParameterTable, saved: tuple[ts.Calibrated, Path]) -> None:
    summary = saved[0].posterior_summary.set_index("parameter")
    for name in draws.names:
        quantiles = np.quantile(draws.column(name), (0.5, 0.05, 0.95))
        row = summary.loc[name, ["prior_median", "prior_lower", "prior_upper"]].to_numpy(dtype=np.float64)
        assert row == pytest.approx(quantiles, rel=0.03)
    assert summary["contraction"].between(0.3, 0.7).all()  # twice the patients: about half the variance
    components = saved[0].principal_components["contraction"]
    assert components.between(0.2, 0.8).all()


def test_each_statistic_left_out_is_predicted_by_the_draws_too(
    draws: ParameterTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of forty further patients without their toxicity the earlier ones still tell: 12 of 40."""
    monkeypatch.setattr("trialsim.calibration.predictive.simulated.__defaults__", (2000,))  # trials
    next_one = calibration_of(load_published_trial(next_cohort()), replicates=FEW, prior_draws=draws)
    sample = left_out.sample_without_each(next_one, 1, 2)
    rows = {str(row["quantity"]): row for row in plain_rows(left_out.left_out(next_one, sample, 1, 2))}
    row = rows["toxicity.nausea"]
    assert row["method"] == left_out.BY_IMPORTANCE
    assert row["predicted"] == pytest.approx(12.5 / 41, abs=0.05)
    assert row["sd_parameters"] == pytest.approx(np.sqrt(0.3 * 0.7 / 40), rel=0.3)


def test_the_folder_repeats_the_calibration(
    saved: tuple[ts.Calibrated, Path], draws: ParameterTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is calibrated again has the same density; that chains are a function of it is tested elsewhere."""
    result, folder = saved
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["prior"] == {"digest": draws.digest, "draws": N_BETWEEN, "parameters": ["sensitive", "nausea rate"]}
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    asked: dict[str, Any] = {}

    def recorded(scenario: ts.Scenario, *_: Any, **how: Any) -> ts.Calibrated:
        asked.update(how, scenario=scenario)
        return result

    monkeypatch.setattr(run_again, "calibrate", recorded)
    ts.run_again(moved)
    again = calibration_of(asked["scenario"], replicates=asked["replicates"], prior_draws=asked["prior"])
    z = np.random.default_rng(3).standard_normal((5, 2))
    assert np.array_equal(again.prior.values(z), result.posterior.fit.calibration.prior.values(z))
    assert np.array_equal(again.log_posterior(z), result.posterior.fit.calibration.log_posterior(z))
    other = ParameterTable("other", draws.names, draws.units, draws.values[::-1], draws.context)
    write_table(moved / "prior.parquet", other)
    with pytest.raises(ts.InputError, match="other draws than the prior that the manifest names"):
        ts.run_again(moved)


def test_another_prior_is_not_gone_on_with(draws: ParameterTable, tmp_path: Path) -> None:
    def stop(done: int, wanted: int) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(ts.Interrupted):
        ts.calibrate(next_cohort(), prior=draws, out=out, on_progress=stop, **HOW)
    fewer = ParameterTable("fewer", draws.names, draws.units, draws.values[:2000], draws.context)
    for prior in (fewer, None):
        with pytest.raises(ts.DestinationError, match="prior"):
            ts.calibrate(next_cohort(), prior=prior, out=out, resume=True, **HOW)
    with pytest.raises(ts.Interrupted):
        ts.calibrate(next_cohort(), prior=draws, out=out, resume=True, on_progress=stop, **HOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drug": "another drug"}, "its rates are those of another drug; the trial gives an invented drug"),
        ({"reference_dose": "400 mg/day"}, "its rates hold at 400 mg/day"),
    ],
)
def test_rates_of_another_drug_or_dose_are_refused(draws: ParameterTable, change: dict[str, str], message: str) -> None:
    other = replace(draws, context={**draws.context, **change})
    with pytest.raises(ts.InputError, match=message):
        ts.calibrate(next_cohort(), prior=other, **HOW)


def test_patients_that_are_counted_twice_get_a_warning(saved: tuple[ts.Calibrated, Path]) -> None:
    class StopError(Exception):
        pass

    def stop(note: str) -> None:
        if note == "warning: the draws were calibrated to second: its patients are counted twice":
            raise StopError

    with pytest.raises(StopError):
        ts.calibrate(next_cohort(), prior=saved[1], on_note=stop, **HOW)
