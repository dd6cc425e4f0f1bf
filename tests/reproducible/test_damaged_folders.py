"""What an interrupted command keeps, damaged anywhere, is never taken over: it is simulated anew, and said."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from verification.damaged_folders import COMMANDS, Command, rounds_of

from trialsim.calibration.checkpoint import Keeping
from trialsim.calibration.sampling import Chains
from trialsim.storage.job_folder import CHAINS, VARIANTS, work_folder

pytestmark = pytest.mark.slow

QUICK = [command for command in COMMANDS if command.name != "calibrate"]


@pytest.mark.parametrize("command", QUICK, ids=lambda command: command.name)
def test_damage_anywhere_is_noticed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One or two rounds for each file; see verification/damaged_folders.py for hundreds."""
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 20_000)
    monkeypatch.setattr("trialsim.design.job.CHECK_TRIALS", 10_000)
    found = rounds_of(command, 4, random.Random())
    assert {outcome for _, outcome in found} <= {"digest equal, said", "message"}, found


@pytest.mark.parametrize("name", [CHAINS, VARIANTS])
def test_damaged_chains_and_variants_are_not_gone_on_with(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    chains = Chains([np.ones((2, 1, 3, 1))])
    with work_folder(tmp_path / "out", on_note=said.append) as work:
        keeping = Keeping(work, {"calibrate": {"seed": 1}}, is_resumed=False)
        keeping.on_leg(lambda done, wanted: None)(chains, 2)
        keeping.on_variant(lambda done, wanted: None)([{"variant": 1}], 1, 2)
        assert (keeping.chains().n_legs, keeping.variants()) == (1, [{"variant": 1}])
        content = bytearray((work.path / name).read_bytes())
        content[random.randrange(len(content))] ^= 1
        (work.path / name).write_bytes(bytes(content))
        again = Keeping(work, {"calibrate": {"seed": 1}}, is_resumed=True)
        assert again.chains().n_legs == (0 if name == CHAINS else 1)
        assert again.variants() == ([] if name == VARIANTS else [{"variant": 1}])
    assert f"{name} does not fit its checksum: it is simulated anew" in said[0]
