"""What the README and the docs show is what happens."""

from __future__ import annotations

import json
import math
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from verification import (
    joint_simulation_based_calibration,
    levels_of_designs,
    search_for_n,
    simulation_based_calibration,
)
from verification.calibration_table import table_of

import trialsim as ts
from tests.command_line import trialsim
from tests.reproducible.stored_digests import studies_of
from tests.theory.test_published_designs import of_kind, searched, two_stages
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.joint.build import joint_model_of
from trialsim.calibration.model import calibration_of
from trialsim.config import load_published_trial, scenario_from_mapping
from trialsim.config.calibrated.draw_tables import posterior_file, read_table
from trialsim.config.loading.calibration_studies import load_joint_study
from trialsim.config.loading.comparisons import load_comparison
from trialsim.config.loading.size_studies import is_sizing
from trialsim.config.schema.size_study import SizeStudy
from trialsim.config.source.yaml import read_yaml
from trialsim.records.digest import configuration_digest

ROOT = Path(__file__).parents[2]
VERIFICATION = ROOT / "results" / "verification"
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "results")]

import calibrate  # noqa: E402
import write_examples  # noqa: E402
import write_tables  # noqa: E402

HONEST = 0.93  # of intervals of 95 %: n is whole, and 300 searches leave a standard error of 0.013
IMMEDIATE = "immediate outcomes"

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = re.findall(r"^    (trialsim .*?)(?:  +#.*)?$", README, flags=re.MULTILINE)
YAML_BLOCKS = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)


def test_the_outputs_in_the_readme_are_what_the_commands_print() -> None:
    assert "± is the Monte Carlo standard error" in README
    assert write_examples.with_outputs(README) == README


def test_the_readme_is_short_and_its_map_names_every_folder() -> None:
    assert len(README.splitlines()) <= 120
    package = [folder.name for folder in (ROOT / "src" / "trialsim").iterdir() if (folder / "__init__.py").exists()]
    assert len(package) > 15
    for name in (*package, "configs", "tests", "docs", "verification", "benchmarks", "results"):
        assert re.search(rf"`{name}/?`", README), name


def test_the_page_on_python_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "guide" / "python.md").read_text(encoding="utf-8")
    assert page.count("```python") == 2
    assert write_examples.with_outputs(page) == page


@pytest.mark.parametrize(
    ("page", "name", "table"),
    [("calibration.md", "tosi2000", "Posterior summary"), ("guide/published-pilot.md", "rini2009", "Rini 2013")],
)
def test_a_page_on_calibration_shows_what_was_found(page: str, name: str, table: str) -> None:
    """The committed summary is that of the committed tables, and the draws are those that they speak of."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert table in text
    assert write_examples.with_outputs(text) == text
    folder = ROOT / "results" / "calibration" / name
    assert calibrate.summary(folder, name) == (folder / "summary.txt").read_text(encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    shipped = read_table(posterior_file(name), "")
    assert manifest["posterior_digest"] == shipped.digest == ts.load_scenario(name).parameters.digest
    assert len(shipped.values) >= 4000
    posterior_summary = pd.read_csv(folder / "posterior_summary.csv")
    assert posterior_summary["r_hat"].max() <= 1.01
    assert posterior_summary[["ess_bulk", "ess_tail"]].to_numpy().min() >= 1000
    for i, parameter in enumerate(shipped.names):
        row = posterior_summary.set_index("parameter").loc[parameter]
        spread = shipped.values[:, i].std()
        assert float(np.median(shipped.values[:, i])) == pytest.approx(row["posterior_median"], abs=0.1 * spread)
    assert pd.read_csv(folder / "predictive.csv")["is_inside_80"].all()


def test_the_page_on_comparing_shows_what_was_found() -> None:
    """Its example runs, its study is one, and the committed tables are those of the study as it stands."""
    page = (ROOT / "docs" / "guide" / "compare.md").read_text(encoding="utf-8")
    assert write_examples.with_outputs(page) == page
    assert page.count("decided by a Python function; True") == 1
    block = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(block, encoding="utf-8")
        loaded = load_comparison(path, {"accrual.patients": 20})
        assert loaded.warnings == []
        assert len(ts.compare(loaded, replicates=10).differences) == 3 * 6
    for name in studies_of("compare"):
        manifest = json.loads((ROOT / "results" / "studies" / name / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["study_digest"] == configuration_digest(load_comparison(name).to_mapping())
        assert ts.compare(name).digest == manifest["results_digest"]


def test_the_page_on_sizes_shows_what_was_found() -> None:
    """The committed tables are those of the studies as they stand; the quickest is searched again."""
    page = (ROOT / "docs" / "guide" / "size.md").read_text(encoding="utf-8")
    assert write_examples.with_outputs(page) == page
    for name in filter(is_sizing, ts.builtin_names("studies")):
        manifest = json.loads((ROOT / "results" / "studies" / name / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["study_digest"] == configuration_digest(ts.load_sizing(name).to_mapping())
        if name == "precision_response":
            assert ts.size(name).digest == manifest["results_digest"]


def test_the_verification_of_designs_holds() -> None:
    """What the page tells: intervals for n that are honest, and levels that are exact, of every shipped study."""
    searches = json.loads((VERIFICATION / "search_for_n.json").read_text(encoding="utf-8"))
    exact = searches.pop("exact test in one stage")
    assert [(item["p0"], item["p1"]) for item in exact] == list(search_for_n.EXACT)
    assert searches.keys() == search_for_n.STUDIES.keys()
    assert all(item["inside"] >= HONEST * item["seeds"] for item in (*exact, *searches.values()))
    levels = json.loads((VERIFICATION / "levels.json").read_text(encoding="utf-8"))
    assert list(dict.fromkeys(line["study"] for line in levels)) == list(filter(is_sizing, ts.builtin_names("studies")))
    assert all(abs(line["z"]) < N_STANDARD_ERRORS for line in levels if line["how"] == IMMEDIATE)


@pytest.mark.parametrize("rates", search_for_n.EXACT)
def test_searches_for_a_known_n_are_as_honest_as_they_were(rates: tuple[float, float]) -> None:
    """The answer by SciPy's binomial distribution, and a few searches again."""
    stored = json.loads((VERIFICATION / "search_for_n.json").read_text(encoding="utf-8"))["exact test in one stage"]
    (line,) = (item for item in stored if (item["p0"], item["p1"]) == rates)
    n = np.arange(1, search_for_n.LARGEST + 1)
    r = stats.binom.isf(search_for_n.ALPHA, n, rates[0])  # more than r of n reject
    power = stats.binom.sf(r, n, rates[1])
    assert line["answer"] == n[power < search_for_n.TARGET][-1] + 1
    again = search_for_n.exact_verified(rates, 40)
    assert again["answer"] == line["answer"]
    share = line["inside"] / line["seeds"]
    error = math.sqrt(share * (1.0 - share) * (1.0 / line["seeds"] + 1.0 / again["seeds"]))
    assert again["inside"] / again["seeds"] > share - N_STANDARD_ERRORS * error


