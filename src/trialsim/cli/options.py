"""The options that the commands share, and what a shell completes them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from trialsim.storage.formats import FORMATS

LISTED: Final = ("scenarios", "strategies", "studies", "cohorts")
_ENGINES: Final = ("auto", "reference", "batch")


def completed(*known: str) -> Callable[[str], list[str]]:
    """A completion with some words."""
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def _names(*kinds: str) -> Callable[[str], list[str]]:
    """A completion with the built-in names of some kinds; paths are completed by the shell where no name fits."""

    def complete(incomplete: str) -> list[str]:
        from trialsim.config.source.builtin import builtin_names

        names = {name for kind in kinds for name in builtin_names(kind)}
        return sorted(name for name in names if name.startswith(incomplete))

    return complete


def argument(metavar: str, *kinds: str, words: str = "A YAML path or a built-in name.") -> typer.models.ArgumentInfo:
    """An argument that is a path or a built-in name of some kinds."""
    return typer.Argument(metavar=metavar, help=words, autocompletion=_names(*kinds))  # type: ignore[no-any-return]


ScenarioArgument = Annotated[str, argument("SCENARIO", "scenarios")]
StudyArgument = Annotated[str, argument("STUDY", "studies")]
CohortsArgument = Annotated[
    list[str],
    argument(
        "COHORT…",
        "cohorts",
        "studies",
        words="YAML paths or built-in names: one cohort, one study, or several cohorts to be calibrated together.",
    ),
]
FilesArgument = Annotated[
    list[str], argument("FILE…", "scenarios", "studies", "cohorts", words="YAML paths or built-in names.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of all draws, 0 to 2^64 - 1.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a dotted key; may be repeated.")
]
EngineOption = Annotated[
    str, typer.Option(metavar="|".join(_ENGINES), help="Simulation engine.", autocompletion=completed(*_ENGINES))
]
WorkersOption = Annotated[int | None, typer.Option(help="Threads, or processes of SimPy; by default all cores.")]
OutOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Results folder; by default results/NAME.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Resume an unfinished job.")]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace results, or forget an unfinished run, of another configuration.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, and nothing else there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
NoPicturesOption = Annotated[bool, typer.Option("--no-pictures", help="Draw no pictures.")]
DetailsOption = Annotated[bool, typer.Option("--details", help="Print every table and note.")]
FiguresOption = Annotated[
    str,
    typer.Option(metavar=",".join(FORMATS), help="Formats of the pictures, one or several.",
                 autocompletion=completed(*FORMATS, ",".join(FORMATS))),
]  # fmt: skip
