"""A run that was interrupted, killed, or asked to grow goes on to what an undisturbed run gives."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.errors import Interrupted
from trialsim.records.outcomes import columns_of
from trialsim.simulation.engine import simulate_rows
from trialsim.storage.checkpoint import ROWS
from trialsim.storage.job_folder import is_unfinished, job_folder_path, locked_job_folder

pytestmark = pytest.mark.slow

WILD = {"events.rash.effects": {"age": {"hazard_ratio": 1000, "per": "0.1 years"}}}


class StopAfter:
    """Progress that presses Ctrl-C after a number of replicates."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, done: int, wanted: int) -> None:
        if done >= self.n:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("engine", "workers"), [("reference", 1), ("batch", 1), ("batch", 2)])
def test_an_interrupted_run_goes_on_to_the_digest_of_an_undisturbed_one(
    tosi2000: ts.Scenario, tmp_path: Path, engine: str, workers: int
) -> None:
    undisturbed = ts.run(tosi2000, replicates=130, seed=4).digest
    with pytest.raises(Interrupted) as raised:
        ts.run(
            tosi2000, replicates=130, seed=4, engine=engine, workers=workers, block_size=9, on_progress=StopAfter(60)
        )
    part = raised.value.finished
    assert isinstance(part, ts.Result)
    assert 63 <= part.replicates.n < 130
    assert part.digest == ts.run(tosi2000, replicates=part.replicates.n, seed=4).digest
    folder = part.save(tmp_path / "out")
    assert json.loads((folder / "manifest.json").read_text())["is_complete"] is False
    resumed = ts.run(tosi2000, replicates=130, seed=4, resume=folder)
    assert resumed.digest == undisturbed
    wrong = f"{part.replicates.n} replicates already, more than the 60 asked for"
    with pytest.raises(ts.DestinationError, match=wrong):
        ts.run(tosi2000, replicates=60, seed=4, out=folder, resume=folder)
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "a refusal leaves nothing behind"


