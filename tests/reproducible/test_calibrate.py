"""`trialsim calibrate` on an invented cohort: one posterior however it was come by, and a posterior or nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import trialsim as ts
from tests.command_line import Done, trialsim
from tests.interruption import interrupt
from trialsim.calibration.checkpoint import CHAINS
from trialsim.calibration.sampling import N_ENSEMBLES, STEPS_IN_LEG
from trialsim.storage.checkpoint import PART
from trialsim.storage.job_folder import job_folder_path

pytestmark = pytest.mark.slow

COHORT = Path(__file__).parents[1] / "calibration" / "invented" / "cohort.yaml"
BYTES_OF_LEG = 8 * STEPS_IN_LEG * N_ENSEMBLES * 20 * 2  # 20 walkers, two parameters
FEW = ("--replicates", "20", "--draws", "200", "--min-ess", "200")


def calibrate(folder: Path, *options: str, cohort: Path | str = COHORT) -> Done:
    return trialsim(folder, "calibrate", str(cohort), *FEW, *options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = calibrate(folder, "--out", "out", "--leave-one-out", "--workers", "1", "--details")
    assert done.returncode == 0, done.stderr
    for words in (
        "Posterior summary",
        "Does it reproduce the cohort?",
        "Each statistic left out",
        "out/posterior.parquet",
    ):
        assert words in done.stdout
    return folder / "out"


def digest(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_text())["posterior_digest"])


def test_the_folder_is_whole_and_its_scenario_runs_with_the_draws(undisturbed: Path) -> None:
    assert {path.name for path in undisturbed.iterdir()} == {
        "manifest.json", "scenario.yaml", "posterior.parquet", "posterior_summary.csv", "correlations.csv",
        "principal_components.csv", "predictive.csv", "left_out.csv",
        "posterior_summary.png", "predictive.png", "left_out.png",
    }  # fmt: skip
    scenario = ts.load_scenario(undisturbed / "scenario.yaml")
    assert scenario.parameters.digest == digest(undisturbed)
    result = ts.run(scenario, 400)
    estimates = result.estimates.set_index("quantity")
    assert bool(estimates.loc["toxicity.nausea", "is_inside_80"])
    assert pd.read_csv(undisturbed / "posterior_summary.csv")["r_hat"].max() <= 1.01


@pytest.mark.parametrize(("workers", "legs"), [("1", 1), ("2", 7)])
def test_workers_and_interruptions_do_not_matter(undisturbed: Path, tmp_path: Path, workers: str, legs: int) -> None:
    """Ctrl-C in the middle, early or late, then on with all cores: the same draws to the bit."""
    chains = job_folder_path(tmp_path / "out") / f"{CHAINS}{PART}"

    def has_begun() -> bool:
        return chains.exists() and chains.stat().st_size > legs * BYTES_OF_LEG

    interrupt(("calibrate", str(COHORT), *FEW, "--out", "out", "--workers", workers), tmp_path, has_begun)
    refused = calibrate(tmp_path, "--out", "out", "--resume", "--seed", "2")
    assert refused.returncode == 2
    assert "seed" in refused.stderr
    resumed = calibrate(tmp_path, "--out", "out", "--resume", "--quiet")
    assert resumed.returncode == 0, resumed.stderr
    assert digest(tmp_path / "out") == digest(undisturbed)
    assert not job_folder_path(tmp_path / "out").exists()


def test_what_has_not_converged_is_not_written_and_can_go_on(undisturbed: Path, tmp_path: Path) -> None:
    stopped = calibrate(tmp_path, "--out", "out", "--most-steps", "10")
    assert stopped.returncode == 2
    assert "No posterior was written" in stopped.stderr
    assert not (tmp_path / "out").exists()
    assert calibrate(tmp_path, "--out", "out", "--resume").returncode == 0
    assert digest(tmp_path / "out") == digest(undisturbed)


def test_chains_under_other_priors_are_not_gone_on_with(tmp_path: Path) -> None:
    """A parameter set that was edited between an interruption and `--resume`."""
    own = tmp_path / "own"
    shutil.copytree(COHORT.parent, own)
    assert calibrate(tmp_path, "--out", "out", "--most-steps", "10", cohort=own / "cohort.yaml").returncode == 2
    priors = own / "parameters.yaml"
    written = priors.read_text()
    assert "0.06 /month" in written
    priors.write_text(written.replace("0.06 /month", "0.08 /month"))
    refused = calibrate(tmp_path, "--out", "out", "--resume", cohort=own / "cohort.yaml")
    assert refused.returncode == 2
    assert "prior" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_json_is_all_that_is_printed(tmp_path: Path) -> None:
    done = calibrate(tmp_path, "--json", "--set", "interpretations.nausea=counted twice")
    found = json.loads(done.stdout)
    assert found["cohort"] == "invented"
    assert {row["parameter"] for row in found["posterior_summary"]} == {"nausea rate", "sensitive"}
    assert found["predictive"][0]["published"] == pytest.approx(11 / 40)
    assert found["largest_r_hat"] <= 1.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--draws", "5"), "this number of draws is out of range"),
        (("--replicates", "0"), "this number of replicates is out of range"),
        (("--min-ess", "0"), "this effective sample size is out of range"),
        (("--most-steps", "0"), "this number of steps is out of range"),
        (("--seed", "-1"), "this seed is out of range"),
        (("--set", "interpretations.nausea=never"), "there is no such interpretation"),
    ],
)
def test_impossible_requests_are_refused_before_any_work(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = calibrate(tmp_path, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_single_parameter_can_be_calibrated(tmp_path: Path) -> None:
    done = calibrate(tmp_path, "--json", "--set", "events.nausea.rate=0.05 /month", "--leave-one-out")
    found = json.loads(done.stdout)
    assert [row["parameter"] for row in found["posterior_summary"]] == ["sensitive"]
    assert found["correlations"] == []
    assert len(found["left_out"]) == 3


def test_a_cohort_without_a_trial_is_refused(tmp_path: Path) -> None:
    text = COHORT.read_text(encoding="utf-8").replace("scenario: scenario.yaml\n", "")
    (tmp_path / "cohort.yaml").write_text(text, encoding="utf-8")
    done = calibrate(tmp_path, cohort="cohort.yaml")
    assert done.returncode == 2
    assert "the cohort names no scenario" in done.stderr
