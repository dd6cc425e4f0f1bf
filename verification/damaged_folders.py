"""Unfinished work with a flipped bit or a cut file, resumed: the digest of the undisturbed work, or a clear message.

Each round copies what an interrupted command has left, damages one of the files that it keeps at a random place (a bit
is flipped; in one round of four the file is cut there), and resumes. Writes what came of it to
results/verification/damaged.json; exits with 1 if a digest differed, if a damage was taken over without a word, or if
anything but a message came.

    python -m verification.damaged_folders [rounds of each command]
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trialsim as ts
from trialsim.compiled.source_digest import source_digest
from trialsim.storage.job_folder import LOCK, job_folder_path

RECORD = Path(__file__).parents[1] / "results" / "verification" / "damaged.json"
COHORT = Path(__file__).parents[1] / "tests" / "calibration" / "invented" / "cohort.yaml"
COMPARISON = """study: compare
title: steps
scenario: followup
changes: {parameters: mode}
variants: {two weeks: {}, four weeks: {treatment.every: 28 days}}
endpoints: [any response]
"""
SIZE = """study: size
title: one arm
scenario: followup
changes: {parameters: mode}
endpoint: {of: partial response, within: 4 months}
design: single-stage
null: 0.10
alternative: 0.30
alpha: 0.10
power: 0.80
largest_n: 40
replicates: 100
"""
Progress = Callable[[int, int], None]
Note = Callable[[str], None]


class Stop(Exception):  # noqa: N818  # nothing has gone wrong
    """Ends a command at a moment at which it has kept something."""


@dataclass(frozen=True)
class Command:
    """A command, as a function of (results folder, whether to resume, progress, notes) that gives its digest.

    `is_enough` says, of the folder of its unfinished work and of its progress, whether it has kept every kind of file
    that it keeps; one that takes long has only a `share` of the rounds.
    """

    name: str
    do: Callable[[Path, bool, Progress, Note], str]
    is_enough: Callable[[Path, int], bool]
    share: float = 1.0


def run(out: Path, resume: bool, on_progress: Progress, on_note: Note) -> str:
    """200 trials, in blocks of 20."""
    earlier = out if resume else None
    scenario = ts.load_scenario("tosi2000")
    how = {"engine": "batch", "workers": 1, "block_size": 20}
    return ts.run(
        scenario, 200, 3, 1, out=out, resume=earlier, on_progress=on_progress, on_note=on_note, **how  # type: ignore[arg-type]
    ).digest  # fmt: skip


def compare(out: Path, resume: bool, on_progress: Progress, on_note: Note) -> str:
    """200 trials of two variants."""
    study = _written(out, COMPARISON)
    options: dict[str, Any] = {"on_progress": on_progress, "on_note": on_note}
    return ts.compare(study, None, 200, 3, workers=1, out=out, resume=resume, **options).digest


def size(out: Path, resume: bool, on_progress: Progress, on_note: Note) -> str:
    """A search for n with its checks."""
    study = _written(out, SIZE)
    options: dict[str, Any] = {"on_progress": on_progress, "on_note": on_note}
    return ts.size(study, None, 100, 3, workers=1, out=out, resume=resume, **options).digest


def calibrate(out: Path, resume: bool, on_progress: Progress, on_note: Note) -> str:
    """A small posterior."""
    few: dict[str, Any] = {"replicates": 20, "draws": 200, "min_ess": 200, "workers": 1}
    options: dict[str, Any] = {"on_progress": on_progress, "on_note": on_note}
    return ts.calibrate(COHORT, None, 3, out=out, resume=resume, **few, **options).digest


COMMANDS = (
    Command("run", run, lambda folder, done: done >= 100),
    Command("compare", compare, lambda folder, done: done >= 100),
    Command("size", size, lambda folder, done: len(list(folder.glob("*.checkpoint"))) >= 4),
    Command("calibrate", calibrate, lambda folder, done: done >= 15, share=0.1),
)


def _written(out: Path, text: str) -> Path:
    path = out.parent / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def leave_unfinished(command: Command, out: Path) -> Path:
    """Let a command keep something, and stop it there; the folder that it leaves."""

    def stop(done: int, wanted: int) -> None:
        if command.is_enough(job_folder_path(out), done):
            raise Stop

    try:
        command.do(out, False, stop, lambda text: None)
    except Stop:
        return job_folder_path(out)
    raise AssertionError(f"{command.name} was done before it could be stopped")


def damage(path: Path, chance: random.Random) -> str:
    """Flip a bit of a file, or cut it; says which."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content))
    if chance.random() < 0.25:
        path.write_bytes(bytes(content[:place]))
        return f"cut after {place} of {len(content)} bytes"
    bit = chance.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(bytes(content))
    return f"bit {bit} of byte {place} of {len(content)} flipped"


def resumed(command: Command, out: Path, undisturbed: str) -> str:
    """What comes of resuming: one of the keys that `main` counts."""
    said: list[str] = []
    try:
        digest = command.do(out, True, lambda done, wanted: None, said.append)
    except ts.InputError:
        return "message"
    if digest != undisturbed:
        return "other numbers"
    return "digest equal, said" if any("anew" in text for text in said) else "digest equal, not said"


def rounds_of(command: Command, rounds: int, chance: random.Random) -> Counter[tuple[str, str]]:
    """How often each outcome came of damage to each kept file."""
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as name:
        out, copy = Path(name) / "out", Path(name) / "copy"
        undisturbed = command.do(out, False, lambda done, wanted: None, lambda text: None)
        shutil.rmtree(out)
        leave_unfinished(command, out).rename(copy)
        files = sorted(path.name for path in copy.iterdir() if path.name != LOCK and path.stat().st_size > 0)
        for i in range(rounds):
            for folder in (out, job_folder_path(out)):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(copy, job_folder_path(out))
            file = files[i % len(files)]
            what = damage(job_folder_path(out) / file, chance)
            outcome = resumed(command, out, undisturbed)
            counts[file, outcome] += 1
            if outcome not in ("digest equal, said", "message"):
                print(f"{command.name}: {file}, {what}: {outcome}")
    return counts


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chance = random.SystemRandom()
    record: dict[str, Any] = {}
    n_wrong = n_all = 0
    for command in COMMANDS:
        counts = rounds_of(command, round(rounds * command.share), chance)
        record[command.name] = {}
        for (file, outcome), n in sorted(counts.items()):
            record[command.name].setdefault(file, {})[outcome] = n
            n_all += n
            n_wrong += n if outcome in ("other numbers", "digest equal, not said") else 0
        print(command.name, record[command.name], flush=True)
    record |= {"rounds": n_all, "other_numbers_or_no_word": n_wrong, "source_digest": source_digest()}
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"{n_wrong} of {n_all} damaged folders gave other numbers or no word")
    sys.exit(0 if n_wrong == 0 else 1)


if __name__ == "__main__":
    main()