def test_levels_simulated_again_are_those_that_were_found() -> None:
    """One study, with other draws of chance than the committed ones, and its exact level written out."""
    stored = json.loads((VERIFICATION / "levels.json").read_text(encoding="utf-8"))
    lines = {line["how"].partition(",")[0]: line for line in stored if line["study"] == "simon_response"}
    again = levels_of_designs.level_of("simon_response", 4000, seed=levels_of_designs.SEED + 1)
    found = {line["how"].partition(",")[0]: line for line in again}
    assert found.keys() == lines.keys()
    design = of_kind("optimal", searched(0.15, 0.30, 0.05, 0.80))
    level, _, _ = two_stages(design.n1, design.r1, design.n, design.r, 0.15)
    for how, line in found.items():
        assert line["exact"] == pytest.approx(level)
        assert lines[how]["exact"] == pytest.approx(level)
        error = math.hypot(line["mcse"], lines[how]["mcse"])
        assert abs(line["simulated"] - lines[how]["simulated"]) < N_STANDARD_ERRORS * error


def test_the_verification_of_the_calibration_holds() -> None:
    """What the pages tell of `verification/`: uniform ranks, coverage, the same medians another way, recovery."""
    names = calibration_of(load_published_trial("tosi2000")).names
    found, other, recovered = (
        json.loads((VERIFICATION / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("calibration", "independent_fit", "recovery")
    )
    for summary in (found, other, recovered):
        assert sorted(row["parameter"] for row in summary["parameters"]) == sorted(names)
    assert found["cohorts"] >= 200
    assert found["smallest_p_holm"] > 0.01
    margin = N_STANDARD_ERRORS * math.sqrt(0.95 * 0.05 / found["cohorts"])
    assert all(abs(row["coverage_0.95"] - 0.95) <= margin for row in found["parameters"])
    assert other["largest_abs_z"] < 3.0
    assert recovered["covered"] >= recovered["of"] - 2
    assert recovered["largest_r_hat"] < 1.02


def test_the_verification_of_the_joint_calibration_holds() -> None:
    """Uniform ranks of all that two trials share and differ in, and of a posterior that is wrong on purpose none."""
    found = json.loads((VERIFICATION / "joint_calibration.json").read_text(encoding="utf-8"))
    model = joint_model_of(load_joint_study(joint_simulation_based_calibration.STUDY))
    assert len(found["parameters"]) == model.n_scores
    assert found["pairs"] >= 200
    assert found["smallest_p_holm"] > 0.01
    margin = N_STANDARD_ERRORS * math.sqrt(0.95 * 0.05 / found["pairs"])
    assert all(abs(row["coverage_0.95"] - 0.95) <= margin for row in found["parameters"])
    for fault in joint_simulation_based_calibration.FAULTS[1:]:
        assert found["faults"][fault]["smallest_p_holm"] < 0.001, fault


def test_an_importance_sample_again_has_the_medians_that_were_found() -> None:
    """Fewer prior draws, of another seed, under the same likelihood; beside both committed fits."""
    calibration = calibration_of(load_published_trial("tosi2000"))
    table = table_of(calibration, 2000, 400, simulation_based_calibration.SEED + 100, 2)
    weights = table.weights(calibration.terms)
    for name in ("calibration", "independent_fit"):
        stored = json.loads((VERIFICATION / f"{name}.json").read_text(encoding="utf-8"))
        rows = {row["parameter"]: row for row in stored["parameters"]}
        for i, parameter in enumerate(calibration.names):
            median, error = simulation_based_calibration.weighted_median(table.scores[:, i], weights)
            row = rows[parameter]
            both = math.hypot(error, row["median_score_mcse" if name == "calibration" else "mcse"])
            assert abs(median - row["median_score"]) < N_STANDARD_ERRORS * both, (name, parameter)


def test_the_readme_has_commands_and_a_scenario() -> None:
    assert len(SHELL) >= 5
    assert len(YAML_BLOCKS) == 1


@pytest.mark.parametrize("command", dict.fromkeys(SHELL))
def test_each_command_of_the_readme_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 20_000)
    (tmp_path / "my-trial.yaml").write_text(YAML_BLOCKS[0], encoding="utf-8")
    (tmp_path / "patients.csv").write_text("enrolled_day,event_day\n3,\n8,60\n20,\n", encoding="utf-8")
    arguments = shlex.split(re.sub(r"--replicates \d+", "", command))[1:]
    few = {"run": ["--replicates", "5"], "compare": ["--replicates", "5"], "size": ["--replicates", "300"]}
    few["monitor"] = ["--futures", "100"]
    done = trialsim(tmp_path, *arguments, *few.get(arguments[0], []))
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_key_of_the_page_on_scenarios_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    block = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)[0]
    file = tmp_path / "every-key.yaml"
    file.write_text(block, encoding="utf-8")
    scenario = ts.load_scenario(file)
    assert scenario.clinic is not None
    assert ts.run(scenario, replicates=2).replicates.n == 2


