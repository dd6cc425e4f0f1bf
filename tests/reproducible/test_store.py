"""The results folder is there whole or not at all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import trialsim as ts
from trialsim.storage.job_folder import is_unfinished, locked_job_folder
from trialsim.storage.results_folder import check_destination

pytestmark = pytest.mark.slow


def fail_half_way(destination: Path) -> None:
    with locked_job_folder(check_destination(destination)) as job, job.results() as folder:
        (folder / "a file").write_text("half")
        raise RuntimeError("half way")


def test_a_folder_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_leaves_the_older_results_alone(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    folder = ts.run(tosi2000, replicates=2).save(tmp_path / "out")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_newer_results_replace_older_ones_whole(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    folder = ts.run(tosi2000, replicates=2).save(tmp_path / "out")
    ts.run(tosi2000, replicates=4, seed=2).save(folder)
    assert len(pd.read_parquet(folder / "replicates.parquet")) == 4, "the same configuration replaces its own"
    ts.run(ts.load_scenario("followup"), replicates=3).save(folder, overwrite=True)
    assert not (folder / "interpretations.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_users_own_file_keeps_a_results_folder_from_being_replaced(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    folder = ts.run(tosi2000, replicates=2).save(tmp_path / "out")
    (folder / "notes.md").write_text("precious")
    with pytest.raises(ts.DestinationError, match=r"something else than results \(notes.md\)"):
        ts.run(tosi2000, replicates=3).save(folder)
    assert (folder / "notes.md").read_text() == "precious"


def test_a_manifest_of_something_else_does_not_make_a_results_folder(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text('{"name": "my extension"}')
    with pytest.raises(ts.DestinationError, match="something else than results"):
        ts.run(tosi2000, replicates=3).save(tmp_path / "out")


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    ts.run(tosi2000, replicates=2).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "manifest.json").is_file()


@pytest.mark.parametrize("kind", ["a file", "a folder of something else"])
def test_what_is_no_results_folder_is_not_replaced(tmp_path: Path, tosi2000: ts.Scenario, kind: str) -> None:
    destination = tmp_path / "out"
    if kind == "a file":
        destination.write_text("precious")
    else:
        destination.mkdir()
        (destination / "precious").write_text("precious")
    with pytest.raises(ts.DestinationError, match="Allowed: a new folder"):
        ts.run(tosi2000, replicates=2).save(destination)
    found = destination if kind == "a file" else destination / "precious"
    assert found.read_text() == "precious"


# The command line in a process of its own that sends itself a signal when it comes to one replicate.
STOPPED_AT_60 = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have it ignored
import trialsim.simulation.engine as engine
simulate = engine.simulate
def watched(protocol, seed, replicate):
    if replicate == 60:
        os.kill(os.getpid(), {signal})
    return simulate(protocol, seed, replicate)
engine.simulate = watched
sys.argv = ["trialsim", "run", "tosi2000", "--replicates", "100", "--seed", "4", "--out", "out",
            "--engine", "reference", "--block-size", "50", "--workers", "1"]
from trialsim.cli.main import main
main()
"""


def stopped_by(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = STOPPED_AT_60.format(signal=f"signal.{name}")
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_a_run_that_is_killed_leaves_no_results_folder(tmp_path: Path) -> None:
    assert stopped_by("SIGKILL", tmp_path).returncode == -signal.SIGKILL
    assert is_unfinished(tmp_path / "out"), "the first block had been kept"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_ctrl_c_keeps_what_was_finished_and_says_how_to_go_on(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    done = stopped_by("SIGINT", tmp_path)
    assert done.returncode == 130
    assert done.stdout == ""
    assert "interrupted after 50 of 100 replicates" in done.stderr
    assert re.search(r"resume with: trialsim run tosi2000 .*--workers 1 --resume$", done.stderr, flags=re.MULTILINE)
    assert "Traceback" not in done.stderr
    resumed = ts.run(tosi2000, replicates=100, seed=4, resume=tmp_path / "out")
    assert resumed.digest == ts.run(tosi2000, replicates=100, seed=4).digest
