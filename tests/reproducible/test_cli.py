"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def trialsim(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trialsim", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_run_prints_every_published_figure_and_writes_a_folder(tmp_path: Path) -> None:
    done = trialsim("run", "tosi2000", "--replicates", "40", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("constipation", "lethargy", "rash", "median dose", "evaluable", "partial response", "minor response",
                  "progression-free", "relapsed", "died", "median follow-up", "± is the Monte Carlo"):  # fmt: skip
        assert words in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 82
    assert "…" not in done.stdout.rpartition("results digest")[0]  # nothing is cut off
    assert (tmp_path / "results" / "tosi2000" / "manifest.json").is_file()
    assert done.stderr == ""  # no progress bar where there is no terminal


@pytest.mark.parametrize("command", ["check", "run", "calibrate", "compare", "size"])
def test_ctrl_c_before_any_work_says_so(tmp_path: Path, command: str) -> None:
    """Ctrl-C while files are still read."""
    lines = ("import sys", "from trialsim.cli import main, output", "def stop(settings): raise KeyboardInterrupt",
             "for part in (main.trials, main.studies): part.read_settings = stop", "main.main()")  # fmt: skip
    arguments = [sys.executable, "-c", "\n".join(lines), command, "tosi2000"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "interrupted; nothing was written\n"


def test_json_is_the_only_thing_on_standard_output(tmp_path: Path) -> None:
    done = trialsim("run", "tosi2000", "--replicates", "30", "--seed", "3", "--json", "--out", "out", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert {key: found[key] for key in ("scenario", "seed", "replicates", "engine")} == {
        "scenario": "tosi2000", "seed": 3, "replicates": 30, "engine": "reference"}  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["results_digest"] == found["results_digest"]
    names = [estimate["quantity"] for estimate in found["estimates"]]
    assert names[:11] == [
        "toxicity.constipation", "toxicity.lethargy", "toxicity.rash", "dose.median", "evaluable", "response.partial",
        "response.minor", "responders.progression_free", "responders.relapsed", "responders.died", "follow_up.median",
    ]  # fmt: skip
    for estimate in found["estimates"]:
        assert {"published", "value", "mcse", "lower", "upper"} <= set(estimate)


def test_quiet_prints_nothing(tmp_path: Path) -> None:
    done = trialsim("run", "tosi2000", "--replicates", "3", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_set_changes_the_scenario_and_the_name_of_its_results(tmp_path: Path) -> None:
    done = trialsim("run", "tosi2000", "--replicates", "3", "--json", "--set", "treatment.levels=[200]",
                    "--set", "treatment.every=28 days", cwd=tmp_path)  # fmt: skip
    found = json.loads(done.stdout)
    assert found["scenario"].startswith("tosi2000-")
    by_name = {estimate["quantity"]: estimate for estimate in found["estimates"]}
    assert by_name["dose.median"]["value"] == 200.0
    assert (tmp_path / "results" / found["scenario"]).is_dir()


def test_trace_tells_one_patient(tmp_path: Path) -> None:
    done = trialsim("trace", "tosi2000", "--replicate", "417", "--patient", "3", cwd=tmp_path)
    assert done.returncode == 0
    assert "takes the first dose, 100 mg/day" in done.stdout
    assert "observation ends" in done.stdout
    as_json = json.loads(
        trialsim("trace", "tosi2000", "--replicate", "417", "--patient", "3", "--json", cwd=tmp_path).stdout
    )
    assert len(as_json["events"]) == sum(line[:1].isdigit() for line in done.stdout.splitlines())  # others go on


def test_check_tells_the_trial_in_words(tmp_path: Path) -> None:
    done = trialsim("check", "tosi2000", "followup", cwd=tmp_path)
    assert done.returncode == 0
    for words in ("27 patients, uniformly over 10 months", "100, 300, 500, 700, 800 mg/day", "assumed:", "calibrated:",
                  "severe toxicity (new) at onset → reduce 1 level", "Milano: Poisson arrivals"):  # fmt: skip
        assert words in done.stdout


SLOW = "extends: tosi2000\ntreatment: {evry: 28 days}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "wrong.yaml"], "wrong.yaml:2  treatment.evry"),
        (["check", "wrong.yaml", "tosi2000"], "Did you mean every?"),
        (["run", "missing.yaml"], "there is no such file"),
        (["run", "tosi200"], "Did you mean tosi2000?"),
        (["run", "tosi2000", "--replicates", "1000000000000"], "Allowed: 1 to 10,000,000"),
        (["run", "tosi2000", "--replicates", "0"], "this number of replicates is out of range"),
        (["run", "tosi2000", "--seed", "-1"], "this seed is out of range"),
        (["run", "tosi2000", "--set", "treatment.every"], "this is not a setting"),
        (["run", "tosi2000", "--set", "treatment.every=2 minutes"], "'minutes' is not a valid unit here"),
        (["run", "tosi2000", "--set", "events.rash.rate=-1 /month"], "the number is out of range"),
        (["run", "tosi2000", "--set", "accrual.opens=1999-13-40"], "this is not a valid date (expected YYYY-MM-DD)"),
        (["run", "tosi2000", "--set", "treatment.levels=[300, 100]"], "Did you mean [100, 300]?"),
        (["run", "tosi2000", "--set", "accrual.patients=1000000000000"], "accrual.patients = 1000000000000"),
        (["run", "tosi2000", "--out", "wrong.yaml"], "this is a file"),
        (["run", "tosi2000", "--out", "locked/results"], "cannot be written"),
        (["run", "tosi2000", "--out", "."], "this is the folder that you are in"),
        (["run", "tosi2000", "--out", "mine"], "the folder holds something else than results (notes.md)"),
        (["run", "tosi2000", "--set", "name=../elsewhere"], "a name becomes a folder"),
        (
            ["run", "tosi2000", "--set", "treatment.every=0.01 days", "--set", "cut_off.after_opening=99 years"],
            "visits",
        ),
        (["trace", "tosi2000", "--patient", "28"], "there is no such patient"),
        (["trace", "tosi2000", "--replicate", "0"], "out of range"),
    ],
)
def test_wrong_input_gets_its_own_message_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "wrong.yaml").write_text(SLOW)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.md").write_text("precious")
    locked = tmp_path / "locked"
    locked.mkdir()
    if "locked/results" in arguments:
        if os.geteuid() == 0:
            locked.rmdir()
            locked.write_text("root may write everywhere, but not into a file")
        else:
            locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = trialsim(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_help_and_version_come_without_what_is_slow_to_import(tmp_path: Path) -> None:
    slow = ("numba", "matplotlib", "simpy", "pandas", "scipy")
    code = (
        "import sys\nsys.argv = ['trialsim', '--help']\nfrom trialsim.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {slow} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "check" in done.stdout
    assert done.stderr.strip() == "[]"


def test_check_does_not_import_a_compiler_or_pictures(tmp_path: Path) -> None:
    cohort = Path(__file__).parents[2] / "configs" / "cohorts" / "tosi2000.yaml"
    code = (
        f"import sys\nfrom trialsim.workflows.check import check\ncheck(['tosi2000', {str(cohort)!r}])\n"
        "print([m for m in ('numba', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
