"""What an interrupted command keeps, damaged anywhere, is never taken over: it is simulated anew, and said."""

from __future__ import annotations

import random

import pytest
from verification.damaged_folders import COMMANDS, Command, rounds_of


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_damage_anywhere_is_noticed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One or two rounds for each file; see verification/damaged_folders.py for hundreds."""
    monkeypatch.setattr("trialsim.design.settings.PATIENTS_OF_RATES", 20_000)
    monkeypatch.setattr("trialsim.design.working.CHECK_TRIALS", 10_000)
    found = rounds_of(command, 4, random.Random())
    assert {outcome for _, outcome in found} <= {"digest equal, said", "message"}, found