def test_every_key_of_a_study_of_size_is_on_its_page(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "guide" / "size.md").read_text(encoding="utf-8")
    block = text.partition("### Every key")[2].partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "every-key.yaml"
    file.write_text(block, encoding="utf-8")
    written, _ = read_yaml(file)
    assert set(written) == set(SizeStudy.model_fields)
    study = SizeStudy.model_validate(written)
    conduct = text.partition("### Conduct")[2].partition("###")[0]
    assert all(f"`{key}" in conduct for key in type(study.conduct).model_fields)
    for name in ("power", "alpha", "sides", "confidence", "largest_n", "replicates"):
        assert getattr(study, name) == SizeStudy.model_fields[name].default, name


def test_the_other_accrual_of_the_page_on_scenarios_is_one(tosi2000: ts.Scenario) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    block = page.split("# accrual:")[1].split("\n\n")[0]
    lines = [line.removeprefix("#") for line in block.splitlines()[1:]]
    accrual = yaml.safe_load("\n".join(lines))
    changed = tosi2000.with_changes({"accrual": {**accrual, "over": None}})
    assert changed.accrual.sites is not None


def test_the_page_on_tables_is_written_from_the_declarations() -> None:
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == write_tables.text()


@pytest.mark.parametrize("name", ts.builtin_names("scenarios"))
def test_reference_results_are_of_the_scenarios_as_they_stand(name: str) -> None:
    manifest = json.loads((ROOT / "results" / "reference" / name / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario_digest"] == configuration_digest(ts.load_scenario(name).to_mapping())
    assert scenario_from_mapping(manifest["scenario"]) == ts.load_scenario(name)


def test_reference_results_run_again_from_their_manifest() -> None:
    folder = ROOT / "results" / "reference" / "tosi2000"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert ts.run_again(folder / "manifest.json").digest == manifest["results_digest"]


def test_links_in_the_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_makefile_has_the_targets_that_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("run", "test", "check", "bench", "results"):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_planner_of_replicates_is_the_formula() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    errors = [float(points) / 100 for points in re.findall(r"± ([\d.]+) points?(?= \|)", page)]
    assert errors == [0.02, 0.01, 0.005, 0.002, 0.001]
    rows = re.findall(r"^\| (0\.\d+)[^|]* \|((?: [\d,]+ \|){5})$", page, flags=re.MULTILINE)
    assert [float(share) for share, _ in rows] == [0.5, 0.8, 0.9, 0.95, 0.975]
    for share, cells in rows:
        sd = math.sqrt(float(share) * (1 - float(share)))
        shown = [int(cell.replace(",", "")) for cell in cells.split(" |")[:-1]]
        assert shown == [ts.replicates_for(sd, error) for error in errors]


def test_the_options_that_the_page_on_running_names_exist() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    code = "from trialsim.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "run", "--help"], capture_output=True, text=True, check=True)
    lines = [line for line in page.splitlines() if "trialsim run" in line]
    named = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert {"--resume", "--target-mcse", "--cluster", "--replicates"} <= named
    for option in (*named, "--workers", "--engine"):
        assert option in done.stdout
