"""What an interrupted command keeps, damaged anywhere, is never taken over: it is simulated anew, and said."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from verification.damaged_folders import COMMANDS, Command, rounds_of

from trialsim.calibration.checkpoint import CHAINS, VARIANTS, read_chains, read_rows, write_chains, write_rows
from trialsim.calibration.sampling import Chains
from trialsim.storage.checkpoint import PART
from trialsim.storage.job_folder import locked_job_folder

pytestmark = pytest.mark.slow

VARIANT = [
    {"variant": "as calibrated", "unit": "", "value": 0.1 + 0.2},
    {"variant": "wider", "unit": "days", "value": 1.0},
]
QUICK = [command for command in COMMANDS if command.name != "calibrate"]


@pytest.mark.parametrize("command", QUICK, ids=lambda command: command.name)
def test_damage_anywhere_is_noticed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One or two rounds for each file; see verification/damaged_folders.py for hundreds."""
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 20_000)
    monkeypatch.setattr("trialsim.design.job.CHECK_TRIALS", 10_000)
    found = rounds_of(command, 4, random.Random())
    assert {outcome for _, outcome in found} <= {"digest equal, said", "message"}, found


@pytest.mark.parametrize("name", [CHAINS, VARIANTS])
def test_damaged_chains_and_variants_are_not_resumed(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    chains = Chains([np.ones((2, 1, 3, 1))])
    with locked_job_folder(tmp_path / "out", on_note=said.append) as job:
        job.checkpoint.begin_or_resume({"calibrate": {"seed": 1}}, is_resumed=False)
        write_chains(job.checkpoint, chains)
        write_rows(job.checkpoint, VARIANTS, VARIANT)
        assert (read_chains(job.checkpoint).n_legs, read_rows(job.checkpoint, VARIANTS)) == (1, VARIANT)
        path = job.path / f"{name}{PART}"
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 1
        path.write_bytes(bytes(content))
        job.checkpoint.begin_or_resume({"calibrate": {"seed": 1}}, is_resumed=True)
        assert read_chains(job.checkpoint).n_legs == (0 if name == CHAINS else 1)
        assert read_rows(job.checkpoint, VARIANTS) == ([] if name == VARIANTS else VARIANT)
    assert f"{name}{PART} does not fit its checksum: it is simulated anew" in said[0]
