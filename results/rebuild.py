"""Rebuild what is committed under results/reference and results/studies: tables, manifests and pictures.

python results/rebuild.py [replicates]
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from rich.console import Console, RenderableType

import trialsim as ts
from trialsim.cli.output import comparison_view, size_view_of
from trialsim.config.loading.comparisons import study_data
from trialsim.config.loading.size_studies import is_sizing
from trialsim.config.source.builtin import kind_of_data

KEPT_OF_A_STUDY = (
    "manifest.json", "estimates.csv", "differences.csv", "ranks.csv", "plane.png", "differences.png", "ranks.png",
)  # fmt: skip
KEPT_OF_A_SIZE = (
    "manifest.json", "protocol.txt", "calendar.csv", "exact.csv", "curve.csv", "shares.csv", "power.png",
    "boundaries.png", "assurance.png", "calendar.png",
)  # fmt: skip
KEPT = ("manifest.json", "estimates.csv", "differences.csv", "interpretations.csv", "swimmer.png", "predictive.png")


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
        if kind_of_data(study_data(name)[0]) != "compare":
            continue
        found = ts.compare(name)
        place = Path(__file__).parent / "studies" / name
        keep(found.save(place.with_suffix(".whole"), overwrite=True), KEPT_OF_A_STUDY, place)
        write_summary(place, comparison_view(found, has_details=True))
        print(f"studies/{name}: {found.store.n} replicates")


def size_studies() -> None:
    """Find the size of every shipped study that asks for one and keep the small files."""
    for name in filter(is_sizing, ts.builtin_names("studies")):
        found = ts.size(name)
        place = Path(__file__).parent / "studies" / name
        keep(found.save(place.with_suffix(".whole"), overwrite=True), KEPT_OF_A_SIZE, place)
        write_summary(place, size_view_of(found, has_details=True))
        print(f"studies/{name}: {found.replicates} trials under each truth, {found.seconds:.0f} s")


def write_summary(place: Path, view: RenderableType) -> None:
    """What the command prints."""
    printed = io.StringIO()
    Console(file=printed, width=150).print(view)
    lines = (f"{line.rstrip()}\n" for line in printed.getvalue().strip("\n").splitlines())
    (place / "summary.txt").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Run every shipped scenario and study and keep the small files."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    reference = Path(__file__).parent / "reference"
    for name in ts.builtin_names("scenarios"):
        folder = ts.run(ts.load_scenario(name), replicates).save(reference / f"{name}.whole")
        keep(folder, KEPT, reference / name)
        print(f"{reference.name}/{name}: {replicates} replicates")
    compare_studies()
    size_studies()


if __name__ == "__main__":
    main()
