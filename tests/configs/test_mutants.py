"""A slice of the mutants of `verification.fuzz_configurations`: each is accepted or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from verification.fuzz_configurations import outcome_of, shipped_files
from verification.mutations import mutant

FILES = shipped_files()
TEXTS = [file.read_text(encoding="utf-8") for file in FILES]
N_EACH = 8


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_mutants_of_shipped_files_are_accepted_or_refused(tmp_path: Path, file: Path) -> None:
    text = TEXTS[FILES.index(file)]
    for number in range(N_EACH):
        kind, content = mutant(text, TEXTS, f"test/{file.parent.name}/{file.name}/{number}")
        (tmp_path / "mutant.yaml").write_bytes(content)
        outcome = outcome_of(tmp_path / "mutant.yaml", file.parent.name == "strategies", number == 0)
        assert outcome in ("accepted", "refused"), (number, kind)
