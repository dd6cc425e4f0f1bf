"""The results folder is there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import trialsim as ts
from trialsim.records.store import results_folder


def fail_half_way(destination: Path) -> None:
    with results_folder(destination) as folder:
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
    (folder / "a leftover").write_text("of an older version")
    ts.run(tosi2000, replicates=3).save(folder)
    assert not (folder / "a leftover").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


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


def test_a_run_that_is_killed_leaves_no_results_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trialsim.cli", "run", "tosi2000", "--replicates", "20000", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path)
    time.sleep(3.0)
    process.kill()
    process.wait(timeout=30)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_keeps_what_was_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trialsim.cli", "run", "tosi2000", "--replicates", "20000", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(8.0)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "go on with --resume" in stderr
    assert "Traceback" not in stderr
    assert (tmp_path / "out" / "manifest.json").is_file()
