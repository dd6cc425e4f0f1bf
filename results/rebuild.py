"""Rebuild what is committed under results/reference and results/studies: tables, manifests and pictures.

python results/rebuild.py [replicates]
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from rich.console import Console

import trialsim as ts
from trialsim.terminal import comparison_view

KEPT_OF_A_STUDY = (
    "manifest.json", "estimates.csv", "differences.csv", "ranks.csv", "plane.png", "differences.png", "ranks.png",
)  # fmt: skip
KEPT = ("manifest.json", "estimates.csv", "readings.csv", "swimmer.png", "predictive.png")


def keep(folder: Path, names: tuple[str, ...], place: Path) -> None:
    """The small files of a results folder, and nothing else."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for file in names:
        if (folder / file).is_file():
            shutil.copyfile(folder / file, place / file)
    shutil.rmtree(folder)


def compare_studies() -> None:
    """Run every shipped study and keep the small files, with what the command prints."""
    for name in ts.builtin_names("studies"):
        found = ts.compare(name)
        place = Path(__file__).parent / "studies" / name
        keep(found.save(place.with_suffix(".whole")), KEPT_OF_A_STUDY, place)
        printed = io.StringIO()
        Console(file=printed, width=150).print(comparison_view(found))
        lines = (f"{line.rstrip()}\n" for line in printed.getvalue().strip("\n").splitlines())
        (place / "summary.txt").write_text("".join(lines), encoding="utf-8")
        print(f"studies/{name}: {found.store.n} replicates")


def main() -> None:
    """Run every shipped scenario and study and keep the small files."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    reference = Path(__file__).parent / "reference"
    for name in ts.builtin_names("scenarios"):
        folder = ts.run(ts.load_scenario(name), replicates).save(reference / f"{name}.whole")
        keep(folder, KEPT, reference / name)
        print(f"{reference.name}/{name}: {replicates} replicates")
    compare_studies()


if __name__ == "__main__":
    main()
