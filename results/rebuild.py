"""Rebuild what is committed under results/reference: estimates, readings, manifests and pictures of the scenarios.

python results/rebuild.py [replicates]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import trialsim as ts

KEPT = ("manifest.json", "estimates.csv", "readings.csv", "swimmer.png", "predictive.png")


def main() -> None:
    """Run every shipped scenario and keep the small files."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    reference = Path(__file__).parent / "reference"
    for name in ts.builtin_names("scenarios"):
        folder = ts.run(ts.load_scenario(name), replicates).save(reference / f"{name}.whole")
        shutil.rmtree(reference / name, ignore_errors=True)
        (reference / name).mkdir()
        for file in KEPT:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, reference / name / file)
        shutil.rmtree(folder)
        print(f"{reference.name}/{name}: {replicates} replicates")


if __name__ == "__main__":
    main()
