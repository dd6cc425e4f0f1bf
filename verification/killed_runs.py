"""Runs that are killed at random moments and resumed: always the digest of the undisturbed run.

Each round starts a run anew, kills it (SIGKILL) at a moment that is uniform over the time that the undisturbed run
took, looks at what lies there, and resumes. A kill that comes before anything was kept
or after the results leaves nothing to resume: these are counted apart. Writes the moments and what was found to
results/verification/killed.json; exits with 1 if a digest differed or a folder could not be read.

    python -m verification.killed_runs [rounds] [replicates]
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from trialsim.compiled.source_digest import source_digest
from trialsim.storage.checkpoint import ROWS
from trialsim.storage.job_folder import job_folder_path

RECORD = Path(__file__).parents[1] / "results" / "verification" / "killed.json"
NOTHING, UNFINISHED, RESULTS = "nothing", "an unfinished run", "results"


def command(out: Path, replicates: int, *more: str) -> list[str]:
    run = ["run", "tosi2000", "--replicates", str(replicates), "--json", "--engine", "batch", "--out", str(out)]
    return [sys.executable, "-m", "trialsim", *run, *more]


def digest_of(out: Path, replicates: int, *more: str) -> str:
    done = subprocess.run(command(out, replicates, *more), capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["results_digest"])


def what_lies_there(out: Path) -> tuple[str, str]:
    """What a killed run left behind, in a word and in detail; an error if it left results that cannot be read."""
    if out.exists():
        json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        return RESULTS, f"results of {len(pd.read_parquet(out / 'replicates.parquet')):,} trials"
    rows = job_folder_path(out) / ROWS
    n_bytes = rows.stat().st_size if rows.exists() else 0
    return (UNFINISHED, f"an unfinished run of {n_bytes:,} bytes") if n_bytes else (NOTHING, "nothing")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    replicates = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    moments = random.SystemRandom()
    kills: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        digest_of(out, 100)  # compiles, if that has not been done
        shutil.rmtree(out)
        started = time.perf_counter()
        undisturbed = digest_of(out, replicates)
        seconds = time.perf_counter() - started
        for _ in range(rounds):
            shutil.rmtree(out)
            process = subprocess.Popen(command(out, replicates), stdout=subprocess.DEVNULL)
            moment = moments.uniform(0.0, seconds)
            time.sleep(moment)
            process.kill()
            process.wait()
            kind, left = what_lies_there(out)
            is_equal = digest_of(out, replicates, "--resume") == undisturbed
            kills.append({"after_seconds": round(moment, 3), "kind": kind, "left": left, "digest_equal": is_equal})
            print(kills[-1])
    n_equal = sum(kill["digest_equal"] for kill in kills)
    by_kind = {kind: sum(kill["kind"] == kind for kill in kills) for kind in (NOTHING, UNFINISHED, RESULTS)}
    record = {
        "replicates": replicates, "seconds_undisturbed": round(seconds, 2), "kills": kills, "kills_that_left": by_kind,
        "digests_equal": n_equal, "source_digest": source_digest(),
    }  # fmt: skip
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"kills that left {', '.join(f'{kind}: {n}' for kind, n in by_kind.items())}")
    print(f"{n_equal} of {rounds} killed runs, run again with --resume, have the digest of the undisturbed one")
    sys.exit(0 if n_equal == rounds else 1)


if __name__ == "__main__":
    main()