def test_resuming_another_run_is_refused_with_the_difference(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    folder = ts.run(tosi2000, replicates=5, seed=4).save(tmp_path / "out")
    changed = tosi2000.with_changes({"treatment.every": "21 days"})
    with pytest.raises(ts.DestinationError, match=r"treatment.every: 14 days there, 21 days here"):
        ts.run(changed, replicates=5, seed=4, resume=folder)
    with pytest.raises(ts.DestinationError, match="seed: 4 there, 5 here"):
        ts.run(tosi2000, replicates=5, seed=5, resume=folder)


def test_resuming_results_that_were_tampered_with_is_refused(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    folder = ts.run(tosi2000, replicates=60, seed=4).save(tmp_path / "out")
    table = pd.read_parquet(folder / "replicates.parquet")
    table["n_died"] = table["n_died"] + (table["replicate"] == 41)
    table.to_parquet(folder / "replicates.parquet", index=False)
    with pytest.raises(ts.DestinationError, match="not those that its manifest speaks of"):
        ts.run(tosi2000, replicates=70, seed=4, resume=folder)


def test_a_scenario_with_dates_in_lists_can_be_resumed(tmp_path: Path) -> None:
    followup = ts.load_scenario("followup")
    folder = ts.run(followup, replicates=3, seed=4).save(tmp_path / "out")
    resumed = ts.run(followup, replicates=6, seed=4, resume=folder)
    assert resumed.digest == ts.run(followup, replicates=6, seed=4).digest


def test_resuming_a_folder_whose_table_is_broken_is_refused(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    folder = ts.run(tosi2000, replicates=3, seed=4).save(tmp_path / "out")
    (folder / "replicates.parquet").write_bytes(b"no parquet")
    with pytest.raises(ts.DestinationError, match="cannot be read"):
        ts.run(tosi2000, replicates=6, seed=4, resume=folder)


def test_a_run_grows_and_keeps_its_first_trials(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    first = ts.run(tosi2000, replicates=40, seed=4, out=tmp_path / "out")
    grown = ts.run(tosi2000, replicates=160, seed=4, out=tmp_path / "out", resume=tmp_path / "out", engine="batch")
    pd.testing.assert_frame_equal(grown.outcomes.head(40), first.outcomes, check_exact=True)
    assert grown.digest == ts.run(tosi2000, replicates=160, seed=4).digest
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["replicates"] == 160
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# A run in a process of its own, in blocks of one trial each, that dies when it comes to one of them.
DIES_AT = """
import os, signal, sys
import trialsim as ts
from trialsim.simulation import replicates
def watched(trials, engine, seed, first, n, simulate=replicates.rows_of_trials):
    if first == {replicate}:
        os.kill(os.getpid(), signal.SIGKILL)
    return simulate(trials, engine, seed, first, n)
replicates.rows_of_trials = watched
ts.run(ts.load_scenario("tosi2000"), 100, 4, engine="reference", block_size=1, out="out")
"""


def die(folder: Path, replicate: int) -> None:
    code = DIES_AT.format(replicate=replicate)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_what_a_killed_run_had_finished_is_taken_over(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    die(tmp_path, 60)
    out = tmp_path / "out"
    assert not out.exists()
    assert is_unfinished(out)
    todo: list[int] = []
    done = ts.run(tosi2000, 100, 4, out=out, resume=out, on_progress=lambda done, wanted: todo.append(wanted - done))
    assert max(todo) == 41
    assert done.digest == ts.run(tosi2000, 100, 4).digest
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_an_unfinished_run_of_another_scenario_is_not_taken_over_and_not_lost(
    tmp_path: Path, tosi2000: ts.Scenario
) -> None:
    die(tmp_path, 20)
    out = tmp_path / "out"
    changed = tosi2000.with_changes({"treatment.every": "21 days"})
    with pytest.raises(ts.DestinationError, match=r"treatment.every: 14 days there, 21 days here"):
        ts.run(changed, 100, 4, out=out, resume=out)
    with pytest.raises(ts.DestinationError, match="seed: 4 there, 5 here"):
        ts.run(tosi2000, 100, 5, out=out, resume=out)
    assert ts.run(tosi2000, 30, 4, out=out, resume=out).replicates.n == 30


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_rows_that_a_failing_machine_left_behind_are_simulated_again(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    die(tmp_path, 60)
    rows = job_folder_path(tmp_path / "out") / ROWS
    whole = rows.read_bytes()
    rows.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2 + 13))
    done = ts.run(tosi2000, 100, 4, out=tmp_path / "out", resume=tmp_path / "out")
    assert done.digest == ts.run(tosi2000, 100, 4).digest


def unfinished(out: Path, scenario: ts.Scenario, seed: int, *, of_seed: int | None = None, n: int = 60) -> Path:
    """What a run with a seed leaves when it is killed after `n` replicates (those `of_seed`); its folder."""
    protocol = protocol_of(scenario)
    with locked_job_folder(out) as job:
        job.checkpoint.begin({"scenario": scenario.to_mapping(), "seed": seed})
        store = job.checkpoint.store(columns_of(protocol))
        for first in range(1, n + 1, 20):
            store.append(simulate_rows("reference", protocol, of_seed or seed, first, 20))
    return job.path


def test_rows_of_other_trials_are_refused(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    """As another version of the package would have left them: whole, and other trials."""
    unfinished(tmp_path / "out", tosi2000, 4, of_seed=5)
    with pytest.raises(ts.DestinationError, match="this version simulates other trials"):
        ts.run(tosi2000, 100, 4, out=tmp_path / "out", resume=tmp_path / "out")


@pytest.mark.parametrize("place", [9, -9])
def test_a_flipped_byte_is_noticed_and_its_replicates_are_simulated_anew(
    tmp_path: Path, tosi2000: ts.Scenario, place: int
) -> None:
    out = tmp_path / "out"
    rows = unfinished(out, tosi2000, 4) / ROWS
    changed = bytearray(rows.read_bytes())
    changed[place] ^= 1
    rows.write_bytes(bytes(changed))
    said: list[str] = []
    done = ts.run(tosi2000, 80, 4, out=out, resume=out, on_note=said.append)
    assert done.digest == ts.run(tosi2000, 80, 4).digest
    assert any("do not fit their checksums: they are simulated anew" in text for text in said)


def test_a_request_that_cannot_be_read_is_begun_anew(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    out = tmp_path / "out"
    request = unfinished(out, tosi2000, 4, of_seed=5) / "run.json"
    request.write_bytes(request.read_bytes().replace(b'"seed": 4', b'"seed": 3'))
    said: list[str] = []
    done = ts.run(tosi2000, 30, 3, out=out, resume=out, on_note=said.append)
    assert done.digest == ts.run(tosi2000, 30, 3).digest
    assert any("cannot be read: it is begun anew" in text for text in said)


def test_results_of_another_configuration_are_replaced_only_if_asked_for(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    """Two files of one name in two folders."""
    out = tmp_path / "out"
    other = tosi2000.with_changes({"treatment.every": "21 days"})
    first = ts.run(tosi2000, 3, 4, out=out)
    with pytest.raises(ts.DestinationError, match=r"treatment.every: 14 days there, 21 days here\n.*--overwrite"):
        ts.run(other, 3, 4, out=out)
    with pytest.raises(ts.DestinationError, match="another configuration"):
        ts.run(other, 3, 4).save(out)
    with pytest.raises(ts.DestinationError, match="another configuration"):
        ts.run(tosi2000, 3, 4, out=out, strategy=lambda view: None)
    assert json.loads((out / "manifest.json").read_text())["results_digest"] == first.digest
    assert ts.run(tosi2000, 4, 5, out=out).replicates.n == 4, "the same configuration replaces its own"
    done = ts.run(other, 3, 4, out=out, overwrite=True)
    assert json.loads((out / "manifest.json").read_text())["results_digest"] == done.digest


def test_an_unfinished_run_of_another_configuration_is_forgotten_only_if_asked_for(
    tmp_path: Path, tosi2000: ts.Scenario
) -> None:
    out = tmp_path / "out"
    unfinished(out, tosi2000, 4)
    other = tosi2000.with_changes({"treatment.every": "21 days"})
    with pytest.raises(ts.DestinationError, match="an unfinished run of another configuration"):
        ts.run(other, 3, 4, out=out)
    ts.run(tosi2000, 3, 4).save(out)
    assert is_unfinished(out), "results that are saved leave an unfinished run alone"
    ts.run(other, 3, 4, out=out, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_crash_between_two_moves_loses_no_older_results(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    out = ts.run(tosi2000, 3).save(tmp_path / "out")
    folder = job_folder_path(out)
    folder.mkdir()
    out.replace(folder / "older")
    with pytest.raises(ts.HazardError):
        ts.run(
            tosi2000.with_changes({"events.rash.effects": {"age": {"hazard_ratio": 1000, "per": "0.1 years"}}}),
            3,
            out=out,
        )
    assert json.loads((out / "manifest.json").read_text())["replicates"] == 3


def test_two_runs_do_not_write_one_folder_at_once(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    with (
        locked_job_folder(tmp_path / "out"),
        pytest.raises(ts.DestinationError, match="another run is writing there"),
    ):
        ts.run(tosi2000, 3, out=tmp_path / "out")


def command(out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "trialsim", "run", "tosi2000", "--replicates", "60000", "--json", "--seed", "8",
        "--out", str(out), *more,
    ]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_a_run_killed_at_random_moments_goes_on_to_the_digest_of_an_undisturbed_one(tmp_path: Path) -> None:
    """Each round goes on where the last one was killed; see verification/killed_runs.py for rounds that start anew."""
    started = time.perf_counter()
    undisturbed = subprocess.run(command(tmp_path / "whole"), capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    moments = random.Random()
    rows = job_folder_path(tmp_path / "out") / ROWS
    for i in range(6):
        process = subprocess.Popen(
            command(tmp_path / "out", "--resume"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while i == 0 and process.poll() is None and not (rows.exists() and rows.stat().st_size > 0):
            time.sleep(0.01)
        try:
            process.communicate(timeout=0.0 if i == 0 else moments.uniform(0.2, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if i == 0:  # later kills land where they land
            assert process.returncode == -signal.SIGKILL
            assert is_unfinished(tmp_path / "out"), "killed while it was under way"
            assert not (tmp_path / "out").exists()
    resumed = subprocess.run(command(tmp_path / "out", "--resume"), capture_output=True, text=True, check=True)
    digests = [json.loads(done.stdout)["results_digest"] for done in (undisturbed, resumed)]
    assert digests[0] == digests[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]


def test_what_a_user_puts_into_the_folder_during_a_run_is_not_removed(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    out = ts.run(tosi2000, 60, 4).save(tmp_path / "out")

    def meanwhile(done: int, wanted: int) -> None:
        (out / "notes.txt").write_text("precious")

    with pytest.raises(ts.DestinationError, match=r"something else than results \(notes.txt\)"):
        ts.run(tosi2000, 100, 4, out=out, on_progress=meanwhile)
    assert (out / "notes.txt").read_text() == "precious"
    (out / "notes.txt").unlink()
    assert is_unfinished(out), "what was simulated is kept"
    assert ts.run(tosi2000, 100, 4, out=out, resume=out).digest == ts.run(tosi2000, 100, 4).digest


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_reading_the_unfinished_run_of_another_folder_leaves_it_as_it_is(tmp_path: Path, tosi2000: ts.Scenario) -> None:
    die(tmp_path, 60)
    rows = job_folder_path(tmp_path / "out") / ROWS
    with rows.open("ab") as file:
        file.write(b"half a row")
    before = rows.read_bytes()
    other = ts.run(tosi2000, 100, 4, out=tmp_path / "other", resume=tmp_path / "out")
    assert other.digest == ts.run(tosi2000, 100, 4).digest
    assert rows.read_bytes() == before


PRESSES_CTRL_C = """
import os, random, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import trialsim as ts
scenario = ts.load_scenario("tosi2000")
ts.run(scenario, 100, 4, engine="batch")
n_cut, rounds = 0, 0  # runs that the signal cut short with something finished
while rounds < 25 or (n_cut == 0 and rounds < 200):
    rounds += 1
    presses = threading.Timer(random.uniform(0.0, 0.15), os.kill, (os.getpid(), signal.SIGINT))
    try:
        presses.start()
        found = ts.run(scenario, 20_000, 4, engine="batch", workers=2, block_size=50, keep=1)
        time.sleep(1)
    except ts.Interrupted as stop:
        found = stop.finished
    except KeyboardInterrupt:
        continue
    if found is not None:
        numbers = found.replicates.store["replicate"].tolist()
        assert numbers == list(range(1, len(numbers) + 1)), numbers[-5:]
        n_cut += 0 < len(numbers) < 20_000
assert n_cut, "no signal came in the middle of a run"
print("no gaps")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent")
def test_ctrl_c_at_any_moment_leaves_no_gap(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRESSES_CTRL_C], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().endswith("no gaps"), done.stderr
